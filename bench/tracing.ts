import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, freePort, output, start } from "./processes.ts";

/**
 * `node bench/tracing.ts`: what tracing costs, as ratios of one run: webhook → durable bus → HTTP with the export of spans off,
 * on for every trace, and on for a hundredth. Rounds in turn, the medians count; processor time is steadier than rates on a
 * shared machine. `--before CHECKOUT` measures another checkout, without export, as well. `--rounds N --count N`.
 */
const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const rounds = Number(option("rounds") ?? 5);
const count = Number(option("count") ?? 10_000);
const connections = 32;
const node = process.execPath;
const here = (name: string): string => join(import.meta.dirname, name);
const folder = mkdtempSync(join(tmpdir(), "tidemill-bench-tracing-"));
const targetPort = await freePort();
const collectorPort = await freePort();

interface Case {
  readonly name: string;
  readonly main: string;
  readonly env: readonly string[];
}

const own = join(import.meta.dirname, "..", "src", "cli", "main.ts");
const before = option("before");
const endpoint = `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:${collectorPort}`;
const hundredth = ["OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.01"];
const cases: readonly Case[] = [
  { name: "off", main: own, env: [] },
  ...(before === undefined ? [] : [{ name: "before", main: join(before, "src", "cli", "main.ts"), env: [] }]),
  { name: "on", main: own, env: [endpoint] },
  { name: "on, 1 %", main: own, env: [endpoint, ...hundredth] },
];

function manifest(port: number): string {
  const file = join(folder, `orders-${port}.yaml`);
  writeFileSync(
    file,
    `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: web }
spec: { webhook: { orders: { endpoint: /orders, method: POST, port: "${port}" } } }
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: orders }
spec:
  dependencies: [{ name: order, eventSourceName: web, eventName: orders }]
  triggers:
    - template:
        name: post
        http:
          url: http://127.0.0.1:${targetPort}/
          payload: [{ src: { dependencyName: order, dataKey: body, useRawData: true }, dest: "" }]
`,
  );
  return file;
}

async function tidemill(port: number, { main, env }: Case): Promise<Child> {
  const flags = ["--admin", "none", "--metrics", "none", "--data-dir", join(folder, `data-${port}`)];
  return start(["env", ...env, node, "--no-warnings", main, "run", manifest(port), ...flags], /"message":"ready"/);
}

const arrived = async (port: number): Promise<number> => {
  const { count } = (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as { readonly count: number };
  return count;
};

/** Events per second, and processor time per event, until what is exported is with the collector. */
async function through(child: Child, port: number): Promise<{ readonly perSecond: number; readonly cpuMs: number }> {
  await fetch(`http://127.0.0.1:${targetPort}/`, { method: "DELETE" });
  const [cpuMs, startedMs] = [child.cpuMs(), performance.now()];
  await output([node, here("load.ts"), String(port), "/orders", String(connections), String(count), "0"]);
  while ((await arrived(targetPort)) < count) await new Promise((resolve) => setTimeout(resolve, 5));
  const perSecond = (count / (performance.now() - startedMs)) * 1000;
  for (let last = -1; ; ) {
    const now = child.cpuMs();
    if (now - last < 30 && last >= 0) return { perSecond, cpuMs: (now - cpuMs) / count };
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

try {
  await using _target = await start([node, here("target.ts"), String(targetPort)], /ready/);
  await using _collector = await start([node, here("target.ts"), String(collectorPort)], /ready/);
  await using closing = new AsyncDisposableStack();
  const running = [];
  for (const one of cases) {
    const port = await freePort();
    running.push({
      ...one,
      port,
      child: closing.use(await tidemill(port, one)),
      rates: [] as number[],
      cpu: [] as number[],
    });
  }
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? running : running.toReversed();
    for (const { child, port, rates, cpu } of order) {
      const { perSecond, cpuMs } = await through(child, port);
      // the first warms up
      if (round > 0) rates.push(perSecond);
      if (round > 0) cpu.push(cpuMs);
    }
  }
  const [base] = running;
  for (const { name, rates, cpu, child } of running) {
    const ratios = cpu.map((value, round) => value / (base?.cpu[round] ?? value));
    process.stdout.write(
      `tracing ${name}: ${Math.round(median(rates))}/s, ${median(cpu).toFixed(3)} ms of processor time per event, ${median(ratios).toFixed(2)} times that of off, ${Math.round(child.rssAnonMb())} MB\n`,
    );
  }
  process.stdout.write(`${await arrived(collectorPort)} requests reached the collector\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
