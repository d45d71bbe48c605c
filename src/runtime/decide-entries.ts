import type { LogEntry, NewFiring, StateChange, Step } from "../bus/bus.ts";
import type { Fact } from "../lib/facts.ts";
import type { Decider } from "../sensors/decide.ts";
import type { Decided, SensorStates } from "../sensors/decided.ts";
import { decisionFact, endedFacts, type FactContext, laterFacts } from "../sensors/decision-facts.ts";
import { replayPlanExtension } from "../sensors/replay-target.ts";
import { seedOf } from "../sensors/seed.ts";
import { emptyState, type SensorState } from "../sensors/state.ts";
import { stateChanges } from "./held-state.ts";

/** What some entries of the log came to. */
export interface EntriesDecided {
  /** To be committed with their place. */
  readonly step: Step;
  /** In their order. */
  readonly decisions: readonly Decided[];
  /** The earliest end of anything that the touched sensors hold. */
  readonly wakeAtMs: number | undefined;
}

const noStates: SensorStates = new Map();

/** How entries are decided. */
export interface DecidingHow {
  readonly states: Map<string, SensorState>;
  readonly decider: (seq: number) => Decider;
  /** The set of plan revisions that decides now. */
  readonly planSet: string;
  readonly nowMs: number;
  /** Whether facts are made. */
  readonly facts: boolean;
  /** The sensor that catches up alone. */
  readonly only: string | undefined;
}

/**
 * Decides entries one after the other, each on the states that those before it left: `states` has the new ones when this
 * resolves. A replay that wants the plans of then is decided by these, and leaves no state.
 */
export async function decideEntries(
  entries: readonly LogEntry[],
  how: DecidingHow & {
    /** The decider of a set of plans of then. */
    readonly past: (planSet: string) => Promise<Decider>;
  },
): Promise<EntriesDecided> {
  const deciding = new Deciding(how);
  for (const entry of entries) {
    const planSet = entry.event.extensions[replayPlanExtension];
    if (planSet === undefined) deciding.decide(entry);
    else deciding.decideAsThen(entry, planSet, await how.past(planSet));
  }
  return deciding.result();
}

/** As `decideEntries`, at once, and to be taken back; undefined when an entry wants the plans of then. */
export function decideNow(
  entries: readonly LogEntry[],
  how: DecidingHow,
): (EntriesDecided & { takeBack(): void }) | undefined {
  if (entries.some(({ event }) => event.extensions[replayPlanExtension] !== undefined)) return undefined;
  const deciding = new Deciding(how);
  try {
    for (const entry of entries) deciding.decide(entry);
  } catch (error) {
    deciding.takeBack();
    throw error;
  }
  return { ...deciding.result(), takeBack: () => deciding.takeBack() };
}

class Deciding {
  readonly #how: DecidingHow;
  readonly #atUs: number;
  readonly #only: { readonly only?: string };
  /** As they were; undefined: there was none. */
  readonly #before = new Map<string, SensorState | undefined>();
  readonly #facts: Fact[] = [];
  readonly #firings: NewFiring[] = [];
  readonly #decisions: Decided[] = [];
  #wakeAtMs: number | undefined;

  constructor(how: DecidingHow) {
    this.#how = how;
    this.#atUs = Math.round(how.nowMs * 1000);
    this.#only = how.only === undefined ? {} : { only: how.only };
  }

  decide(entry: LogEntry): void {
    const { decider, states, planSet, nowMs } = this.#how;
    const seed = seedOf(entry.event.id);
    this.#add(entry, decider(entry.seq).decide(entry, states, { nowMs, seed }), { planSet, seed });
  }

  decideAsThen(entry: LogEntry, planSet: string, decider: Decider): void {
    const seed = seedOf(entry.event.id);
    this.#add(entry, decider.decide(entry, noStates, { nowMs: this.#how.nowMs, seed }), { planSet, seed });
  }

  result(): EntriesDecided {
    const state: StateChange[] = [];
    for (const [sensor, old] of this.#before)
      state.push(...stateChanges(sensor, old ?? emptyState, this.#how.states.get(sensor) ?? emptyState));
    return {
      step: { state, firings: this.#firings, facts: this.#facts },
      decisions: this.#decisions,
      wakeAtMs: this.#wakeAtMs,
    };
  }

  /** The states are as they were before. */
  takeBack(): void {
    for (const [sensor, old] of this.#before) {
      if (old === undefined) this.#how.states.delete(sensor);
      else this.#how.states.set(sensor, old);
    }
  }

  #add(entry: LogEntry, decided: Decided, of: { readonly planSet: string; readonly seed: number }): void {
    const { states, nowMs, facts } = this.#how;
    for (const [sensor, state] of decided.changed) {
      if (!this.#before.has(sensor)) this.#before.set(sensor, states.get(sensor));
      states.set(sensor, state);
    }
    for (const firing of decided.firings) this.#firings.push(firing);
    if (decided.wakeAtMs !== undefined) this.#wakeAtMs = Math.min(this.#wakeAtMs ?? decided.wakeAtMs, decided.wakeAtMs);
    this.#decisions.push(decided);
    if (facts) addFacts(this.#facts, { entry, decided, cx: { nowMs, atUs: this.#atUs, ...of, ...this.#only } });
  }
}

/** All that is told of one entry. */
function addFacts(
  facts: Fact[],
  { entry, decided, cx }: { readonly entry: LogEntry; readonly decided: Decided; readonly cx: FactContext },
): void {
  if (decided.ended.length > 0) facts.push(...endedFacts(decided.ended, cx));
  if (decided.later.length > 0) facts.push(...laterFacts(decided.later, cx));
  facts.push(decisionFact(entry, decided, cx));
}
