import type { Bus, LogEntry } from "../bus/bus.ts";
import type { BusWithRetention } from "../bus/embedded/open.ts";
import type { Cluster } from "../kit/trigger.ts";
import { aborted } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { EventRecord } from "../record/record.ts";
import type { Decided } from "../sensors/decide.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type ActStageParts, type QueueWork, workQueue } from "./act.ts";
import type { ActParts } from "./attempt.ts";
import { createBusSensors } from "./bus-sensors.ts";
import { DecideStage } from "./decide.ts";
import { mainGroup } from "./enrol.ts";
import type { Held } from "./hold.ts";
import type { Pauses } from "./pauses.ts";
import { createPlanStore, type PlanStore, type Recompile } from "./plan-store.ts";
import { QueueWorkers } from "./queue-workers.ts";
import { type RememberState, remember } from "./remember.ts";
import { createSettledWatch, type SettledWatch } from "./settled.ts";

export interface BusRunParts {
  readonly namespace: string;
  readonly name: string;
  readonly bus: BusWithRetention;
  readonly plans: readonly SensorPlan[];
  readonly invalid: readonly string[];
  readonly recompile: Recompile;
  readonly pauses: Pauses;
  readonly act: Omit<ActParts, "log" | "namespace" | "bus"> & { readonly cluster: Cluster | undefined };
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
  /** All that have a plan, also those that are paused. */
  readonly sensors: readonly SensorPlan[];
  readonly watch: SettledWatch;
  readonly record: RememberState;
  readonly queues: () => readonly QueueWork[];
  /**
   * From now on these sensors decide, but for the paused ones, and their queues are worked. What is the same goes on
   * undisturbed. Nothing has changed when it rejects; not to be called twice at once.
   */
  replan(plans: readonly SensorPlan[], invalid: readonly string[]): Promise<void>;
  /** Looks again at what is paused, and at maintenance windows. Answers when to look next, Unix milliseconds. */
  hold(): Promise<number | undefined>;
  /** Why the firings of a trigger wait, and until when; undefined: they do not. */
  heldBy(sensor: string, trigger: string): Held | undefined;
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
  const { namespace, name, bus, clock, metrics, pauses } = parts;
  const log = parts.log.child({ namespace, bus: name });
  const planStore = createPlanStore({ namespace, bus: name, state: bus.state("plans"), recompile: parts.recompile });
  const watch = settledWatchOf(bus, clock);
  const decide = new DecideStage({
    namespace,
    busName: name,
    bus,
    clock,
    metrics,
    watch,
    log,
    facts: parts.record !== undefined,
    ...(parts.told?.decided === undefined ? {} : { told: parts.told.decided }),
  });
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
  const workers = new QueueWorkers((work, signals) => workQueue(act, work, signals));
  const record = { failing: undefined as string | undefined };
  const sensors = createBusSensors({ namespace, bus, clock, pauses, plans: planStore, decide, workers });
  await sensors.replan(parts.plans, parts.invalid);
  return {
    namespace,
    name,
    bus,
    plans: planStore,
    get sensors() {
      return sensors.all;
    },
    watch,
    record,
    queues: () => workers.works,
    replan: sensors.replan,
    hold: sensors.hold,
    heldBy: sensors.heldBy,
    retain: () => bus.retain(),
    async run({ decide: stopDeciding, soft, hard, remember: stopRemembering }) {
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
      await Promise.all([decide.run(stopDeciding), workers.run({ soft, hard }), remembering]);
    },
  };
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
