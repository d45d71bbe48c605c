import type { FiringState, ReceiptFact } from "../lib/facts.ts";
import type { RecordedDecision } from "./record.ts";

/**
 * The tables of the record, as rows. Times are integer Unix microseconds UTC, ids are text. Rows that belong together are
 * joined by `no`, an integer that grows with time: ids are hashes, and each index over them costs a random page per row
 * (measured: 8 us of CPU and disk per row, against 1 us for a row that is appended), so there is one per id and no more.
 */
export interface Tables {
  readonly record_meta: { readonly version: number };
  readonly place: PlaceRow;
  readonly event: EventRow;
  readonly catch_up: CatchUpRow;
  readonly decision: DecisionRow;
  readonly firing: FiringRow;
  readonly firing_event: PairRow;
  readonly attempt: AttemptRow;
}

/** How far the fact log of one bus is in the tables. */
export interface PlaceRow {
  readonly namespace: string;
  readonly bus: string;
  /** The last chunk. */
  readonly seq: number;
  /** The place in the event log of the first event that this record saw stored: what is older, it need not know. */
  readonly first_seq: number | null;
  /** The highest place in the event log that retention took. */
  readonly retained_seq: number;
}

/**
 * One event, or one draft that did not become an event. Without `source`, it is known only by name: a decision spoke of
 * it, but it was stored before this record began, or retention took it.
 */
export interface EventRow {
  readonly no: number;
  readonly namespace: string;
  readonly bus: string;
  seq: number | null;
  readonly id: string;
  source: string;
  subject: string;
  type: string;
  receipt: "stored" | ReceiptFact["outcome"];
  reason: string | null;
  /** Receipts beside the one that stored it: came again, refused by a source's filter, refused by the bus. */
  duplicates: number;
  filtered_drafts: number;
  refused_drafts: number;
  sent_us: number | null;
  received_us: number;
  stored_us: number | null;
  decided_us: number | null;
  now_ms: number | null;
  seed: number | null;
  plan_set: string | null;
  /** Subscriptions whose source and name match, and of those the filtered ones; all sensors together. */
  matched: number | null;
  filtered: number | null;
  bytes: number | null;
}

/** What a sensor that caught up alone added to `matched` and `filtered` of an event. */
export interface CatchUpRow {
  readonly event_no: number;
  readonly sensor: string;
  matched: number;
  filtered: number;
}

/** The last decision of one subscription about one event. */
export interface DecisionRow {
  readonly event_no: number;
  readonly sensor: string;
  readonly trigger_name: string;
  readonly dependency: string;
  decision: RecordedDecision["decision"];
  reason: string | null;
  firing_no: number | null;
  at_us: number;
}

export interface FiringRow {
  readonly no: number;
  readonly namespace: string;
  readonly bus: string;
  readonly id: string;
  /** Empty when only an attempt spoke of it. */
  sensor: string;
  trigger_name: string;
  revision: string;
  state: FiringState;
  reason: string | null;
  due_us: number;
  /** When it was decided. */
  fired_us: number;
  /** The end of the attempt that succeeded. */
  done_us: number | null;
  parent: string | null;
  /** Grows each time a dead letter is tried again: its attempts count from 1 then. */
  round: number;
}

export interface PairRow {
  readonly firing_no: number;
  readonly dependency: string;
  readonly event_no: number;
}

export interface AttemptRow {
  readonly firing_no: number;
  readonly round: number;
  readonly n: number;
  readonly started_us: number;
  readonly ended_us: number;
  readonly outcome: "done" | "failed";
  readonly code: string | null;
  readonly error: string | null;
  readonly status: string | null;
}

/** The version that this code reads and writes: the number of migrations. */
export const recordVersion = 1;

/** Longest text kept of a reason or an error: a target may answer with anything. */
export const maxTextLength = 4_000;
