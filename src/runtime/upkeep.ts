import { type Clock, nowUs, systemClock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { EventRecord } from "../record/record.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { BusRun } from "./bus-run.ts";
import { spanGroup } from "./export-spans.ts";
import type { RunningSource } from "./source-run.ts";

const retentionEveryMs = 30_000;

/** Retention, from time to time. */
export async function keepUp(
  parts: {
    readonly clock: Clock;
    readonly buses: readonly BusRun[];
    readonly record: EventRecord | undefined;
    readonly recordAgeMs: number | undefined;
    readonly log: Log;
  },
  signal: AbortSignal,
): Promise<void> {
  const { clock, buses, record, log, recordAgeMs = 30 * 86_400_000 } = parts;
  while (!signal.aborted) {
    await clock.sleep(retentionEveryMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      for (const bus of buses) await bus.retain();
      await record?.retain(Math.round((clock.nowMs() - recordAgeMs) * 1000));
    } catch (error) {
      log.warn({ error: messageOf(error) }, "retention could not finish");
    }
  }
}

/** Waits until all facts are in the record and with the collector. For one that fails, only the firings: facts keep. */
export async function caughtUp(
  buses: readonly BusRun[],
  record: EventRecord | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (const { bus, record: fed, spans } of buses) {
    const readers = [
      ...(record === undefined ? [] : [{ group: "record", state: fed }]),
      ...(spans === undefined ? [] : [{ group: spanGroup, state: spans }]),
    ];
    if (readers.length === 0) continue;
    const behind = async (): Promise<boolean> => {
      for (const { group, state } of readers)
        if (state.failing === undefined && (await bus.facts(group).lag()).entries > 0) return true;
      return false;
    };
    // firings that finish during the drain add facts; the queues are asked first
    while (!signal.aborted && ((await running(bus)) || (await behind()))) {
      await systemClock.sleep(10, signal).catch(() => undefined);
    }
  }
}

async function running(bus: BusRun["bus"]): Promise<boolean> {
  for (const name of await bus.queues()) if (bus.queue(name).depth().running > 0) return true;
  return false;
}

/** What is not well, a sentence each. */
export function faultsOf(sources: readonly RunningSource[], buses: readonly BusRun[]): readonly string[] {
  const faults: string[] = [];
  for (const { plan, status } of sources) {
    const now = status();
    const name = `${plan.namespace}/${plan.eventSource}/${plan.event}`;
    if (now.state === "failing") faults.push(`source ${name}: ${now.reason}`);
    if (now.state === "starting") faults.push(`source ${name}: starting`);
  }
  for (const { namespace, name, bus, record } of buses) {
    const { warning, bytes, maxBytes, refusing } = bus.stats();
    if (refusing !== undefined) faults.push(`bus ${namespace}/${name}: ${refusing}`);
    if (warning !== undefined && bytes >= maxBytes) faults.push(`bus ${namespace}/${name}: ${warning}`);
    if (record.failing !== undefined) faults.push(`record: ${record.failing}`);
  }
  return faults;
}

/** Gauges are asked for at each scrape. */
export function observe(metrics: Metrics, buses: readonly BusRun[], clock: Clock): void {
  metrics.onScrape(async (gauges) => {
    for (const { namespace, name, bus, queues, spans } of buses) {
      const at = { namespace, bus: name };
      const { bytes, maxBytes } = bus.stats();
      gauges.busBytes(at, bytes, maxBytes);
      for (const group of ["sensors", "record", ...(spans === undefined ? [] : [spanGroup])]) {
        const { entries } = await (group === "sensors" ? bus.events(group) : bus.facts(group)).lag();
        gauges.lag(at, group, entries);
      }
      for (const { queue, sensor, trigger } of queues()) {
        const here = bus.queue(queue);
        const oldestUs = here.oldestUs();
        const oldestSeconds = oldestUs === undefined ? 0 : Math.max(0, (nowUs(clock) - oldestUs) / 1e6);
        const depth = { ...here.depth(), dead: here.dead().count(), oldestSeconds };
        gauges.queue({ namespace, sensor, trigger }, depth);
      }
    }
  });
}
