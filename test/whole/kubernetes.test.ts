import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithServer } from "../servers/describe.ts";
import { controlPlane, controlPlaneWithNodes, type KubernetesServer, startKubernetes } from "../servers/kubernetes.ts";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained, sumsUp } from "./drained.ts";
import { type Product, startProduct, verb } from "./product.ts";
import { makePlace, type Place, post, webhooks } from "./shop.ts";

interface Job {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly args: string[] }[] } };
  };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

const jobsPath = "/apis/batch/v1/namespaces/default/jobs";

/** A sensor that makes a Job of each order; the order's number is its argument. */
function jobSensor(trigger = ""): string {
  return `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: packer }
spec:
  dependencies:
    - { name: order, eventSourceName: web, eventName: order }
  triggers:
    - template:
        name: pack
        k8s:
          source:
            resource:
              apiVersion: batch/v1
              kind: Job
              metadata: { generateName: pack- }
              spec:
                template:
                  spec:
                    restartPolicy: Never
                    containers:
                      - { name: pack, image: busybox, args: [none] }
          parameters:
            - { src: { dependencyName: order, dataKey: body.n }, dest: spec.template.spec.containers.0.args.0 }
${trigger}`;
}

interface Bench extends AsyncDisposable {
  readonly place: Place;
  readonly port: number;
  start(): Promise<Product>;
  jobs(): Promise<readonly Job[]>;
}

async function bench(server: KubernetesServer, sensor: string): Promise<Bench> {
  const place = await makePlace();
  const port = await freePort();
  await place.write("web.yaml", webhooks(port, ["order"]));
  await place.write("packer.yaml", sensor);
  const kubeconfig = await server.kubeconfig(join(place.manifests, "kubeconfig"));
  return {
    place,
    port,
    start: () =>
      startProduct({
        dataDir: place.dataDir,
        paths: [join(place.manifests, "web.yaml"), join(place.manifests, "packer.yaml")],
        args: ["--kubeconfig", kubeconfig],
      }),
    async jobs() {
      const { body } = await server.api("GET", jobsPath);
      return body.items;
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

const numberOf = ({ spec }: Job): number => Number(spec.template.spec.containers[0]?.args[0]);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe("a kubeconfig that cannot be used", () => {
  it("is told at the start", { timeout: 30_000 }, async () => {
    await using place = await makePlace();
    await place.write("web.yaml", webhooks(await freePort(), ["order"]));
    const ports = ["--admin", "none", "--metrics", "none", "--data-dir", place.dataDir];
    const run = (...args: string[]) => verb(["run", place.manifests, ...ports, ...args]);
    const missing = join(place.dataDir, "none");
    const file = await run("--kubeconfig", missing);
    expect([file.code, file.err]).toEqual([2, expect.stringContaining(`error[TM4040]: the kubeconfig ${missing}`)]);
    await place.write("config.json", "{}");
    const context = await run("--kubeconfig", join(place.manifests, "config.json"), "--context", "far");
    expect([context.code, context.err]).toEqual([2, expect.stringContaining("there is no context far in")]);
  });
});

describeWithServer(controlPlaneWithNodes, () => {
  describe("a webhook that makes a Job", { timeout: 60_000 }, () => {
    let server: KubernetesServer;
    beforeAll(async () => {
      server = await startKubernetes({ workloads: true });
    }, 120_000);
    afterAll(() => server?.[Symbol.asyncDispose]());

    it("is done once the policy's labels are there, while the cluster runs the Job to its end", async () => {
      const backoff = "backoff: { duration: 100ms, steps: 300, jitter: 0 }";
      const policy = `      policy: { k8s: { labels: { packed: "yes" }, errorOnBackoffTimeout: true, ${backoff} } }\n`;
      await using b = await bench(server, jobSensor(policy));
      await using product = await b.start();
      expect((await post(b.port, "/order", { n: 7 })).status).toBe(200);
      const job = await until("the Job is Complete", async () => {
        const [one] = await b.jobs();
        return one?.status.conditions?.some(({ type, status }) => type === "Complete" && status === "True") && one;
      });
      expect(numberOf(job)).toBe(7);
      expect(job.metadata.labels).toMatchObject({
        "events.argoproj.io/sensor": "packer",
        "events.argoproj.io/trigger": "pack",
      });
      const { firings } = await product.get<{ firings: { running: number; done: number } }>("/audit");
      expect(firings).toMatchObject({ done: 0 });
      await server.api("PATCH", `${jobsPath}/${job.metadata.name}`, { metadata: { labels: { packed: "yes" } } });
      const audit = await drained(product);
      expect(sumsUp(audit)).toEqual([]);
      expect(audit.firings).toMatchObject({ done: 1, dead: 0 });
    });
  });
});

describeWithServer(controlPlane, () => {
  describe("a stream of orders", { timeout: 150_000 }, () => {
    it("makes one Job of each, although the API server, etcd and tidemill are killed in the middle", async () => {
      await using server = await startKubernetes();
      await using b = await bench(server, jobSensor());
      let product = await b.start();
      const count = 240;
      const made = (least: number) =>
        until(`${least} Jobs`, async () => (await b.jobs()).length >= least, { timeoutMs: 60_000 });
      const send = async (numbers: readonly number[]): Promise<void> => {
        for (const n of numbers) expect((await post(b.port, "/order", { n })).status).toBe(200);
      };
      const numbers = upTo(count);
      try {
        await send(numbers.slice(0, 60));
        // while the first ones are under way
        await server.apiServer.kill();
        await send(numbers.slice(60, 120));
        await server.apiServer.start();
        await made(60);
        const rest = send(numbers.slice(120, 180));
        await server.etcd.kill();
        await rest;
        await server.etcd.start();
        await made(120);
        await send(numbers.slice(180, 210));
        await product.kill();
        product = await b.start();
        await send(numbers.slice(210));
        const audit = await drained(product, { timeoutMs: 90_000 });
        expect(sumsUp(audit)).toEqual([]);
        expect(audit.firings).toMatchObject({ done: count, dead: 0 });
        const jobs = await b.jobs();
        expect(jobs.map(numberOf).sort((x, y) => x - y)).toEqual(numbers);
        const keys = new Set(jobs.map(({ metadata }) => metadata.labels["tidemill/firing"]));
        expect(keys.size).toBe(count);
      } finally {
        await product.kill();
      }
    });
  });
});
