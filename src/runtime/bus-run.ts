import type { Bus, LogEntry } from "../bus/bus.ts";
import type { BusWithRetention } from "../bus/embedded/open.ts";
import type { Cluster } from "../kit/trigger.ts";
import { aborted } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { EventRecord } from "../record/record.ts";
import type { Decided } from "../sensors/decide.ts";
import { queueOf } from "../sensors/firing-of.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type ActStageParts, type QueueWork, queuesOf, workQueue } from "./act.ts";
import type { ActParts } from "./attempt.ts";
import { DecideStage } from "./decide.ts";
import { mainGroup } from "./enrol.ts";
import { createPlanStore, type PlanStore, type Recompile } from "./plan-store.ts";
import { type RememberState, remember } from "./remember.ts";
import { createSettledWatch, type SettledWatch } from "./settled.ts";

export interface BusRunParts {
  readonly namespace: string;
  readonly name: string;
  readonly bus: BusWithRetention;
  readonly plans: readonly SensorPlan[];
  readonly invalid: readonly string[];
  readonly recompile: Recompile;
  readonly act: Omit<ActParts, "log"> & { readonly cluster: Cluster | undefined };
  readonly record: EventRecord | undefined;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly told?: { decided?(entry: LogEntry, decided: Decided): void; attempted?: ActStageParts["told"] };
}

/** One bus with all that reads it: deciding, acting, remembering. */
export interface BusRun {
  readonly namespace: string;
  readonly name: string;
  readonly bus: Bus;
  readonly plans: PlanStore;
  readonly sensors: readonly SensorPlan[];
  readonly watch: SettledWatch;
  readonly record: RememberState;
  readonly queues: () => readonly QueueWork[];
  /** Ends when everything has stopped: deciding at `decide`, acting at `soft` and what runs at `hard`, remembering last. */
  run(signals: BusSignals): Promise<void>;
  retain(): Promise<void>;
}

export interface BusSignals {
  readonly decide: AbortSignal;
  readonly soft: AbortSignal;
  readonly hard: AbortSignal;
  readonly remember: AbortSignal;
}

export async function openBusRun(parts: BusRunParts): Promise<BusRun> {
  const { namespace, name, bus, plans, clock, metrics } = parts;
  const log = parts.log.child({ namespace, bus: name });
  const planStore = createPlanStore({ namespace, bus: name, state: bus.state("plans"), recompile: parts.recompile });
  const planSet = await planStore.keep(plans);
  const watch = settledWatchOf(bus, clock);
  const decide = new DecideStage({
    namespace,
    busName: name,
    bus,
    plans,
    invalid: parts.invalid,
    planSet,
    clock,
    metrics,
    watch,
    log,
    facts: parts.record !== undefined,
    ...(parts.told?.decided === undefined ? {} : { told: parts.told.decided }),
  });
  const alone = await decide.start();
  const act: ActStageParts = {
    ...parts.act,
    namespace,
    bus,
    plans: planStore,
    metrics,
    watch,
    log,
    ...(parts.told?.attempted === undefined ? {} : { told: parts.told.attempted }),
  };
  const queues = new Map(plans.flatMap((plan) => queuesOf(plan, queueOf)).map((work) => [work.queue, work]));
  for (const orphan of await orphanedQueues(bus, queues)) queues.set(orphan.queue, orphan);
  const record = { failing: undefined as string | undefined };
  return {
    namespace,
    name,
    bus,
    plans: planStore,
    sensors: plans,
    watch,
    record,
    queues: () => [...queues.values()],
    retain: () => bus.retain(),
    async run({ decide: stopDeciding, soft, hard, remember: stopRemembering }) {
      const acting = [...queues.values()].map((work) => workQueue(act, work, { soft, hard }));
      const remembering =
        parts.record === undefined
          ? aborted(stopRemembering)
          : remember({
              bus,
              name: { namespace, bus: name },
              record: parts.record,
              clock,
              random: parts.random,
              log,
              signal: stopRemembering,
              state: record,
            });
      await Promise.all([decide.run(alone, stopDeciding), ...acting, remembering]);
    },
  };
}

/** Firings of triggers that are no longer in the manifests are still due: their plan revision is kept for them. */
async function orphanedQueues(bus: Bus, known: ReadonlyMap<string, QueueWork>): Promise<readonly QueueWork[]> {
  const found: QueueWork[] = [];
  for (const queue of await bus.queues()) {
    if (known.has(queue) || bus.queue(queue).depth().pending === 0) continue;
    const [sensor = "", trigger = ""] = queue.split("/", 2);
    const dlq = sensor.endsWith("#dlq");
    found.push({
      queue,
      sensor: sensor.replace(/#dlq$/, ""),
      trigger,
      dlq,
      concurrency: 1,
      serial: false,
      rateLimit: undefined,
    });
  }
  return found;
}

function settledWatchOf(bus: Bus, clock: Clock): SettledWatch {
  const deadOf = async (eventId: string): Promise<string[]> => {
    const ids: string[] = [];
    for (const name of await bus.queues()) {
      for (const letter of await bus.queue(name).dead().list({ limit: 10_000 })) {
        if (letter.firing.events.some((event) => event.id === eventId)) ids.push(letter.firing.id);
      }
    }
    return ids;
  };
  return createSettledWatch({
    async ask(eventId) {
      const seq = await bus.seqOf(eventId);
      const place = await bus.events(mainGroup).place();
      if (seq === undefined || place === undefined || seq > place) return { decided: false, live: [], dead: [] };
      const live: string[] = [];
      for (const name of await bus.queues()) live.push(...(await bus.queue(name).firingsOf(eventId)));
      return { decided: true, live, dead: await deadOf(eventId) };
    },
    async retryDead(ids) {
      const atUs = Math.round(clock.nowMs() * 1000);
      for (const name of await bus.queues()) {
        for (const id of ids) {
          const facts = [
            {
              k: "firing",
              firing: id,
              state: "pending",
              atUs,
              dueUs: atUs,
              reason: "the upstream brought the event again",
            },
          ] as const;
          await bus.queue(name).dead().retry(id, { dueUs: atUs, facts });
        }
      }
    },
  });
}
