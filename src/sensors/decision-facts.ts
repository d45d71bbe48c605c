import type { LogEntry } from "../bus/bus.ts";
import type { DecisionFact } from "../lib/facts.ts";
import type { Decided, Ended, Later } from "./decided.ts";
import { traceField } from "./trace-field.ts";

/** What facts say of the moment of a decision, and of who decided. */
export interface FactContext {
  readonly nowMs: number;
  readonly seed: number;
  readonly atUs: number;
  readonly planSet: string;
  /** The sensor that catches up alone. */
  readonly only?: string;
}

/** The fact of a decision. Partial events that ended before it have facts of their own: `endedFacts`. */
export function decisionFact(entry: LogEntry, decided: Decided, cx: FactContext): DecisionFact {
  const { fired, waiting, superseded } = decided;
  return {
    k: "decided",
    event: entry.event.id,
    seq: entry.seq,
    ...(entry.storedUs === undefined ? {} : { storedUs: entry.storedUs }),
    ...contextOf(cx),
    matched: decided.matched,
    filtered: decided.filtered,
    ...(fired.length === 0 ? {} : { fired }),
    ...(waiting.length === 0 ? {} : { waiting }),
    ...(superseded.length === 0 ? {} : { superseded }),
    ...traceField(entry.event),
  };
}

/** One fact for each partial event that ended; its `matched` counts just the subscription that held it. */
export function endedFacts(ended: readonly Ended[], cx: FactContext): readonly DecisionFact[] {
  return ended.map(({ seq, ...one }) => ({
    k: "decided",
    event: one.event,
    seq,
    ...contextOf(cx),
    matched: 1,
    filtered: 0,
    ended: [one],
  }));
}

/** One fact for each firing that time made; it says nothing new about what all sensors made of its newest event. */
export function laterFacts(later: readonly Later[], cx: FactContext): readonly DecisionFact[] {
  return later.map(({ event, seq, trace, fired }) => ({
    k: "decided",
    event,
    seq,
    ...contextOf(cx),
    matched: 1,
    filtered: 0,
    later: true,
    fired: [fired],
    ...(trace === undefined ? {} : { trace }),
  }));
}

function contextOf({ atUs, nowMs, seed, planSet, only }: FactContext) {
  return { atUs, nowMs, seed, planSet, ...(only === undefined ? {} : { only }) };
}
