import type { Bus, LogEntry, NewFiring, StateChange, Step } from "../bus/bus.ts";
import { within } from "../lib/abort.ts";
import { type Clock, nowUs } from "../lib/clock.ts";
import { isTide } from "../lib/errors.ts";
import type { Fact } from "../lib/facts.ts";
import type { Log } from "../lib/log.ts";
import { Wakeup } from "../lib/wakeup.ts";
import {
  createDecider,
  type Decided,
  type Decider,
  decisionFact,
  type Ended,
  endedFacts,
  type FactContext,
  type Later,
  laterFacts,
  type SensorStates,
} from "../sensors/decide.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import { replayPlanExtension, withTriggers } from "../sensors/replay-target.ts";
import { seedOf } from "../sensors/seed.ts";
import { emptyState, type SensorState } from "../sensors/state.ts";
import type { BusMetrics, Metrics, TriggerMetrics } from "../telemetry/metrics.ts";
import { correctedSentUs } from "./clock-skew.ts";
import { aloneGroup, type Enrolled, enrol, join, mainGroup } from "./enrol.ts";
import { adoptHeld, forgetOthers, loadState, stateChanges, stateStore } from "./held-state.ts";
import { createPastDeciders, type PastDeciders, type PastParts } from "./replay-past.ts";
import type { SettledWatch } from "./settled.ts";
import { Tasks } from "./tasks.ts";

/** Who decides. */
export interface Deciders {
  readonly plans: readonly SensorPlan[];
  /** Sensors without a plan that keep their place. */
  readonly invalid: readonly string[];
  /** Names of sensors that do not decide now, and keep their place. */
  readonly paused: ReadonlySet<string>;
  /** Names the set of plan revisions, in facts. */
  readonly planSet: string;
}

export interface DecideParts {
  readonly namespace: string;
  readonly busName: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly watch: SettledWatch;
  readonly log: Log;
  /** Plans of then, for replays that want them. */
  readonly past: PastParts;
  /** Whether anybody keeps facts: making them is a third of the work of deciding. */
  readonly facts: boolean;
  readonly told?: (entry: LogEntry, decided: Decided) => void;
}

const entriesPerCommit = 256;

const noStates: SensorStates = new Map();

/** A decider and the entries that it is for: until a trigger that starts later joins. */
interface Phase {
  /** It decides entries up to this place. */
  readonly upTo: number;
  readonly decider: Decider;
}

/**
 * Decides for all sensors of one bus, until `signal` aborts: reads the log in batches, asks the pure decider about each
 * entry, and commits place, states, firings and facts of the batch in one step. Sensors that are behind read alone, under
 * the same lock, until they are at the place of the others.
 */
export class DecideStage {
  readonly #parts: DecideParts;
  readonly #states = new Map<string, SensorState>();
  readonly #triggers = new Map<string, TriggerMetrics>();
  readonly #busMetrics: BusMetrics;
  #past: PastDeciders;
  readonly #wakeup = new Wakeup();
  /** Sensors that read alone, each with a reader until it has caught up or is taken out. */
  readonly #alone = new Map<string, Enrolled>();
  readonly #readers = new Tasks();
  #signal: AbortSignal | undefined;
  #planSet = "";
  #together: Enrolled[] = [];
  #phases: Phase[] = [];
  /** The last step taken under the lock; the next waits for it. */
  #last: Promise<void> = Promise.resolve();
  #wakeAtMs: number | undefined;

  constructor(parts: DecideParts) {
    this.#parts = parts;
    this.#busMetrics = parts.metrics.bus({ namespace: parts.namespace, bus: parts.busName });
    this.#past = createPastDeciders(parts.past);
  }

  /**
   * From now on these sensors decide: between two commits, so that every event is decided by the old ones or by the new ones.
   * What a sensor holds is kept as far as its definition is the same; one that is new, or not paused any more, has what the
   * bus keeps for it. Nothing has changed when it rejects.
   */
  replan(deciders: Deciders): Promise<void> {
    return this.#locked(async () => {
      const { bus, log } = this.#parts;
      const { together, alone, step } = await enrol({ bus, ...deciders, log });
      const states = new Map<string, SensorState>();
      const deciding = [...this.#together, ...this.#alone.values()].map(({ plan }) => plan);
      const revisions = new Map(deciding.map((plan) => [plan.name, plan.revision]));
      const stage = { store: bus.state(stateStore), log, changes: [...(step.state ?? [])], ended: [] as Ended[] };
      for (const { plan } of [...together, ...alone]) {
        const held = this.#states.get(plan.name);
        const same = revisions.get(plan.name) === plan.revision;
        const state = same ? held : held === undefined ? await loadState(plan, stage) : adoptHeld(plan, held, stage);
        if (state !== undefined) states.set(plan.name, state);
      }
      await forgetOthers(new Set([...deciders.plans.map((plan) => plan.name), ...deciders.invalid]), stage);
      this.#planSet = deciders.planSet;
      // which queues are worked may change with the plans
      this.#past = createPastDeciders(this.#parts.past);
      await bus.commit({ ...step, state: stage.changes, facts: this.#endedFacts(stage.ended) });
      this.#states.clear();
      for (const [name, state] of states) this.#states.set(name, state);
      this.#together = [...together];
      this.#plan();
      this.#readAlone(alone);
      this.#wakeAtMs = undefined;
      this.#wake(this.#everybody().tick(this.#states, Number.NEGATIVE_INFINITY).wakeAtMs);
    });
  }

  /** Decides until `signal` aborts; `replan` has said before who. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const name of this.#alone.keys()) this.#readers.add(this.#runAlone(name, signal));
    await Promise.race([Promise.all([this.#runTogether(signal), this.#runTicks(signal)]), this.#readers.ended]);
    await this.#readers.close();
  }

  /** A reader goes on with the new plan; one whose sensor is not here any more ends at its next turn. */
  #readAlone(alone: readonly Enrolled[]): void {
    const names = new Set(alone.map(({ plan }) => plan.name));
    for (const name of this.#alone.keys()) if (!names.has(name)) this.#alone.delete(name);
    for (const one of alone) {
      const reads = this.#alone.has(one.plan.name);
      this.#alone.set(one.plan.name, one);
      if (!reads && this.#signal !== undefined) this.#readers.add(this.#runAlone(one.plan.name, this.#signal));
    }
  }

  async #runTogether(signal: AbortSignal): Promise<void> {
    for await (const batch of this.#parts.bus.events(mainGroup).batches({ max: entriesPerCommit, signal })) {
      await this.#locked(async () => {
        await this.#decideAll(batch.entries, {
          decider: (seq) => deciderAt(this.#phases, seq),
          commit: (step) => batch.commit(step),
          signal,
        });
      });
      if (signal.aborted) return;
    }
  }

  async #runAlone(name: string, signal: AbortSignal): Promise<void> {
    let turn: AloneTurn | undefined;
    while (!signal.aborted) {
      await this.#locked(async () => {
        const enrolled = this.#alone.get(name);
        if (enrolled === undefined) {
          turn = undefined;
          return;
        }
        if (turn?.enrolled !== enrolled) turn = { enrolled, phases: phasesOf([enrolled]) };
        if (await this.#aloneTurn(turn, signal)) turn = undefined;
      });
      if (turn === undefined) return;
    }
  }

  /** Decides the next entries for a sensor that is behind; true once it has joined the others. */
  async #aloneTurn({ enrolled, phases }: AloneTurn, signal: AbortSignal): Promise<boolean> {
    const { bus, log } = this.#parts;
    const { plan } = enrolled;
    const group = aloneGroup(plan.name);
    const place = (await bus.events(group).place()) ?? 0;
    const mainPlace = (await bus.events(mainGroup).place()) ?? 0;
    if (place >= mainPlace) {
      await join(bus, enrolled);
      this.#alone.delete(plan.name);
      this.#together.push(enrolled);
      this.#plan();
      this.#wake(this.#everybody().tick(this.#states, Number.NEGATIVE_INFINITY).wakeAtMs);
      log.info({ sensor: plan.name }, "the sensor has caught up");
      return true;
    }
    const entries = await nextEntries(bus, { group, upTo: mainPlace, signal });
    if (signal.aborted) return false;
    const lastSeq = entries.at(-1)?.seq ?? mainPlace;
    await this.#decideAll(entries, {
      decider: (seq) => deciderAt(phases, seq),
      commit: (step) => bus.commit({ ...step, places: [{ group, seq: lastSeq }] }),
      signal,
      only: plan.name,
    });
    return false;
  }

  /** Resets and times to live end at their moment, also when no event comes. */
  async #runTicks(signal: AbortSignal): Promise<void> {
    const { clock, bus } = this.#parts;
    while (!signal.aborted) {
      const seen = this.#wakeup.rings;
      const atMs = this.#wakeAtMs;
      if (atMs === undefined) {
        await this.#wakeup.wait(seen, signal);
        continue;
      }
      if (atMs > clock.nowMs()) {
        using pause = within(signal);
        await Promise.race([
          this.#wakeup.wait(seen, pause.signal),
          clock.sleep(atMs - clock.nowMs(), pause.signal).catch(() => undefined),
        ]);
        pause.abort(undefined);
        continue;
      }
      await this.#locked(async () => {
        const { ended, later, firings, changed, wakeAtMs } = this.#everybody().tick(this.#states, clock.nowMs());
        const state = this.#changes(changed);
        const facts = [...this.#endedFacts(ended), ...this.#laterFacts(later)];
        if (state.length > 0) await this.#keep((step) => bus.commit(step), { state, firings, facts }, signal);
        if (signal.aborted) return;
        this.#apply(changed);
        for (const { sensor, trigger, decision } of ended) this.#metricsOf(sensor, trigger).decided(decision);
        for (const { fired } of later) this.#metricsOf(fired.sensor, fired.trigger).fired();
        this.#wakeAtMs = undefined;
        this.#wake(wakeAtMs);
      });
    }
  }

  async #decideAll(
    entries: readonly LogEntry[],
    how: {
      readonly decider: (seq: number) => Decider;
      readonly commit: (step: Step) => Promise<void>;
      readonly signal: AbortSignal;
      readonly only?: string;
    },
  ): Promise<void> {
    const before = new Map<string, SensorState>();
    const facts: Fact[] = [];
    const firings: NewFiring[] = [];
    const decisions: Decided[] = [];
    const nowMs = this.#parts.clock.nowMs();
    const atUs = Math.round(nowMs * 1000);
    let wakeAtMs: number | undefined;
    for (const entry of entries) {
      const seed = seedOf(entry.event.id);
      const planSet = entry.event.extensions[replayPlanExtension];
      const decided =
        planSet === undefined
          ? how.decider(entry.seq).decide(entry, this.#states, { nowMs, seed })
          : (await this.#past(planSet, how.only)).decide(entry, noStates, { nowMs, seed });
      for (const [sensor, state] of decided.changed) {
        if (!before.has(sensor)) before.set(sensor, this.#states.get(sensor) ?? emptyState);
        this.#states.set(sensor, state);
      }
      for (const firing of decided.firings) firings.push(firing);
      if (decided.wakeAtMs !== undefined) wakeAtMs = Math.min(wakeAtMs ?? decided.wakeAtMs, decided.wakeAtMs);
      decisions.push(decided);
      if (this.#parts.facts) {
        const cx = {
          nowMs,
          seed,
          atUs,
          planSet: planSet ?? this.#planSet,
          ...(how.only === undefined ? {} : { only: how.only }),
        };
        if (decided.ended.length > 0) facts.push(...endedFacts(decided.ended, cx));
        if (decided.later.length > 0) facts.push(...laterFacts(decided.later, cx));
        facts.push(decisionFact(entry, decided, cx));
      }
    }
    const state: StateChange[] = [];
    for (const [sensor, old] of before)
      state.push(...stateChanges(sensor, old, this.#states.get(sensor) ?? emptyState));
    await this.#keep(how.commit, { state, firings, facts }, how.signal);
    if (how.signal.aborted) return;
    this.#wake(wakeAtMs);
    for (const [at, entry] of entries.entries()) this.#tell(entry, decisions[at], nowUs(this.#parts.clock));
  }

  /** A bus that cannot be written holds up deciding; it loses nothing, because the place has not moved. */
  async #keep(commit: (step: Step) => Promise<void>, step: Step, signal: AbortSignal): Promise<void> {
    for (let pauseMs = 100; !signal.aborted; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      try {
        return await commit(step);
      } catch (error) {
        if (signal.aborted || isTide(error, "BUS_CLOSED")) return;
        this.#parts.log.warn({ err: error, retryInMs: pauseMs }, "decisions are not yet kept");
        await this.#parts.clock.sleep(pauseMs, signal).catch(() => undefined);
      }
    }
  }

  #tell(entry: LogEntry, decided: Decided | undefined, atUs: number): void {
    if (decided === undefined) return;
    const { metrics, watch } = this.#parts;
    this.#busMetrics.decided(decided);
    const { sentUs, receivedUs, skewUs } = entry;
    if (sentUs !== undefined)
      metrics.delay("origin", (receivedUs - correctedSentUs({ sentUs, receivedUs, skewUs })) / 1000);
    if (entry.storedUs !== undefined) {
      metrics.delay("ingest", (entry.storedUs - entry.receivedUs) / 1000);
      metrics.delay("decide", (atUs - entry.storedUs) / 1000);
    }
    for (const { sensor, trigger } of decided.fired) this.#metricsOf(sensor, trigger).fired();
    for (const { fired } of decided.later) this.#metricsOf(fired.sensor, fired.trigger).fired();
    for (const { sensor, trigger } of decided.waiting) this.#metricsOf(sensor, trigger).decided("waiting");
    for (const { sensor, trigger } of decided.superseded) this.#metricsOf(sensor, trigger).decided("superseded");
    for (const { sensor, trigger, decision } of decided.ended) this.#metricsOf(sensor, trigger).decided(decision);
    if (!watch.idle) {
      const firings = decided.fired.map(({ firing }) => firing);
      watch.decided(entry.event.id, firings);
    }
    this.#parts.told?.(entry, decided);
  }

  #plan(): void {
    this.#phases = phasesOf(this.#together);
  }

  /** The decider with all triggers: for what is about time, not about a place. */
  #everybody(): Decider {
    const phase = this.#phases.at(-1);
    if (phase === undefined) throw new Error("the decide stage was not started");
    return phase.decider;
  }

  #endedFacts(ended: readonly Ended[]): readonly Fact[] {
    return this.#parts.facts ? endedFacts(ended, this.#timeContext()) : [];
  }

  #laterFacts(later: readonly Later[]): readonly Fact[] {
    return this.#parts.facts ? laterFacts(later, this.#timeContext()) : [];
  }

  #timeContext(): FactContext {
    const nowMs = this.#parts.clock.nowMs();
    return { nowMs, seed: 0, atUs: Math.round(nowMs * 1000), planSet: this.#planSet };
  }

  #changes(changed: ReadonlyMap<string, SensorState>): StateChange[] {
    return [...changed].flatMap(([sensor, state]) =>
      stateChanges(sensor, this.#states.get(sensor) ?? emptyState, state),
    );
  }

  #apply(changed: ReadonlyMap<string, SensorState>): void {
    for (const [sensor, state] of changed) this.#states.set(sensor, state);
  }

  #wake(atMs: number | undefined): void {
    if (atMs === undefined || (this.#wakeAtMs !== undefined && this.#wakeAtMs <= atMs)) return;
    this.#wakeAtMs = atMs;
    this.#wakeup.ring();
  }

  #metricsOf(sensor: string, trigger: string): TriggerMetrics {
    const key = `${sensor}/${trigger}`;
    const known = this.#triggers.get(key);
    if (known !== undefined) return known;
    const made = this.#parts.metrics.trigger({ namespace: this.#parts.namespace, sensor, trigger });
    this.#triggers.set(key, made);
    return made;
  }

  #locked(step: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(step);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** A sensor that reads alone, and its deciders. */
interface AloneTurn {
  readonly enrolled: Enrolled;
  readonly phases: Phase[];
}

/** The phases of the deciders of some sensors: a trigger takes part only in entries after its place. */
function phasesOf(sensors: readonly Enrolled[]): Phase[] {
  const starts = new Set<number>();
  for (const { after } of sensors) for (const seq of after.values()) starts.add(seq);
  const bounds = [...starts].sort((a, b) => a - b);
  return [...bounds, Number.POSITIVE_INFINITY].map((upTo) => ({
    upTo,
    decider: createDecider(
      sensors.flatMap(({ plan, after }) => {
        const triggers = plan.triggers.filter((trigger) => (after.get(trigger.name) ?? 0) < upTo);
        if (triggers.length === plan.triggers.length) return [plan];
        return triggers.length === 0 ? [] : [withTriggers(plan, triggers)];
      }),
    ),
  }));
}

/** The decider of an entry; phases that are over go. Entries come in the order of their places. */
function deciderAt(phases: Phase[], seq: number): Decider {
  while (phases.length > 1 && (phases[0]?.upTo ?? 0) < seq) phases.shift();
  const phase = phases[0];
  if (phase === undefined) throw new Error("the decide stage was not started");
  return phase.decider;
}

async function nextEntries(
  bus: Bus,
  how: { readonly group: string; readonly upTo: number; readonly signal: AbortSignal },
): Promise<readonly LogEntry[]> {
  if ((await bus.events(how.group).lag()).entries === 0) return [];
  for await (const batch of bus.events(how.group).batches({ max: entriesPerCommit, signal: how.signal })) {
    return batch.entries.filter((entry) => entry.seq <= how.upTo);
  }
  return [];
}
