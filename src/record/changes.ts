import type { RecordedBus } from "./record.ts";
import {
  type AttemptRow,
  type CatchUpRow,
  type DecisionRow,
  type EventRow,
  type FiringRow,
  nameText,
  type PairRow,
  type SpanRow,
} from "./schema.ts";

/** What the tables know already about the ids that some facts speak of, and the next free numbers. */
export interface Known {
  readonly events: readonly EventRow[];
  readonly firings: readonly FiringRow[];
  readonly catchUps: readonly CatchUpRow[];
  readonly nextEventNo: number;
  readonly nextFiringNo: number;
}

/** An event of this transaction: its row as it will be, and the decisions that changed. */
export interface EventChange {
  readonly row: EventRow;
  readonly fresh: boolean;
  changed: boolean;
  readonly decisions: DecisionRow[];
}

export interface FiringChange {
  readonly row: FiringRow;
  readonly fresh: boolean;
  changed: boolean;
  readonly pairs: PairRow[];
  readonly attempts: AttemptRow[];
  readonly spans: SpanRow[];
}

/**
 * The rows that one transaction touches, in memory: facts change them here, and each is written once however many facts
 * spoke of it. In a busy record an event is stored, decided, fired and done within one transaction: one insert, no update.
 */
export class Changes {
  readonly bus: RecordedBus;
  readonly #events = new Map<string, EventChange>();
  readonly #firings = new Map<string, FiringChange>();
  readonly #catchUps = new Map<number, Map<string, CatchUpRow>>();
  #nextEventNo: number;
  #nextFiringNo: number;
  /** The place of the first stored event among the facts. */
  firstStoredSeq: number | undefined;

  constructor(bus: RecordedBus, known: Known) {
    this.bus = bus;
    this.#nextEventNo = known.nextEventNo;
    this.#nextFiringNo = known.nextFiringNo;
    for (const row of known.events)
      this.#events.set(row.id, { row: { ...row }, fresh: false, changed: false, decisions: [] });
    for (const row of known.firings)
      this.#firings.set(row.id, {
        ...{ row: { ...row }, fresh: false, changed: false },
        ...{ pairs: [], attempts: [], spans: [] },
      });
    for (const row of known.catchUps) this.#catchUpsOf(row.event_no).set(row.sensor, { ...row });
  }

  get events(): Iterable<EventChange> {
    return this.#events.values();
  }

  get firings(): Iterable<FiringChange> {
    return this.#firings.values();
  }

  *catchUps(): Iterable<CatchUpRow> {
    for (const rows of this.#catchUps.values()) yield* rows.values();
  }

  /** The event of this id, marked as changed; without one, an event known only by name. */
  event(given: string, seenUs: number): EventChange {
    const id = nameText(given);
    const known = this.#events.get(id);
    if (known !== undefined) {
      known.changed = true;
      return known;
    }
    const row = namedOnly(this.bus, { no: this.#nextEventNo, id, seenUs });
    this.#nextEventNo += 1;
    const made = { row, fresh: true, changed: true, decisions: [] };
    this.#events.set(id, made);
    return made;
  }

  /** The firing of this id, marked as changed; without one, a firing known only by name. */
  firing(given: string, seenUs: number): FiringChange {
    const id = nameText(given);
    const known = this.#firings.get(id);
    if (known !== undefined) {
      known.changed = true;
      return known;
    }
    const row: FiringRow = {
      no: this.#nextFiringNo,
      ...this.bus,
      id,
      sensor: "",
      trigger_name: "",
      revision: "",
      state: "pending",
      reason: null,
      due_us: seenUs,
      fired_us: seenUs,
      done_us: null,
      parent: null,
      round: 0,
    };
    this.#nextFiringNo += 1;
    const made = { row, fresh: true, changed: true, pairs: [], attempts: [], spans: [] };
    this.#firings.set(id, made);
    return made;
  }

  /** An event that satisfied a dependency of a firing; told again, it is the same. */
  pair(firing: FiringChange, dependency: string, event: EventChange): void {
    const row = { firing_no: firing.row.no, dependency, event_no: event.row.no };
    if (!firing.pairs.some((one) => one.event_no === row.event_no && one.dependency === dependency))
      firing.pairs.push(row);
  }

  /** The last word about one attempt counts. */
  attempt(firing: FiringChange, row: AttemptRow): void {
    const at = firing.attempts.findIndex(({ round, n }) => round === row.round && n === row.n);
    if (at < 0) firing.attempts.push(row);
    else firing.attempts[at] = row;
  }

  /** The last word about one span that began at this time counts. */
  span(firing: FiringChange, row: SpanRow): void {
    const at = firing.spans.findIndex(
      (one) =>
        one.span_id === row.span_id && one.start_us === row.start_us && one.round === row.round && one.n === row.n,
    );
    if (at < 0) firing.spans.push(row);
    else firing.spans[at] = row;
  }

  /** Sets the decision of one subscription: the last one counts. */
  decide(event: EventChange, decision: Omit<DecisionRow, "event_no">): void {
    const same = event.decisions.find(
      (one) =>
        one.sensor === decision.sensor &&
        one.trigger_name === decision.trigger_name &&
        one.dependency === decision.dependency,
    );
    if (same === undefined) {
      event.decisions.push({ event_no: event.row.no, ...decision });
      return;
    }
    same.decision = decision.decision;
    same.reason = decision.reason;
    same.firing_no = decision.firing_no;
    same.at_us = decision.at_us;
  }

  /** What sensors that caught up alone counted for this event. */
  caughtUp(event: EventChange): { readonly matched: number; readonly filtered: number } {
    const rows = this.#catchUps.get(event.row.no);
    let matched = 0;
    let filtered = 0;
    if (rows !== undefined) {
      for (const row of rows.values()) {
        matched += row.matched;
        filtered += row.filtered;
      }
    }
    return { matched, filtered };
  }

  catchUp(event: EventChange, given: string, counts: { readonly matched: number; readonly filtered: number }): void {
    const { matched, filtered } = counts;
    const sensor = nameText(given);
    this.#catchUpsOf(event.row.no).set(sensor, { event_no: event.row.no, sensor, matched, filtered });
  }

  #catchUpsOf(eventNo: number): Map<string, CatchUpRow> {
    const known = this.#catchUps.get(eventNo);
    if (known !== undefined) return known;
    const made = new Map<string, CatchUpRow>();
    this.#catchUps.set(eventNo, made);
    return made;
  }
}

function namedOnly(
  bus: RecordedBus,
  { no, id, seenUs }: { readonly no: number; readonly id: string; readonly seenUs: number },
): EventRow {
  return {
    no,
    namespace: bus.namespace,
    bus: bus.bus,
    seq: null,
    id,
    source: "",
    subject: "",
    type: "",
    receipt: "stored",
    reason: null,
    duplicates: 0,
    filtered_drafts: 0,
    refused_drafts: 0,
    sent_us: null,
    received_us: seenUs,
    stored_us: null,
    decided_us: null,
    now_ms: null,
    seed: null,
    plan_set: null,
    matched: null,
    filtered: null,
    bytes: null,
    trace_id: null,
    parent_span: null,
    skew_us: null,
    replay_of: null,
  };
}
