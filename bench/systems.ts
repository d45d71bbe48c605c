import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Rig } from "./figure.ts";
import { type Child, freePort, start } from "./processes.ts";
import { program, type System, type Target } from "./traffic.ts";

/** Upper limit: takes a POST, passes it on, answers; keeps nothing. */
export async function startBare(target: Target): Promise<System & AsyncDisposable> {
  const port = await freePort();
  const child = await start([...program("bare-forwarder.ts"), String(port), String(target.port)], /ready/);
  return { name: "bare", child, port, path: "/", [Symbol.asyncDispose]: child[Symbol.asyncDispose] };
}

/** The same with one LMDB commit before each answer. */
export async function startBareWithLmdb(rig: Rig, target: Target): Promise<System & AsyncDisposable> {
  const port = await freePort();
  const folder = rig.folder("bare-lmdb");
  const child = await start([...program("peers/bare-lmdb.ts"), String(port), String(target.port), folder], /ready/);
  return { name: "bare with LMDB", child, port, path: "/", [Symbol.asyncDispose]: child[Symbol.asyncDispose] };
}

export interface TidemillOptions {
  readonly manifest: string;
  readonly record: "on" | "off";
  /** A folder of an earlier process; a new one unless given. */
  readonly dataDir?: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** As its users start it: the first line of the file carries the flags for Node. */
export async function startTidemill(rig: Rig, options: TidemillOptions): Promise<Child & { readonly dataDir: string }> {
  const { manifest, record, dataDir = rig.folder(`data-${record}`), flags = [], env = {} } = options;
  const file = join(rig.folder("manifest"), "manifest.yaml");
  writeFileSync(file, manifest);
  const quiet = ["--admin", "none", "--metrics", "none", "--log-level", "info", "--log-format", "ecs"];
  const off = record === "off" ? ["--record", "none"] : [];
  const args = ["run", file, "--data-dir", dataDir, ...quiet, ...off, ...flags];
  const child = await start([rig.options.main, ...args], /"message":"ready"/, env);
  return { ...child, dataDir };
}

/** tidemill between a webhook and the target, with a data filter. */
export async function startWebhook(
  rig: Rig,
  target: Target,
  options: Pick<TidemillOptions, "record" | "flags" | "env">,
): Promise<System & AsyncDisposable> {
  const port = await freePort();
  const child = await startTidemill(rig, { ...options, manifest: webhookManifest(port, target.url) });
  const name = `tidemill, record ${options.record}`;
  return { name, child, port, path: "/orders", [Symbol.asyncDispose]: child[Symbol.asyncDispose] };
}

/** The manifest of the main case: Argo Events runs it as well. */
export function webhookManifest(port: number, url: string): string {
  return `${webhookSource(port)}---
${sensor({ name: "orders", kind: "order", url })}`;
}

export function fanOutManifest(port: number, url: string, triggers: number): string {
  return `${webhookSource(port)}---
${sensor({ name: "orders", url, triggers })}`;
}

export function webhookSource(port: number): string {
  return `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: web }
spec:
  webhook:
    orders: { endpoint: /orders, method: POST, port: "${port}" }
`;
}

export interface SensorOptions {
  readonly name: string;
  readonly url: string;
  /** The event it depends on: `orders` of `web` unless given. */
  readonly source?: string;
  readonly event?: string;
  /** A data filter on `body.kind`; none unless given. */
  readonly kind?: string;
  /** What of the event's data is posted; its body unless given. */
  readonly dataKey?: string;
  /** How many triggers it has, all alike; one unless given. */
  readonly triggers?: number;
}

/** A sensor that posts what it is given. */
export function sensor(options: SensorOptions): string {
  const { name, url, source = "web", event = "orders", kind, dataKey = "body", triggers = 1 } = options;
  const filters =
    kind === undefined
      ? ""
      : `
      filters:
        data:
          - { path: body.kind, type: string, value: ["${kind}"] }`;
  return `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: ${name} }
spec:
  dependencies:
    - name: order
      eventSourceName: ${source}
      eventName: ${event}${filters}
  triggers:
${Array.from({ length: triggers }, (_, at) => httpTrigger(at === 0 ? "post" : `post-${at}`, url, dataKey)).join("")}`;
}

function httpTrigger(name: string, url: string, dataKey: string): string {
  return `    - template:
        name: ${name}
        http:
          url: ${url}
          method: POST
          payload:
            - src: { dependencyName: order, dataKey: ${dataKey}, useRawData: true }
              dest: ""
`;
}
