import type { Bus, LogEntry } from "../bus/bus.ts";
import type { BusWithRetention } from "../bus/embedded/open.ts";
import type { Cluster } from "../kit/trigger.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Decided } from "../sensors/decided.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { workQueue } from "./act.ts";
import { createBusSensors } from "./bus-sensors.ts";
import { DecideStage } from "./decide.ts";
import { enrolReaders, type ReaderStates, type Readers, readFacts } from "./fact-readers.ts";
import type { ActParts } from "./fire.ts";
import type { Held } from "./hold.ts";
import { NotifyBook } from "./notify.ts";
import type { Pauses } from "./pauses.ts";
import { createPlanStore, type PlanStore, type Recompile } from "./plan-store.ts";
import { createPreparing } from "./prepare.ts";
import type { ActStageParts } from "./queue-run.ts";
import type { QueueWork } from "./queue-work.ts";
import { QueueWorkers } from "./queue-workers.ts";
import type { SettledWatch } from "./settled.ts";
import { settledWatchOf } from "./settled-on-bus.ts";
import { SpanBook } from "./span-book.ts";

/** What is shared by all buses, and what is of this one. */
export interface BusRunParts extends Readers {
  readonly namespace: string;
  readonly name: string;
  readonly bus: BusWithRetention;
  readonly plans: readonly SensorPlan[];
  readonly invalid: readonly string[];
  readonly recompile: Recompile;
  readonly pauses: Pauses;
  readonly act: Omit<ActParts, "log" | "namespace" | "bus" | "spans"> & { readonly cluster: Cluster | undefined };
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly told?: { decided?(entry: LogEntry, decided: Decided): void; attempted?: ActStageParts["told"] };
}

/** One bus with all that reads it: deciding, acting, remembering. */
export interface BusRun extends ReaderStates {
  readonly namespace: string;
  readonly name: string;
  readonly bus: Bus;
  readonly plans: PlanStore;
  /** All that have a plan, also those that are paused. */
  readonly sensors: readonly SensorPlan[];
  readonly watch: SettledWatch;
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

/** The ends of a bus, in the order in which they abort. */
export interface BusSignals {
  readonly decide: AbortSignal;
  readonly soft: AbortSignal;
  readonly hard: AbortSignal;
  readonly remember: AbortSignal;
}

/** Makes what reads one bus; `run` starts it. Rejects where the bus does not take the places of its sensors. */
export async function openBusRun(parts: BusRunParts): Promise<BusRun> {
  const { namespace, name, bus, clock, metrics, pauses, tracing } = parts;
  const log = parts.log.child({ namespace, bus: name });
  const plans = createPlanStore({ namespace, name, bus, recompile: parts.recompile });
  const watch = settledWatchOf(bus, clock);
  const readers: Readers = { record: parts.record, tracing, lines: parts.lines };
  const facts = await enrolReaders(bus, readers, log);
  const { decide, act, workers } = createStages(parts, { plans, watch, log, facts });
  const states: ReaderStates = {
    record: { failing: undefined },
    spans: tracing === undefined ? undefined : { failing: undefined },
  };
  const sensors = createBusSensors({ namespace, bus, clock, pauses, plans, decide, workers });
  const preparing = createPreparing(act);
  /** Set while it runs. */
  let acts: AbortSignal | undefined;
  await sensors.replan(parts.plans, parts.invalid);
  return {
    namespace,
    name,
    bus,
    plans,
    get sensors() {
      return sensors.all;
    },
    watch,
    ...states,
    queues: () => workers.works,
    async replan(plans, invalid) {
      await sensors.replan(plans, invalid);
      if (acts !== undefined) void preparing.prepare(sensors.all, acts);
    },
    hold: sensors.hold,
    heldBy: sensors.heldBy,
    retain: () => bus.retain(),
    async run({ decide: stopDeciding, soft, hard, remember: stopRemembering }) {
      acts = soft;
      void preparing.prepare(sensors.all, soft);
      const { random } = parts;
      const shared = { bus, name: { namespace, bus: name }, sensors: () => sensors.all, metrics, clock, random, log };
      const reading = readFacts({ ...shared, ...readers }, states, { draining: soft, signal: stopRemembering });
      const acting = workers.run({ soft, hard }).finally(() => act.spans.close().catch(() => undefined));
      await Promise.all([decide.run(stopDeciding), acting, reading]);
    },
  };
}

/** What decides and what acts, which know each other by the queues. */
function createStages(
  parts: BusRunParts,
  own: Pick<ActStageParts, "plans" | "watch" | "log"> & { readonly facts: boolean },
): { readonly decide: DecideStage; readonly act: ActStageParts; readonly workers: QueueWorkers } {
  const { namespace, name, bus, clock, metrics, tracing, told } = parts;
  const { plans, watch, log, facts } = own;
  const decide = new DecideStage({
    namespace,
    busName: name,
    bus,
    clock,
    metrics,
    watch,
    log,
    facts,
    past: { plans, worked: (queue) => workers.works.some((work) => work.queue === queue) },
    ...(told?.decided === undefined ? {} : { told: told.decided }),
  });
  const spans = new SpanBook({
    bus,
    clock,
    log,
    facts,
    name: { namespace, bus: name },
    clean: parts.act.clean,
    ...(tracing === undefined ? {} : { sampler: tracing.sampler }),
  });
  const act: ActStageParts = {
    ...parts.act,
    spans,
    namespace,
    bus,
    plans,
    metrics,
    watch,
    notify: new NotifyBook(bus),
    log,
    ...(told?.attempted === undefined ? {} : { told: told.attempted }),
  };
  const workers = new QueueWorkers((work, signals) => workQueue(act, work, signals));
  return { decide, act, workers };
}
