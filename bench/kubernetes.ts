import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BatchV1Api, KubeConfig, type V1Job } from "@kubernetes/client-node";
import { Pool } from "undici";
import { type KubernetesServer, startKubernetes } from "../test/servers/kubernetes.ts";
import { freePort, output, start } from "./processes.ts";

/**
 * `node bench/kubernetes.ts`: Jobs per second, from webhooks through tidemill into a Kubernetes API, as a ratio to the same
 * number of Jobs made by the bare client (@kubernetes/client-node) in the same run, as many at once, and to plain requests of undici. The machine is shared,
 * so the two take turns, and the median of the rounds' ratios counts. `--rounds N --count N` change the size. Needs the
 * servers `etcd` and `kubernetes`.
 */
const option = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const rounds = option("rounds", 5);
const count = option("count", 2_000);
/** The default `concurrency` of a trigger. */
const atOnce = 32;
const jobsPath = "/apis/batch/v1/namespaces/default/jobs";
/** As large as what tidemill makes of an event of 1 KB. */
const job: V1Job = {
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { generateName: "pack-" },
  spec: {
    template: {
      spec: { restartPolicy: "Never", containers: [{ name: "pack", image: "busybox", args: ["x".repeat(960)] }] },
    },
  },
};

async function made(server: KubernetesServer): Promise<number> {
  const { body } = await server.api("GET", `${jobsPath}?limit=1`);
  return body.items.length + (body.metadata.remainingItemCount ?? 0);
}

async function clear(server: KubernetesServer): Promise<void> {
  await server.api("DELETE", `${jobsPath}?propagationPolicy=Background`);
  while ((await made(server)) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function bare(create: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next++ < count) await create();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return (count * 1000) / (performance.now() - startedMs);
}

/** Until the last Job is there, however it got there. */
async function through(server: KubernetesServer, port: number): Promise<number> {
  const startedMs = performance.now();
  const load = [
    process.execPath,
    join(import.meta.dirname, "load.ts"),
    String(port),
    "/orders",
    "64",
    String(count),
    "0",
  ];
  const { failed } = JSON.parse(await output(load)) as { readonly failed: number };
  if (failed > 0) throw new Error(`${failed} requests failed`);
  while ((await made(server)) < count) await new Promise((resolve) => setTimeout(resolve, 10));
  return (count * 1000) / (performance.now() - startedMs);
}

function manifest(port: number): string {
  const objects = [
    {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "EventSource",
      metadata: { name: "web" },
      spec: { webhook: { orders: { endpoint: "/orders", method: "POST", port: String(port) } } },
    },
    {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Sensor",
      metadata: { name: "packer" },
      spec: {
        dependencies: [{ name: "order", eventSourceName: "web", eventName: "orders" }],
        triggers: [
          {
            template: {
              name: "pack",
              k8s: {
                source: { resource: job },
                parameters: [
                  {
                    src: { dependencyName: "order", dataKey: "body" },
                    dest: "spec.template.spec.containers.0.args.0",
                  },
                ],
              },
            },
          },
        ],
      },
    },
  ];
  return objects.map((object) => JSON.stringify(object)).join("\n---\n");
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const folder = mkdtempSync(join(tmpdir(), "tidemill-bench-"));
try {
  await using server = await startKubernetes();
  const kubeconfig = await server.kubeconfig(join(folder, "kubeconfig"));
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const api = config.makeApiClient(BatchV1Api);
  const port = await freePort();
  const file = join(folder, "orders.yaml");
  writeFileSync(file, manifest(port));
  const quiet = ["--admin", "none", "--metrics", "none", "--log-level", "info"];
  const main = join(import.meta.dirname, "../src/cli/main.ts");
  const place = ["--data-dir", join(folder, "data"), "--kubeconfig", kubeconfig, ...quiet];
  await using _ = await start([process.execPath, "--no-warnings", main, "run", file, ...place], /"message":"ready"/);
  const ratios: number[] = [];
  const httpRatios: number[] = [];
  const http = new Pool(server.url, { connect: { ca: server.ca } });
  const headers = { authorization: `Bearer ${server.adminToken}`, "content-type": "application/json" };
  const request = { method: "POST", path: jobsPath, headers, body: JSON.stringify(job) } as const;
  // the first turn of each is not counted: both have to get warm
  for (let round = 0; round <= rounds; round++) {
    const clientPerSecond = await bare(() => api.createNamespacedJob({ namespace: "default", body: job }));
    await clear(server);
    const httpPerSecond = await bare(async () => {
      const answer = await http.request(request);
      await answer.body.dump();
      if (answer.statusCode !== 201) throw new Error(`the API answered ${answer.statusCode}`);
    });
    await clear(server);
    const tidemillPerSecond = await through(server, port);
    await clear(server);
    if (round === 0) continue;
    ratios.push(tidemillPerSecond / clientPerSecond);
    httpRatios.push(tidemillPerSecond / httpPerSecond);
    const figures = [
      `${tidemillPerSecond.toFixed(0)} Jobs/s through tidemill`,
      `${clientPerSecond.toFixed(0)} by the client`,
    ];
    process.stdout.write(`round ${round}: ${figures.join(", ")}, ${httpPerSecond.toFixed(0)} by plain requests\n`);
  }
  await http.close();
  const [client, plain] = [median(ratios), median(httpRatios)];
  process.stdout.write(`Jobs created, against the bare client: ${client.toFixed(2)} (goal: at least 0.8)\n`);
  process.stdout.write(`Jobs created, against plain requests that keep nothing: ${plain.toFixed(2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
