import type { FactChunk } from "../bus/bus.ts";
import type { AttemptFact, DecisionFact, Fact, FiredFact, ReceiptFact, StoredFact } from "../lib/facts.ts";

/** Facts of a small world for tests: one source, one sensor `s`, times in microseconds from `baseUs`. */
export const baseUs = 1_763_700_000_000_000;

export function stored(event: string, seq: number, more: Partial<StoredFact> = {}): StoredFact {
  const receivedUs = baseUs + seq * 1_000_000;
  return { k: "stored", event, seq, source: "orders", subject: "new", type: "webhook", receivedUs, bytes: 5, ...more };
}

export function receipt(event: string, outcome: ReceiptFact["outcome"], more: Partial<ReceiptFact> = {}): ReceiptFact {
  return {
    k: "receipt",
    event,
    outcome,
    source: "orders",
    subject: "new",
    type: "webhook",
    receivedUs: baseUs,
    ...more,
  };
}

export function decided(event: string, seq: number, more: Partial<DecisionFact> = {}): DecisionFact {
  const atUs = baseUs + seq * 1_000_000 + 3_000;
  const matched = (more.fired?.length ?? 0) + (more.waiting?.length ?? 0) + (more.filtered ?? 0);
  return {
    k: "decided",
    event,
    seq,
    storedUs: atUs - 1_000,
    atUs,
    nowMs: atUs / 1000,
    seed: 7,
    planSet: "plans",
    matched,
    filtered: 0,
    ...more,
  };
}

/** A firing by the last of these (dependency, event) pairs. */
export function fired(firing: string, trigger: string, events: FiredFact["events"]): FiredFact {
  const dependency = events.at(-1)?.[0] ?? "";
  return { sensor: "s", trigger, dependency, firing, revision: "r1", dueUs: baseUs, events };
}

export function attempt(firing: string, n: number, more: Partial<AttemptFact> = {}): AttemptFact {
  const startedUs = baseUs + 60_000_000 + n * 1_000;
  return { k: "attempt", firing, n, startedUs, endedUs: startedUs + 500, outcome: "done", state: "done", ...more };
}

export function chunk(seq: number, ...facts: readonly Fact[]): FactChunk {
  return { seq, json: JSON.stringify(facts) };
}
