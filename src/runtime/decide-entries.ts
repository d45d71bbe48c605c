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

/**
 * Decides entries one after the other, each on the states that those before it left: `states` has the new ones when this
 * resolves. A replay that wants the plans of then is decided by these, and leaves no state.
 */
export async function decideEntries(
  entries: readonly LogEntry[],
  how: {
    readonly states: Map<string, SensorState>;
    readonly decider: (seq: number) => Decider;
    /** The decider of a set of plans of then. */
    readonly past: (planSet: string) => Promise<Decider>;
    /** The set that decides now. */
    readonly planSet: string;
    readonly nowMs: number;
    /** Whether facts are made. */
    readonly facts: boolean;
    /** The sensor that catches up alone. */
    readonly only: string | undefined;
  },
): Promise<EntriesDecided> {
  const { states, nowMs } = how;
  const before = new Map<string, SensorState>();
  const facts: Fact[] = [];
  const firings: NewFiring[] = [];
  const decisions: Decided[] = [];
  const atUs = Math.round(nowMs * 1000);
  const only = how.only === undefined ? {} : { only: how.only };
  let wakeAtMs: number | undefined;
  for (const entry of entries) {
    const seed = seedOf(entry.event.id);
    const planSet = entry.event.extensions[replayPlanExtension];
    const decided =
      planSet === undefined
        ? how.decider(entry.seq).decide(entry, states, { nowMs, seed })
        : (await how.past(planSet)).decide(entry, noStates, { nowMs, seed });
    for (const [sensor, state] of decided.changed) {
      if (!before.has(sensor)) before.set(sensor, states.get(sensor) ?? emptyState);
      states.set(sensor, state);
    }
    for (const firing of decided.firings) firings.push(firing);
    if (decided.wakeAtMs !== undefined) wakeAtMs = Math.min(wakeAtMs ?? decided.wakeAtMs, decided.wakeAtMs);
    decisions.push(decided);
    if (how.facts)
      addFacts(facts, { entry, decided, cx: { nowMs, seed, atUs, planSet: planSet ?? how.planSet, ...only } });
  }
  const state: StateChange[] = [];
  for (const [sensor, old] of before) state.push(...stateChanges(sensor, old, states.get(sensor) ?? emptyState));
  return { step: { state, firings, facts }, decisions, wakeAtMs };
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
