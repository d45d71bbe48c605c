import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Case, Options, Rig } from "../figure.ts";
import { percentile } from "../numbers.ts";
import { startBare, startWebhook } from "../systems.ts";
import { type Arrived, load, type System, startTarget, type Target } from "../traffic.ts";

const rate = 500;
/** Ten seconds of it. */
const mostEvents = 5_000;
const eventsOf = ({ count }: Options): number => Math.min(count, mostEvents);

/**
 * From when a request is handed to the kernel until its event is at the target, at 500 events a second. The yardstick is what one
 * durable write costs while the bare forwarder, which writes nothing, carries the same load: on the same disk and cores.
 */
export const latency: Case = {
  name: "latency",
  title: "webhook → durable bus → data filter → HTTP at 500 events/s",
  usual: true,
  size: (options) => `${eventsOf(options)} events`,
  async run(rig) {
    const events = eventsOf(rig.options);
    await using target = await startTarget();
    await using bare = await startBare(target);
    await using off = await startWebhook(rig, target, { record: "off" });
    await using on = await startWebhook(rig, target, { record: "on" });
    const syncing = new AbortController();
    const syncs = syncTimesMs(rig, syncing.signal);
    const theirs = await steady(bare, target, events);
    syncing.abort();
    const syncMs = await syncs;
    const sync = { p50Ms: percentile(syncMs, 0.5), p99Ms: percentile(syncMs, 0.99) };
    rig.remark(`fdatasync of 1 KB: ${shown(sync)} (${syncMs.length} of them)`);
    rig.say(`bare forwarder: ${shown(theirs)}`);
    const limit = { p50Ms: 1 + 3 * sync.p50Ms, p99Ms: 3 + 3 * sync.p99Ms };
    for (const [record, system] of [["off", off] as const, ["on", on] as const]) {
      const mine = await steady(system, target, events);
      for (const share of ["p50", "p99"] as const) {
        const [value, goal] = [mine[`${share}Ms`], limit[`${share}Ms`]];
        rig.found({
          what: `record ${record}: ${share}`,
          value: `${value.toFixed(2)} ms (the bare forwarder ${theirs[`${share}Ms`].toFixed(2)})`,
          goal: `${share === "p50" ? 1 : 3} ms + 3 × fdatasync's ${share} = ${goal.toFixed(2)} ms`,
          good: value <= goal,
        });
      }
    }
  },
};

function shown({ p50Ms, p99Ms }: Pick<Arrived, "p50Ms" | "p99Ms">): string {
  return `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`;
}

/** In a process that has seen 20,000 at full speed and 1,000 at this one. */
async function steady({ port, path, child }: System, target: Target, events: number): Promise<Arrived> {
  await load({ port, path, count: Math.min(20_000, 4 * events) });
  await load({ port, path, count: 1_000, rate });
  await child.quietCpuMs();
  await target.forget();
  const { failed } = await load({ port, path, count: events, rate });
  if (failed > 0) throw new Error(`${failed} requests failed`);
  await target.until(events);
  return target.arrived();
}

/** How long durable writes of 1 KB take, one every 20 ms, until the abort. */
async function syncTimesMs(rig: Rig, signal: AbortSignal): Promise<readonly number[]> {
  const file = openSync(join(rig.folder("sync"), "file"), "w");
  const bytes = Buffer.alloc(1024);
  const times: number[] = [];
  while (!signal.aborted) {
    const startedMs = performance.now();
    writeSync(file, bytes);
    fdatasyncSync(file);
    times.push(performance.now() - startedMs);
    await pause(20);
  }
  closeSync(file);
  return times;
}
