import type { Bus, LogEntry, StateChange, Step, Taken } from "../bus/bus.ts";
import { type Clock, nowUs } from "../lib/clock.ts";
import { isTide } from "../lib/errors.ts";
import type { Fact } from "../lib/facts.ts";
import type { Log } from "../lib/log.ts";
import type { Decider } from "../sensors/decide.ts";
import type { Decided, Ended, Later } from "../sensors/decided.ts";
import { endedFacts, laterFacts } from "../sensors/decision-facts.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import { emptyState, type SensorState } from "../sensors/state.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { Alarm } from "./alarm.ts";
import { decideEntries, decideNow, type EntriesDecided } from "./decide-entries.ts";
import { DecideTurns } from "./decide-turns.ts";
import { DecisionCounts } from "./decision-counts.ts";
import { aloneGroup, type Enrolled, enrol, join, mainGroup } from "./enrol.ts";
import { adoptHeld, forgetOthers, loadState, stateChanges, stateStore } from "./held-state.ts";
import { deciderAt, type Phase, phasesOf } from "./phases.ts";
import { createPastDeciders, type PastDeciders, type PastParts } from "./replay-past.ts";
import type { SettledWatch } from "./settled.ts";
import { Tasks } from "./tasks.ts";
import { untilKept } from "./until-kept.ts";

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

/** What deciding for one bus needs. */
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

/**
 * So few that the queues have their turns while a backlog is decided: with 256 a target gets 4,000 calls a second and 7,000
 * decisions wait for it, with 128 it gets 6,300 and the whole takes an eighth less. With 64 a Redis backlog takes 5 % longer.
 */
const entriesPerCommit = 128;

/** More are decided after the commit that stores them: who sent them waits for that one. */
const mostTaken = 256;

/**
 * Decides for all sensors of one bus, until `signal` aborts: reads the log in batches, asks the pure decider about each
 * entry, and commits place, states, firings and facts of the batch in one step. Sensors that are behind read alone, under
 * the same lock, until they are at the place of the others.
 */
export class DecideStage {
  readonly #parts: DecideParts;
  readonly #states = new Map<string, SensorState>();
  readonly #counts: DecisionCounts;
  #past: PastDeciders;
  readonly #alarm: Alarm;
  /** Sensors that read alone, each with a reader until it has caught up or is taken out. */
  readonly #alone = new Map<string, Enrolled>();
  readonly #readers = new Tasks();
  #signal: AbortSignal | undefined;
  #planSet = "";
  #together: Enrolled[] = [];
  #phases: Phase[] = [];
  readonly #turns = new DecideTurns();

  constructor(parts: DecideParts) {
    this.#parts = parts;
    this.#counts = new DecisionCounts(parts.metrics, { namespace: parts.namespace, bus: parts.busName });
    this.#past = createPastDeciders(parts.past);
    this.#alarm = new Alarm(parts.clock);
  }

  /**
   * From now on these sensors decide: between two commits, so that every event is decided by the old ones or by the new ones.
   * What a sensor holds is kept as far as its definition is the same; one that is new, or not paused any more, has what the
   * bus keeps for it. Nothing has changed when it rejects.
   */
  replan(deciders: Deciders): Promise<void> {
    return this.#turns.locked(async () => {
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
      await bus.commit({ ...step, state: stage.changes, facts: this.#timeFacts(stage) });
      const mainPlace = (await bus.events(mainGroup).place()) ?? 0;
      this.#states.clear();
      for (const [name, state] of states) this.#states.set(name, state);
      this.#together = [...together];
      this.#phases = phasesOf(this.#together, mainPlace);
      this.#readAlone(alone);
      this.#alarm.clear();
      this.#alarm.at(this.#everybody().tick(this.#states, Number.NEGATIVE_INFINITY).wakeAtMs);
    });
  }

  /** Decides until `signal` aborts; `replan` has said before who. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    using _ = this.#parts.bus.events(mainGroup).join?.((entries) => this.#take(entries));
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
      await this.#turns.locked(async () => {
        await this.#decideAll(batch.entries, {
          decider: (seq) => deciderAt(this.#phases, seq),
          commit: (step) => batch.commit(step),
          signal,
        });
      });
      if (signal.aborted) return;
    }
  }

  /**
   * Decides events in the commit that stores them, where nobody else is deciding and they are not too many.
   */
  #take(entries: readonly LogEntry[]): Taken | undefined {
    if (!this.#turns.free || entries.length > mostTaken) return undefined;
    if (this.#signal?.aborted !== false) return undefined;
    const decided = decideNow(entries, {
      states: this.#states,
      decider: (seq) => deciderAt(this.#phases, seq),
      planSet: this.#planSet,
      nowMs: this.#parts.clock.nowMs(),
      facts: this.#parts.facts,
      only: undefined,
    });
    if (decided === undefined) return undefined;
    const over = this.#turns.take();
    return {
      step: decided.step,
      kept: () => {
        over();
        this.#decided(entries, decided);
      },
      failed: () => {
        decided.takeBack();
        over();
      },
    };
  }

  async #runAlone(name: string, signal: AbortSignal): Promise<void> {
    let turn: AloneTurn | undefined;
    while (!signal.aborted) {
      await this.#turns.locked(async () => {
        const enrolled = this.#alone.get(name);
        if (enrolled === undefined) {
          turn = undefined;
          return;
        }
        if (turn?.enrolled !== enrolled) turn = { enrolled, phases: phasesOf([enrolled], 0) };
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
      this.#phases = phasesOf(this.#together, mainPlace);
      this.#alarm.at(this.#everybody().tick(this.#states, Number.NEGATIVE_INFINITY).wakeAtMs);
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
      await this.#alarm.goesOff(signal);
      if (signal.aborted) return;
      await this.#turns.locked(async () => {
        const { ended, later, firings, changed, wakeAtMs } = this.#everybody().tick(this.#states, clock.nowMs());
        const state = this.#changes(changed);
        const facts = this.#timeFacts({ ended, later });
        if (state.length > 0) await this.#keep((step) => bus.commit(step), { state, firings, facts }, signal);
        if (signal.aborted) return;
        this.#apply(changed);
        this.#counts.ticked({ ended, later });
        this.#alarm.clear();
        this.#alarm.at(wakeAtMs);
      });
    }
  }

  async #decideAll(entries: readonly LogEntry[], how: Deciding): Promise<void> {
    const decided = await decideEntries(entries, {
      states: this.#states,
      decider: how.decider,
      past: (planSet) => this.#past(planSet, how.only),
      planSet: this.#planSet,
      nowMs: this.#parts.clock.nowMs(),
      facts: this.#parts.facts,
      only: how.only,
    });
    await this.#keep(how.commit, decided.step, how.signal);
    if (!how.signal.aborted) this.#decided(entries, decided);
  }

  #decided(entries: readonly LogEntry[], { decisions, wakeAtMs }: EntriesDecided): void {
    this.#alarm.at(wakeAtMs);
    const atUs = nowUs(this.#parts.clock);
    for (const [at, entry] of entries.entries()) this.#tell(entry, decisions[at], atUs);
  }

  /** A bus that cannot be written holds up deciding; it loses nothing, because the place has not moved. */
  async #keep(commit: (step: Step) => Promise<void>, step: Step, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    const failed = (error: unknown, retryInMs: number): void =>
      log.warn({ err: error, retryInMs }, "decisions are not yet kept");
    const write = async (): Promise<void> => {
      if (!signal.aborted) await commit(step);
    };
    try {
      await untilKept(write, { clock, signal, failed });
    } catch (error) {
      if (!signal.aborted && !isTide(error, "BUS_CLOSED")) throw error;
    }
  }

  #tell(entry: LogEntry, decided: Decided | undefined, atUs: number): void {
    if (decided === undefined) return;
    this.#counts.decided(entry, decided, atUs);
    const { watch } = this.#parts;
    if (!watch.idle) {
      const firings = decided.fired.map(({ firing }) => firing);
      watch.decided(entry.event.id, firings);
    }
    this.#parts.told?.(entry, decided);
  }

  /** The decider with all triggers: for what is about time, not about a place. */
  #everybody(): Decider {
    const phase = this.#phases.at(-1);
    if (phase === undefined) throw new Error("the decide stage was not started");
    return phase.decider;
  }

  /** The facts of what time, or a change of plans, brought. */
  #timeFacts({ ended, later = [] }: { readonly ended: readonly Ended[]; readonly later?: readonly Later[] }): Fact[] {
    if (!this.#parts.facts) return [];
    const nowMs = this.#parts.clock.nowMs();
    const cx = { nowMs, seed: 0, atUs: Math.round(nowMs * 1000), planSet: this.#planSet };
    return [...endedFacts(ended, cx), ...laterFacts(later, cx)];
  }

  #changes(changed: ReadonlyMap<string, SensorState>): StateChange[] {
    return [...changed].flatMap(([sensor, state]) =>
      stateChanges(sensor, this.#states.get(sensor) ?? emptyState, state),
    );
  }

  #apply(changed: ReadonlyMap<string, SensorState>): void {
    for (const [sensor, state] of changed) this.#states.set(sensor, state);
  }
}

/** How entries are decided. */
interface Deciding {
  readonly decider: (seq: number) => Decider;
  readonly commit: (step: Step) => Promise<void>;
  readonly signal: AbortSignal;
  /** The sensor that reads alone. */
  readonly only?: string;
}

/** A sensor that reads alone, and its deciders. */
interface AloneTurn {
  readonly enrolled: Enrolled;
  readonly phases: Phase[];
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
