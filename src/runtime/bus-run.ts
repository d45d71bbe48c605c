import type { Bus, DeadLetters, LogEntry } from "../bus/bus.ts";
import type { BusWithRetention } from "../bus/embedded/open.ts";
import type { Cluster } from "../kit/trigger.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Decided } from "../sensors/decide.ts";
import { isNotifyQueue } from "../sensors/firing-of.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type ActStageParts, type QueueWork, workQueue } from "./act.ts";
import type { ActParts } from "./attempt.ts";
import { createBusSensors } from "./bus-sensors.ts";
import { DecideStage } from "./decide.ts";
import { mainGroup } from "./enrol.ts";
import { enrolReaders, type ReaderStates, type Readers, readFacts } from "./fact-readers.ts";
import type { Held } from "./hold.ts";
import { NotifyBook } from "./notify.ts";
import type { Pauses } from "./pauses.ts";
import { createPlanStore, type PlanStore, type Recompile } from "./plan-store.ts";
import { createPreparing } from "./prepare.ts";
import { QueueWorkers } from "./queue-workers.ts";
import { createSettledWatch, type FiringPlace, type SettledWatch } from "./settled.ts";
import { SpanBook } from "./span-book.ts";

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
  const { record, tracing, lines } = parts;
  const readers: Readers = { record, tracing, lines };
  const facts = await enrolReaders(bus, readers, log);
  const decide = new DecideStage({
    namespace,
    busName: name,
    bus,
    clock,
    metrics,
    watch,
    log,
    facts,
    past: { plans: planStore, worked: (queue) => workers.works.some((work) => work.queue === queue) },
    ...(parts.told?.decided === undefined ? {} : { told: parts.told.decided }),
  });
  const spans = new SpanBook({
    bus,
    clock,
    log,
    facts,
    name: { namespace, bus: name },
    ...(tracing === undefined ? {} : { sampler: tracing.sampler }),
  });
  const act: ActStageParts = {
    ...parts.act,
    spans,
    namespace,
    bus,
    plans: planStore,
    metrics,
    watch,
    notify: new NotifyBook(bus),
    log,
    ...(parts.told?.attempted === undefined ? {} : { told: parts.told.attempted }),
  };
  const workers = new QueueWorkers((work, signals) => workQueue(act, work, signals));
  const states: ReaderStates = {
    record: { failing: undefined },
    spans: tracing === undefined ? undefined : { failing: undefined },
  };
  const sensors = createBusSensors({ namespace, bus, clock, pauses, plans: planStore, decide, workers });
  const preparing = createPreparing(act);
  /** Set while it runs. */
  let acts: AbortSignal | undefined;
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
      const acting = workers.run({ soft, hard }).finally(() => spans.close().catch(() => undefined));
      await Promise.all([decide.run(stopDeciding), acting, reading]);
    },
  };
}

function settledWatchOf(bus: Bus, clock: Clock): SettledWatch {
  return createSettledWatch({
    async ask(eventId) {
      const seq = await bus.seqOf(eventId);
      const place = await bus.events(mainGroup).place();
      if (seq === undefined || place === undefined || seq > place) return { decided: false, live: [], dead: [] };
      const live: string[] = [];
      const dead: FiringPlace[] = [];
      for (const queue of await bus.queues()) {
        // whether somebody was told of a failure is nothing that the upstream waits for
        if (isNotifyQueue(queue)) continue;
        live.push(...(await bus.queue(queue).firingsOf(eventId)));
        for await (const id of deadOf(bus.queue(queue).dead(), eventId)) dead.push({ queue, id });
      }
      return { decided: true, live, dead };
    },
    async isDead({ queue, id }) {
      const letter = await bus.queue(queue).dead().get(id);
      return letter !== undefined && letter.firing.successor === undefined;
    },
    async retryDead({ queue, id }) {
      const atUs = Math.round(clock.nowMs() * 1000);
      const reason = "the upstream brought the event again";
      const fact = { k: "firing", firing: id, state: "pending", atUs, dueUs: atUs, reason } as const;
      return bus
        .queue(queue)
        .dead()
        .retry(id, { dueUs: atUs, facts: [fact] });
    },
  });
}

/** Dead firings of an event; not those that a person edited, which go on as another firing. */
async function* deadOf(letters: DeadLetters, eventId: string): AsyncGenerator<string> {
  const limit = 1_000;
  for (let after: string | undefined; ; ) {
    const page = await letters.list({ limit, ...(after === undefined ? {} : { after }) });
    for (const { firing } of page) {
      if (firing.successor === undefined && firing.events.some(({ id }) => id === eventId)) yield firing.id;
    }
    after = page.at(-1)?.firing.id;
    if (page.length < limit || after === undefined) return;
  }
}
