import type { Queue } from "../bus/bus.ts";
import { type HeldStatus, heldStatus, optionalTime, type ReloadStatus, reloadStatus } from "./change-status.ts";
import { rfc3339 } from "./event-answer.ts";
import { triggerOf } from "./plan-store.ts";
import type { Runtime } from "./runtime.ts";
import { addressOf } from "./source-address.ts";
import type { RunningSource } from "./source-run.ts";

/** How a running tidemill is: the answer of `tidemill status`. */
export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly ready: boolean;
  /** What is not well, a sentence each; empty when ready. */
  readonly faults: readonly string[];
  /** Whether events survive the process. */
  readonly durable: boolean;
  readonly dataDir?: string | undefined;
  readonly sources: readonly SourceStatus[];
  readonly sensors: readonly SensorStatus[];
  readonly buses: readonly BusStatus[];
  /** Targets that are down: firings with a retryStrategy wait for them. */
  readonly breakers: readonly BreakerStatus[];
  readonly record?: { readonly url: string; readonly failing?: string | undefined } | undefined;
  /** The last one; absent while there was none. */
  readonly reload?: ReloadStatus | undefined;
  /** Jobs by state, where they run as local processes. */
  readonly jobs?: Readonly<Record<string, number>> | undefined;
}

export interface BreakerStatus {
  readonly target: string;
  readonly state: "open" | "half-open";
  readonly since: string;
  /** In a row. */
  readonly failures: number;
  readonly nextProbeAt: string;
  /** The last failure. */
  readonly error: string;
}

export interface SourceStatus {
  readonly namespace: string;
  readonly eventSource: string;
  readonly event: string;
  readonly kind: string;
  readonly bus: string;
  readonly state: string;
  readonly reason?: string | undefined;
  readonly code?: string | undefined;
  readonly nextTryAt?: string | undefined;
  /** When its pause ends by itself. */
  readonly pausedUntil?: string | undefined;
  /** Where it can be reached: `POST http://127.0.0.1:12000/orders`. */
  readonly address?: string | undefined;
}

export interface SensorStatus {
  readonly namespace: string;
  readonly bus: string;
  readonly sensor: string;
  readonly revision: string;
  /** It does not decide; its events wait. */
  readonly held?: HeldStatus | undefined;
  readonly triggers: readonly TriggerStatus[];
}

export interface TriggerStatus {
  readonly name: string;
  readonly kind: string;
  readonly pending: number;
  readonly running: number;
  readonly dead: number;
  /** Its firings wait in the queue. */
  readonly held?: HeldStatus | undefined;
  /** It is the `dlqTrigger` of this trigger. */
  readonly dlqOf?: string | undefined;
}

export interface BusStatus {
  readonly namespace: string;
  readonly bus: string;
  readonly kind: string;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly pinnedBytes: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly dedupWindowMs: number;
  readonly warning?: string | undefined;
  /** Entries that sensors and record have yet to read. */
  readonly lag: { readonly sensors: LagStatus; readonly record: LagStatus };
}

export interface LagStatus {
  readonly entries: number;
  readonly oldestAt?: string | undefined;
}

export interface StatusParts {
  readonly runtime: Runtime;
  readonly version: string;
  readonly dataDir: string | undefined;
  readonly listenHost: string;
  readonly jobs: { counts(): Readonly<Record<string, number>> } | undefined;
}

export async function status(parts: StatusParts): Promise<Status> {
  const { runtime, version, dataDir, jobs } = parts;
  const faults = runtime.faults();
  const reload = runtime.control.lastReload();
  return {
    version,
    pid: process.pid,
    startedAt: rfc3339(Math.round(runtime.startedMs * 1000)),
    ready: faults.length === 0,
    faults,
    durable: runtime.durable,
    dataDir,
    sources: runtime.sources.map((source) => sourceStatus(source, parts.listenHost)),
    sensors: sensorStatuses(runtime),
    buses: await Promise.all(runtime.buses.map(busStatus)),
    breakers: runtime.breakers.list().map(({ target, state, sinceMs, failures, nextProbeMs, error }) => ({
      target,
      state,
      since: rfc3339(Math.round(sinceMs * 1000)),
      failures,
      nextProbeAt: rfc3339(Math.round(nextProbeMs * 1000)),
      error,
    })),
    record:
      runtime.record === undefined
        ? undefined
        : {
            url: runtime.record.url,
            failing: runtime.buses.find(({ record }) => record.failing !== undefined)?.record.failing,
          },
    reload: reload && reloadStatus(reload),
    jobs: jobs?.counts(),
  };
}

function sourceStatus(source: RunningSource, listenHost: string): SourceStatus {
  const { plan } = source;
  const now = source.status();
  const { namespace, eventSource, event, kind, bus } = plan;
  return {
    namespace,
    eventSource,
    event,
    kind,
    bus,
    state: now.state,
    reason: "reason" in now ? now.reason : undefined,
    code: "code" in now ? now.code : undefined,
    nextTryAt: "nextTryMs" in now ? rfc3339(Math.round(now.nextTryMs * 1000)) : undefined,
    pausedUntil: "untilMs" in now ? optionalTime(now.untilMs) : undefined,
    address: addressOf(plan, listenHost),
  };
}

function sensorStatuses({ buses, control }: Runtime): readonly SensorStatus[] {
  return buses.flatMap(({ namespace, name, bus, sensors, queues, heldBy }) =>
    sensors.map((plan) => ({
      namespace,
      bus: name,
      sensor: plan.name,
      revision: plan.revision,
      held: heldStatus(control.sensorHeld(namespace, plan.name)),
      triggers: queues()
        .filter((work) => work.sensor === plan.name)
        .map((work) => {
          const of = plan.triggers.find((one) => (work.dlq ? one.dlqTrigger?.name : one.name) === work.trigger);
          return {
            name: work.trigger,
            kind: (work.dlq ? of?.dlqTrigger : triggerOf(plan, work.trigger, false))?.kind ?? "",
            ...depthOf(bus.queue(work.queue)),
            held: heldStatus(heldBy(plan.name, work.trigger)),
            dlqOf: work.dlq ? of?.name : undefined,
          };
        }),
    })),
  );
}

function depthOf(queue: Queue): Pick<TriggerStatus, "pending" | "running" | "dead"> {
  const { pending, running } = queue.depth();
  return { pending, running, dead: queue.dead().count() };
}

async function busStatus({ namespace, name, bus }: Runtime["buses"][number]): Promise<BusStatus> {
  const [sensors, record] = await Promise.all([bus.events("sensors").lag(), bus.facts("record").lag()]);
  const lag = ({ entries, oldestUs }: typeof sensors): LagStatus => ({
    entries,
    oldestAt: oldestUs === undefined ? undefined : rfc3339(oldestUs),
  });
  return { namespace, bus: name, ...bus.stats(), lag: { sensors: lag(sensors), record: lag(record) } };
}
