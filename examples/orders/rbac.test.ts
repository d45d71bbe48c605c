import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { describeWithServer } from "../../test/servers/describe.ts";
import { controlPlane, type KubernetesServer, startKubernetes } from "../../test/servers/kubernetes.ts";

const verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
const namespaces = ["orders", "orders-jobs", "default", "kube-system", undefined];
const job = {
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { generateName: "record-order-" },
  spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "record", image: "orders" }] } } },
};

interface Resource {
  readonly group: string;
  readonly resource: string;
}

describeWithServer(controlPlane, () => {
  describe("the account of the orders sensor", { timeout: 120_000 }, () => {
    let server: KubernetesServer;
    let token: string;

    beforeAll(async () => {
      server = await startKubernetes();
      const text = await readFile(new URL("./manifests/rbac.yaml", import.meta.url), "utf8");
      for (const document of parseAllDocuments(text)) await apply(document.toJS());
      token = await server.token("orders-sensor", "orders");
    }, 120_000);
    afterAll(() => server?.[Symbol.asyncDispose]());

    async function apply(object: {
      apiVersion: string;
      kind: string;
      metadata: { namespace?: string };
    }): Promise<void> {
      const group = object.apiVersion.includes("/") ? `/apis/${object.apiVersion}` : `/api/${object.apiVersion}`;
      const { namespace } = object.metadata;
      const plural = `${object.kind.toLowerCase()}s`;
      const path = namespace === undefined ? `${group}/${plural}` : `${group}/namespaces/${namespace}/${plural}`;
      expect([(await server.api("POST", path, object)).status, object.kind]).toEqual([201, object.kind]);
    }

    /** Every resource that the API has, parts of objects (`pods/exec`) included. */
    async function resources(): Promise<readonly Resource[]> {
      const { body } = await server.api("GET", "/apis");
      const groups: readonly { name: string; versions: readonly { groupVersion: string }[] }[] = body.groups;
      const roots = [
        { group: "", path: "/api/v1" },
        ...groups.flatMap(({ name, versions }) =>
          versions.map(({ groupVersion }) => ({ group: name, path: `/apis/${groupVersion}` })),
        ),
      ];
      const found = await Promise.all(
        roots.map(async ({ group, path }) => {
          const listed: readonly { name: string }[] = (await server.api("GET", path)).body.resources;
          return listed.map(({ name }) => ({ group, resource: name }));
        }),
      );
      return found.flat();
    }

    it("may create Jobs in the namespace orders-jobs", async () => {
      const path = (namespace: string) => `/apis/batch/v1/namespaces/${namespace}/jobs`;
      expect((await server.api("POST", path("orders-jobs"), job, token)).status).toBe(201);
      expect((await server.api("POST", path("orders"), job, token)).status).toBe(403);
      expect((await server.api("GET", path("orders-jobs"), undefined, token)).status).toBe(403);
    });

    it("may do nothing else with anything that the API has", async () => {
      const all = await resources();
      expect(all.length).toBeGreaterThan(60);
      // what every account may do is no grant of ours: asked for an account without any
      await server.api("POST", "/api/v1/namespaces/orders/serviceaccounts", { metadata: { name: "nobody" } });
      const nobody = await allowed(all, "nobody");
      const sensor = await allowed(all, "orders-sensor");
      expect(sensor.filter((one) => !nobody.includes(one))).toEqual(["create jobs.batch in orders-jobs"]);
    });

    async function allowed(all: readonly Resource[], account: string): Promise<readonly string[]> {
      const user = `system:serviceaccount:orders:${account}`;
      const groups = ["system:serviceaccounts", "system:serviceaccounts:orders", "system:authenticated"];
      const asked = all.flatMap(({ group, resource }) =>
        verbs.flatMap((verb) => namespaces.map((namespace) => ({ group, resource, verb, namespace }))),
      );
      const found: string[] = [];
      for (let from = 0; from < asked.length; from += 50) {
        const answers = asked.slice(from, from + 50).map(async ({ group, resource, verb, namespace }) => {
          const [name, subresource] = resource.split("/");
          const attributes = { group, resource: name, subresource, verb, namespace };
          const review = { spec: { user, groups, resourceAttributes: attributes } };
          const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
          const { status, body } = await server.api("POST", path, review);
          expect(status).toBe(201);
          const shown = group === "" ? resource : `${resource}.${group}`;
          return body.status.allowed ? [`${verb} ${shown} in ${namespace ?? "all namespaces"}`] : [];
        });
        found.push(...(await Promise.all(answers)).flat());
      }
      return found;
    }
  });
});
