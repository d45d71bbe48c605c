import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureLanguages } from "./languages.ts";
import { type Child, freePort, output, start } from "./processes.ts";

/**
 * `npm run bench`: ratios of one run, against a bare Node forwarder that keeps nothing. The machine is shared, so each
 * round measures both in turn, and the median of the rounds' ratios counts. `-- --rounds N --count N` change the size.
 */
const option = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const rounds = option("rounds", 5);
const count = option("count", 30_000);
const connections = 64;
const node = process.execPath;
const here = (name: string): string => join(import.meta.dirname, name);
const folder = mkdtempSync(join(tmpdir(), "tidemill-bench-"));
const lines: string[] = [];

function say(line: string): void {
  lines.push(line);
  process.stdout.write(`${line}\n`);
}

interface Loaded {
  readonly perSecond: number;
  readonly failed: number;
  readonly p99Ms: number;
}

interface Arrived {
  readonly count: number;
  readonly keys: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const targetPort = await freePort();
const target = (method = "GET"): Promise<Response> => fetch(`http://127.0.0.1:${targetPort}/`, { method });
const arrived = async (): Promise<Arrived> => (await target()).json() as Promise<Arrived>;

async function load(port: number, path: string, rate = 0, events = count): Promise<Loaded> {
  const made = await output([
    node,
    here("load.ts"),
    String(port),
    path,
    String(connections),
    String(events),
    String(rate),
  ]);
  return JSON.parse(made) as Loaded;
}

/** Events per second from the first request until the last event is at the target, and processor time per event. */
async function through(
  child: Child,
  port: number,
  path: string,
): Promise<{ readonly perSecond: number; readonly cpuMs: number }> {
  await target("DELETE");
  const startedMs = performance.now();
  const cpuBefore = child.cpuMs();
  const { failed } = await load(port, path);
  if (failed > 0) throw new Error(`${failed} requests failed`);
  while ((await arrived()).count < count) await new Promise((resolve) => setTimeout(resolve, 5));
  const seconds = (performance.now() - startedMs) / 1000;
  return { perSecond: count / seconds, cpuMs: (child.cpuMs() - cpuBefore) / count };
}

/** The way of an event at 500 per second, in a process that has seen 20,000 at full speed and 2,000 at this one. */
async function steady(port: number, path: string): Promise<Arrived> {
  await load(port, path, 0, 20_000);
  await load(port, path, 500, 2_000);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await target("DELETE");
  await load(port, path, 500, 5_000);
  for (;;) {
    const summary = await arrived();
    if (summary.count >= 5_000) return summary;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function manifest(port: number): string {
  const file = join(folder, `orders-${port}.yaml`);
  writeFileSync(
    file,
    `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: web }
spec:
  webhook:
    orders: { endpoint: /orders, method: POST, port: "${port}" }
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: orders }
spec:
  dependencies:
    - name: order
      eventSourceName: web
      eventName: orders
      filters:
        data:
          - { path: body.kind, type: string, value: ["order"] }
  triggers:
    - template:
        name: post
        http:
          url: http://127.0.0.1:${targetPort}/
          method: POST
          payload:
            - src: { dependencyName: order, dataKey: body, useRawData: true }
              dest: ""
`,
  );
  return file;
}

async function tidemill(port: number, record: "on" | "off"): Promise<Child> {
  const dataDir = join(folder, `data-${port}`);
  const off = record === "off" ? ["--record", "none"] : [];
  const args = [
    "run",
    manifest(port),
    "--data-dir",
    dataDir,
    "--admin",
    "none",
    "--metrics",
    "none",
    "--log-level",
    "info",
    ...off,
  ];
  // as its users start it: the first line of the file carries the flags for node
  return start(["dist/cli/main.js", ...args], /"message":"ready"/);
}

/** What one durable write costs here and now: the yardstick of latencies. */
function fdatasyncMs(): { readonly p50Ms: number; readonly p99Ms: number } {
  const file = openSync(join(folder, "sync"), "w");
  const bytes = Buffer.alloc(1024);
  const times = Array.from({ length: 500 }, () => {
    const startedMs = performance.now();
    writeSync(file, bytes);
    fdatasyncSync(file);
    return performance.now() - startedMs;
  }).sort((a, b) => a - b);
  closeSync(file);
  return { p50Ms: times[250] ?? 0, p99Ms: times[495] ?? 0 };
}

function verdict(good: boolean): string {
  return good ? "ok" : "FALLS SHORT";
}

try {
  await output(["npm", "run", "--silent", "build"]);
  await using _target = await start([node, here("target.ts"), String(targetPort)], /ready/);
  const barePort = await freePort();
  await using bare = await start([node, here("bare-forwarder.ts"), String(barePort), String(targetPort)], /ready/);
  say(
    `webhook → durable bus → data filter → HTTP, 1 KB, ${connections} connections, ${rounds} rounds of ${count} events; bare = a Node forwarder that keeps nothing`,
  );
  for (const [record, goal] of [
    ["off", 0.6],
    ["on", 0.45],
  ] as const) {
    const port = await freePort();
    await using ours = await tidemill(port, record);
    const ratios: number[] = [];
    const cpu: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const theirs = await through(bare, barePort, "/");
      const mine = await through(ours, port, "/orders");
      // the first round warms up both
      if (round === 0) continue;
      ratios.push(mine.perSecond / theirs.perSecond);
      cpu.push(mine.cpuMs / theirs.cpuMs);
      say(
        `  record ${record}: bare ${Math.round(theirs.perSecond)}/s ${theirs.cpuMs.toFixed(3)} ms cpu, tidemill ${Math.round(mine.perSecond)}/s ${mine.cpuMs.toFixed(3)} ms cpu`,
      );
    }
    const ratio = median(ratios);
    say(
      `record ${record}: ${ratio.toFixed(2)} of the bare forwarder's rate (goal ${goal}: ${verdict(ratio >= goal)}), ${median(cpu).toFixed(1)} times its processor time`,
    );
    if (record === "off") {
      const sent = (rounds + 1) * count;
      if (sent < 200_000) await load(port, "/orders", 0, 200_000 - sent);
      const anon = ours.rssAnonMb();
      say(`RssAnon after ${Math.max(sent, 200_000)} events: ${anon.toFixed(0)} MB (goal 150: ${verdict(anon < 150)})`);
    }
  }
  const port = await freePort();
  await using ours = await tidemill(port, "on");
  const before = fdatasyncMs();
  const theirs = await steady(barePort, "/");
  const mine = await steady(port, "/orders");
  const syncMs = Math.max(before.p99Ms, fdatasyncMs().p99Ms);
  const limitMs = 5 + 3 * syncMs;
  say(
    `500 events/s, sent → at the target: p50 ${mine.p50Ms.toFixed(2)} ms, p99 ${mine.p99Ms.toFixed(2)} ms (goal 5 + 3 × fdatasync p99 ${syncMs.toFixed(2)} = ${limitMs.toFixed(2)} ms: ${verdict(mine.p99Ms <= limitMs)}); the bare forwarder in the same run: p50 ${theirs.p50Ms.toFixed(2)} ms, p99 ${theirs.p99Ms.toFixed(2)} ms`,
  );
  say(`tidemill run ready in ${ours.readyMs.toFixed(0)} ms (goal 1000: ${verdict(ours.readyMs < 1000)})`);
  await measureLanguages(say);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
