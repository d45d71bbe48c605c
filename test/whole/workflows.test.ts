import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeWithServer } from "../servers/describe.ts";
import { controlPlane, type KubernetesServer, startKubernetes } from "../servers/kubernetes.ts";
import { until } from "../until.ts";
import { drained, sumsUp } from "./drained.ts";
import { startProduct } from "./product.ts";
import { makePlace } from "./shop.ts";

const group = "argoproj.io";
const workflowsPath = `/apis/${group}/v1alpha1/namespaces/default/workflows`;
const mapsPath = "/api/v1/namespaces/default/configmaps";

/** Each ConfigMap `order-…` that comes makes a workflow, which is done once Argo says that it is completed. */
const manifests = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: cluster }
spec:
  resource:
    orders:
      version: v1
      resource: configmaps
      namespace: default
      eventTypes: [ADD]
      filter: { prefix: order- }
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: baker }
spec:
  dependencies:
    - { name: order, eventSourceName: cluster, eventName: orders }
  triggers:
    - template:
        name: bake
        argoWorkflow:
          operation: submit
          args: [-p, size=3]
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata: { generateName: bake- }
              spec:
                entrypoint: main
                arguments: { parameters: [{ name: order, value: none }] }
          parameters:
            - { src: { dependencyName: order, dataKey: body.data.n }, dest: spec.arguments.parameters.0.value }
      policy:
        k8s:
          labels: { workflows.argoproj.io/completed: "true" }
          backoff: { duration: 100ms, steps: 600, jitter: 0 }
          errorOnBackoffTimeout: true
`;

interface Workflow {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly arguments: { readonly parameters: readonly { readonly name: string; readonly value: string }[] };
  };
}

describeWithServer(controlPlane, () => {
  describe("objects that make workflows", { timeout: 120_000 }, () => {
    it("make one each, and are done when it is completed, although tidemill and the API server are killed", async () => {
      await using server = await startKubernetes();
      await defineWorkflows(server);
      await using place = await makePlace();
      await place.write("all.yaml", manifests);
      const kubeconfig = await server.kubeconfig(join(place.manifests, "kubeconfig"));
      const args = ["--kubeconfig", kubeconfig];
      const options = { dataDir: place.dataDir, paths: [join(place.manifests, "all.yaml")], args };
      const order = async (n: number): Promise<void> => {
        const made = await server.api("POST", mapsPath, { metadata: { name: `order-${n}` }, data: { n: `${n}` } });
        expect(made.status).toBe(201);
      };
      const orders = async (from: number, to: number): Promise<void> => {
        for (let n = from; n < to; n++) await order(n);
      };
      const workflows = async (): Promise<readonly Workflow[]> => (await server.api("GET", workflowsPath)).body.items;
      const made = (least: number) =>
        until(`${least} workflows`, async () => (await workflows()).length >= least, { timeoutMs: 30_000 });

      await orders(0, 5);
      let product = await startProduct(options);
      try {
        await made(5);
        await orders(5, 10);
        await product.kill();
        await orders(10, 15);
        product = await startProduct(options);
        await made(15);
        await server.apiServer.kill();
        await server.apiServer.start();
        await orders(15, 20);
        await made(20);
        for (const { metadata } of await workflows()) {
          const labels = { "workflows.argoproj.io/completed": "true" };
          await server.api("PATCH", `${workflowsPath}/${metadata.name}`, { metadata: { labels } });
        }
        const audit = await drained(product, { timeoutMs: 60_000 });
        expect(sumsUp(audit)).toEqual([]);
        expect(audit.firings).toMatchObject({ done: 20, dead: 0 });
        const parameters = (await workflows()).map(({ spec }) => spec.arguments.parameters);
        expect(parameters.every(([size]) => size?.name === "size" && size.value === "3")).toBe(true);
        const numbers = parameters.map((each) => Number(each.find(({ name }) => name === "order")?.value));
        expect(numbers.sort((a, b) => a - b)).toEqual([...Array(20).keys()]);
      } finally {
        await product.kill();
      }
    });
  });
});

async function defineWorkflows(server: KubernetesServer): Promise<void> {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  await server.api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    metadata: { name: `workflows.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind: "Workflow", plural: "workflows", singular: "workflow" },
      versions: [{ name: "v1alpha1", served: true, storage: true, schema }],
    },
  });
  await until("workflows are served", async () => (await server.api("GET", workflowsPath)).status === 200);
}
