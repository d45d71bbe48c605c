import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Child, freePort, output, start } from "./processes.ts";

/** How the parts of this folder are started: with the Node that runs this one. */
export const program = (name: string): readonly string[] => [
  process.execPath,
  "--no-warnings",
  join(import.meta.dirname, name),
];

export interface Loaded {
  readonly count: number;
  readonly failed: number;
  /** How many of them by status; `closed` is a connection that ended without one. */
  readonly failures: Readonly<Record<string, number>>;
  /** Unix time, milliseconds. */
  readonly startedMs: number;
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly lateP99Ms: number;
  /** Of the generator, for each request. */
  readonly cpuMs: number;
}

export interface Load {
  readonly port: number;
  readonly path: string;
  readonly count: number;
  /** 64 unless given. */
  readonly connections?: number;
  /** For each second; as fast as it goes unless given. */
  readonly rate?: number;
  /** `kind` in the body; `order` unless given. */
  readonly kind?: string;
}

/** Runs the generator to its end. */
export async function load({ port, path, count, connections = 64, rate = 0, kind = "order" }: Load): Promise<Loaded> {
  const args = [port, path, connections, count, rate, kind].map(String);
  return JSON.parse(await output([...program("load.ts"), ...args])) as Loaded;
}

export interface Counted {
  readonly count: number;
  readonly keys: number;
  /** When the first and the last one came, Unix time in milliseconds. */
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface Arrived extends Counted {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The target, a process of its own. */
export interface Target extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly child: Child;
  forget(): Promise<void>;
  /** At another address of this machine as well, from now on. */
  listenAt(address: string): Promise<void>;
  counted(): Promise<Counted>;
  /** Waits until so many have come; throws where nothing more comes for `patienceMs`. */
  until(count: number, patienceMs?: number): Promise<Counted>;
  arrived(): Promise<Arrived>;
}

export async function startTarget(): Promise<Target> {
  const port = await freePort();
  const child = await start([...program("target.ts"), String(port)], /ready/);
  const url = `http://127.0.0.1:${port}/`;
  const counted = async (): Promise<Counted> => (await (await fetch(`${url}count`)).json()) as Counted;
  return {
    port,
    url,
    child,
    counted,
    async forget() {
      await (await fetch(url, { method: "DELETE" })).body?.cancel();
    },
    async listenAt(address) {
      const answer = await fetch(`${url}${address}`, { method: "PUT" });
      await answer.body?.cancel();
    },
    async until(count, patienceMs = 60_000) {
      let last = await counted();
      for (let sinceMs = performance.now(); last.count < count; ) {
        await pause(20);
        const now = await counted();
        if (now.count > last.count) sinceMs = performance.now();
        if (performance.now() - sinceMs > patienceMs)
          throw new Error(`only ${now.count} of ${count} reached the target`);
        last = now;
      }
      return last;
    },
    arrived: async () => (await (await fetch(url)).json()) as Arrived,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** What takes POSTs and passes them to a target. */
export interface System {
  readonly name: string;
  readonly child: Child;
  readonly port: number;
  readonly path: string;
}

export interface Through {
  /** From the first request until the last event is at the target. */
  readonly perSecond: number;
  /** Of all processes of the system, for each event, until they are quiet again. */
  readonly cpuMs: number;
}

/**
 * Sends `count` events through a system; `arrives` is what then comes to the target, as many unless given. Throws where an
 * event was refused, or something did not arrive.
 */
export async function through(
  { child, port, path, name }: System,
  target: Target,
  { arrives, ...of }: Omit<Load, "port" | "path"> & { readonly arrives?: number },
): Promise<Through> {
  await target.forget();
  const cpuBefore = await child.quietCpuMs();
  const { failed, startedMs } = await load({ port, path, ...of });
  if (failed > 0) throw new Error(`${name}: ${failed} of ${of.count} requests failed`);
  const { lastMs } = await target.until(arrives ?? of.count);
  const cpuMs = ((await child.quietCpuMs()) - cpuBefore) / of.count;
  return { perSecond: (of.count * 1000) / (lastMs - startedMs), cpuMs };
}

/** The generator against the target, with nothing between: neither may be what limits a case. */
export async function measureAlone(target: Target, count: number): Promise<string> {
  await load({ port: target.port, path: "/", count: Math.min(count, 10_000) });
  await target.forget();
  const before = await target.child.quietCpuMs();
  const { perSecond, cpuMs } = await load({ port: target.port, path: "/", count });
  const targetCpuMs = ((await target.child.quietCpuMs()) - before) / count;
  return `Generator and target alone: ${perSecond}/s, the generator ${cpuMs.toFixed(4)} ms of processor time a request, the target ${targetCpuMs.toFixed(4)} ms`;
}
