import type { FactChunk } from "../bus/bus.ts";
import { TideError } from "../lib/errors.ts";
import type {
  AttemptFact,
  DecisionFact,
  Fact,
  FiredFact,
  FiringFact,
  ReceiptFact,
  StoredFact,
  SubscriptionFact,
} from "../lib/facts.ts";
import type { Changes, EventChange } from "./changes.ts";
import { foldBrought, foldSpan } from "./fold-trace.ts";
import { text } from "./kept-text.ts";
import { type DecisionRow, nameText } from "./schema.ts";

/**
 * Facts into rows; pure. Applying a fact again in the same order leaves the same rows, except that a receipt counts each
 * time: the place of the fact log, kept in the same transaction, sees to it that a chunk is applied once.
 */
export function foldFacts(changes: Changes, facts: readonly Fact[]): void {
  for (const fact of facts) {
    switch (fact.k) {
      case "stored":
        foldStored(changes, fact);
        break;
      case "receipt":
        foldReceipt(changes, fact);
        break;
      case "decided":
        foldDecided(changes, fact);
        break;
      case "attempt":
        foldAttempt(changes, fact);
        break;
      case "firing":
        foldFiring(changes, fact);
        break;
      case "span":
        foldSpan(changes, fact);
        break;
      default:
        throw new TideError("RECORD_FACTS_BAD", `a fact of the unknown kind ${JSON.stringify((fact as Fact).k)}`);
    }
  }
}

/** The facts of chunks, in order. Fails with RECORD_FACTS_BAD, naming the chunk. */
export function readFacts(chunks: readonly FactChunk[]): readonly Fact[] {
  const facts: Fact[] = [];
  for (const chunk of chunks) {
    let parsed: unknown;
    try {
      parsed = JSON.parse(chunk.json, halfPair.test(chunk.json) ? wellFormed : undefined);
    } catch (cause) {
      throw new TideError("RECORD_FACTS_BAD", `chunk ${chunk.seq} of the fact log is not JSON`, { cause });
    }
    if (!Array.isArray(parsed))
      throw new TideError("RECORD_FACTS_BAD", `chunk ${chunk.seq} of the fact log is not a list of facts`);
    for (const fact of parsed) {
      if (typeof fact?.k !== "string")
        throw new TideError("RECORD_FACTS_BAD", `chunk ${chunk.seq} of the fact log has an entry that is no fact`);
      facts.push(fact);
    }
  }
  return facts;
}

/** Half a surrogate pair is no Unicode, and no database keeps it: an id must be found again by what is kept. */
const halfPair = /\\u[dD][89a-fA-F]/;

function wellFormed(_key: string, value: unknown): unknown {
  return typeof value === "string" ? value.toWellFormed() : value;
}

/** The ids that facts speak of: what must be looked up before they are folded. */
export function mentioned(facts: readonly Fact[]): {
  readonly events: ReadonlySet<string>;
  readonly firings: ReadonlySet<string>;
} {
  const events = new Set<string>();
  const firings = new Set<string>();
  for (const fact of facts) {
    if (fact.k === "attempt" || fact.k === "firing" || fact.k === "span") {
      firings.add(fact.firing);
      if (fact.k === "firing") for (const [, event] of fact.created?.events ?? none) events.add(event);
      continue;
    }
    events.add(fact.event);
    if (fact.k !== "decided") continue;
    for (const fired of fact.fired ?? none) {
      firings.add(fired.firing);
      for (const [, event] of fired.events) events.add(event);
    }
    for (const { event } of fact.waiting ?? none) if (event !== undefined) events.add(event);
    for (const { event } of fact.superseded ?? none) events.add(event);
    for (const { event } of fact.ended ?? none) events.add(event);
  }
  return { events: kept(events), firings: kept(firings) };
}

/** As the tables have them. */
function kept(ids: ReadonlySet<unknown>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const id of ids) {
    if (typeof id !== "string") throw new TideError("RECORD_FACTS_BAD", `a fact names ${typeof id} as an id`);
    names.add(nameText(id));
  }
  return names;
}

const none: readonly never[] = [];

function foldStored(changes: Changes, fact: StoredFact): void {
  const { row } = changes.event(fact.event, fact.receivedUs);
  // the same id again after the dedup window: a new occurrence under the old name, which is decided anew
  if (row.receipt === "stored" && row.source !== "" && row.seq !== fact.seq) {
    row.duplicates += 1;
    row.decided_us = null;
    row.stored_us = null;
  }
  row.receipt = "stored";
  row.reason = text(fact.reason);
  row.seq = fact.seq;
  row.source = fact.source;
  row.subject = fact.subject;
  row.type = fact.type;
  row.sent_us = fact.sentUs ?? null;
  row.received_us = fact.receivedUs;
  row.bytes = fact.bytes;
  foldBrought(row, fact);
  if (changes.firstStoredSeq === undefined || fact.seq < changes.firstStoredSeq) changes.firstStoredSeq = fact.seq;
}

function foldReceipt(changes: Changes, fact: ReceiptFact): void {
  const { row } = changes.event(fact.event, fact.receivedUs);
  if (row.source === "") {
    // what a decision spoke of is held by the bus, whatever became of this draft
    if (row.decided_us === null && row.seq === null) row.receipt = fact.outcome;
    row.source = fact.source;
    row.subject = fact.subject;
    row.type = fact.type;
    row.sent_us = fact.sentUs ?? null;
    row.received_us = fact.receivedUs;
    foldBrought(row, fact);
  } else if (row.receipt !== "stored" && row.receipt !== "duplicate") {
    row.receipt = fact.outcome;
  }
  if (fact.outcome === "duplicate") row.duplicates += 1;
  else if (fact.outcome === "filtered") row.filtered_drafts += 1;
  else row.refused_drafts += 1;
  if (row.receipt !== "stored") row.reason = text(fact.reason);
}

function foldDecided(changes: Changes, fact: DecisionFact): void {
  for (const one of fact.ended ?? none) {
    const decision = { ...subscription(one), decision: one.decision, firing_no: null, at_us: fact.atUs };
    changes.decide(changes.event(one.event, fact.atUs), decision);
  }
  if (onlyEnds(fact)) return;
  if (fact.later === true) {
    for (const one of fact.fired ?? none) foldFired(changes, fact, one);
    return;
  }
  const event = changes.event(fact.event, fact.atUs);
  if (event.row.seq === null) event.row.seq = fact.seq;
  if (fact.storedUs !== undefined) event.row.stored_us = fact.storedUs;
  if (event.row.source === "") foldBrought(event.row, fact);
  foldCounts(changes, event, fact);
  for (const one of fact.waiting ?? none) {
    const decision = { ...subscription(one), decision: "waiting", firing_no: null, at_us: fact.atUs } as const;
    changes.decide(one.event === undefined ? event : changes.event(one.event, fact.atUs), decision);
  }
  for (const one of fact.superseded ?? none) {
    const decision = { ...subscription(one), decision: "superseded", firing_no: null, at_us: fact.atUs } as const;
    changes.decide(changes.event(one.event, fact.atUs), decision);
  }
  // after `waiting`: an event that waits for one dependency and satisfies the condition by another one has fired
  for (const one of fact.fired ?? none) foldFired(changes, fact, one);
}

/** The fact of a partial event that was dropped: it says nothing about what all sensors made of that event. */
function onlyEnds(fact: DecisionFact): boolean {
  return (
    fact.ended !== undefined &&
    fact.ended.length > 0 &&
    fact.fired === undefined &&
    fact.waiting === undefined &&
    fact.superseded === undefined
  );
}

/** `matched` and `filtered` of an event are the sums over the common decision and each sensor that caught up alone. */
function foldCounts(changes: Changes, event: EventChange, fact: DecisionFact): void {
  const { row } = event;
  const before = changes.caughtUp(event);
  if (fact.only === undefined) {
    row.matched = fact.matched + before.matched;
    row.filtered = fact.filtered + before.filtered;
  } else {
    changes.catchUp(event, fact.only, fact);
    const after = changes.caughtUp(event);
    row.matched = (row.matched ?? 0) + after.matched - before.matched;
    row.filtered = (row.filtered ?? 0) + after.filtered - before.filtered;
    // the others decide it together; only of an event from before this record is that not known
    if (row.decided_us !== null || row.source !== "") return;
  }
  row.decided_us = fact.atUs;
  row.now_ms = fact.nowMs;
  row.seed = fact.seed;
  row.plan_set = fact.planSet;
}

function foldFired(changes: Changes, fact: DecisionFact, fired: FiredFact): void {
  const firing = changes.firing(fired.firing, fact.atUs);
  const event = changes.event(fact.event, fact.atUs);
  const { row } = firing;
  // made before this event came: the same id is back after its dedup window, and so is its firing
  const again = row.sensor !== "" && row.fired_us < event.row.received_us;
  if (row.sensor === "" || again) {
    if (again) row.round += 1;
    if (again) row.state = "pending";
    row.sensor = fired.sensor;
    row.trigger_name = fired.trigger;
    row.revision = fired.revision;
    row.due_us = fired.dueUs;
    row.fired_us = fact.atUs;
  }
  const decision = { sensor: fired.sensor, trigger_name: fired.trigger, firing_no: row.no, at_us: fact.atUs };
  for (const [dependency, id] of fired.events) {
    const one = changes.event(id, fact.atUs);
    changes.pair(firing, dependency, one);
    changes.decide(one, { ...decision, dependency, decision: "fired", reason: text(fired.reason) });
  }
}

function foldAttempt(changes: Changes, fact: AttemptFact): void {
  const firing = changes.firing(fact.firing, fact.startedUs);
  const { row } = firing;
  row.round = Math.max(row.round, fact.round ?? 0);
  row.state = fact.state;
  row.reason = null;
  if (fact.dueUs !== undefined) row.due_us = fact.dueUs;
  if (fact.state === "done") row.done_us = fact.endedUs;
  changes.attempt(firing, {
    firing_no: row.no,
    round: row.round,
    n: fact.n,
    started_us: fact.startedUs,
    ended_us: fact.endedUs,
    outcome: fact.outcome,
    code: fact.code ?? null,
    error: text(fact.error),
    status: text(fact.status),
    batch: fact.batch?.id ?? null,
    batch_size: fact.batch?.size ?? null,
  });
}

function foldFiring(changes: Changes, fact: FiringFact): void {
  const firing = changes.firing(fact.firing, fact.atUs);
  const { row } = firing;
  if (fact.created !== undefined) {
    if (row.sensor !== "") return;
    row.sensor = fact.created.sensor;
    row.trigger_name = fact.created.trigger;
    row.revision = fact.created.revision;
    row.parent = fact.created.parent ?? null;
    row.fired_us = fact.atUs;
    for (const [dependency, id] of fact.created.events) changes.pair(firing, dependency, changes.event(id, fact.atUs));
  } else if (row.state === "dead" && fact.state === "pending") {
    row.round += 1;
  }
  row.state = fact.state;
  row.reason = text(fact.reason);
  if (fact.dueUs !== undefined) row.due_us = fact.dueUs;
  if (fact.state === "done") row.done_us = fact.atUs;
}

function subscription(
  one: SubscriptionFact,
): Pick<DecisionRow, "sensor" | "trigger_name" | "dependency"> & { readonly reason: string | null } {
  return { sensor: one.sensor, trigger_name: one.trigger, dependency: one.dependency, reason: text(one.reason) };
}
