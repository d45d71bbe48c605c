import { digest } from "../lib/digest.ts";
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
  readonly span: SpanRow;
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
  /** Which fact log: one of another data folder begins anew. NULL of one from before version 3. */
  readonly log: string | null;
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
  /** NULL where it is the event's id. */
  trace_id: string | null;
  /** The span that the occurrence came from; NULL where it brought no trace. */
  parent_span: string | null;
  /** How far the sender's clock was ahead, as estimated; `sent_us` is as it was said. */
  skew_us: number | null;
  /** The place of the event that this one repeats, as a `traceparent`; NULL where no replay put it. */
  replay_of: string | null;
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
  /** The idempotency key of the call that it shared with others, and how many they were. */
  readonly batch: string | null;
  readonly batch_size: number | null;
}

/**
 * A part of an attempt. The same span of an attempt that was repeated after a crash has one row for each time it began: the
 * time is a part of the key, so that nothing has to be read before it is written.
 */
export interface SpanRow {
  readonly firing_no: number;
  readonly round: number;
  readonly n: number;
  readonly span_id: string;
  readonly start_us: number;
  readonly end_us: number;
  readonly name: string;
  /** NULL: the attempt's own. */
  readonly parent_span: string | null;
  readonly error: string | null;
  /** A JSON object. */
  readonly attributes: string | null;
}

/** The version that this code reads and writes: the number of migrations. */
export const recordVersion = 5;

/** Longest text kept of a reason or an error: a target may answer with anything. */
export const maxTextLength = 4_000;

export type TableName = keyof Tables;

/** The columns of a table that are its primary key, and the others, each with what it holds. */
export interface TableShape {
  readonly key: readonly string[];
  readonly columns: Readonly<Record<string, ColumnType>>;
}

/**
 * `int` and `real` are numbers. `word` is one of a few words of ours; `name` a text of others that is compared, indexed or
 * grouped by, cut to `maxNameLength`; `text` any other text, at most `maxTextLength` long.
 */
export type ColumnType = "int" | "real" | "word" | "name" | "text";

/** The tables that facts are put into. The SQL of inserts comes from this, and the types that Postgres is told. */
export const shapes = {
  place: {
    key: ["namespace", "bus"],
    columns: { namespace: "name", bus: "name", seq: "int", first_seq: "int", retained_seq: "int", log: "name" },
  },
  event: {
    key: ["no"],
    columns: {
      ...({ no: "int", namespace: "name", bus: "name", seq: "int", id: "name" } as const),
      ...({ source: "name", subject: "name", type: "name", receipt: "word", reason: "text" } as const),
      ...({ duplicates: "int", filtered_drafts: "int", refused_drafts: "int" } as const),
      ...({ sent_us: "int", received_us: "int", stored_us: "int", decided_us: "int", now_ms: "real" } as const),
      ...({ seed: "int", plan_set: "name", matched: "int", filtered: "int", bytes: "int" } as const),
      ...({ trace_id: "name", parent_span: "name", skew_us: "int", replay_of: "name" } as const),
    },
  },
  catch_up: {
    key: ["event_no", "sensor"],
    columns: { event_no: "int", sensor: "name", matched: "int", filtered: "int" },
  },
  decision: {
    key: ["event_no", "sensor", "trigger_name", "dependency"],
    columns: {
      ...({ event_no: "int", sensor: "name", trigger_name: "name", dependency: "name" } as const),
      ...({ decision: "word", reason: "text", firing_no: "int", at_us: "int" } as const),
    },
  },
  firing: {
    key: ["no"],
    columns: {
      ...({ no: "int", namespace: "name", bus: "name", id: "name", sensor: "name", trigger_name: "name" } as const),
      ...({ revision: "name", state: "word", reason: "text", due_us: "int", fired_us: "int" } as const),
      ...({ done_us: "int", parent: "name", round: "int" } as const),
    },
  },
  firing_event: {
    key: ["firing_no", "dependency", "event_no"],
    columns: { firing_no: "int", dependency: "name", event_no: "int" },
  },
  attempt: {
    key: ["firing_no", "round", "n"],
    columns: {
      ...({ firing_no: "int", round: "int", n: "int", started_us: "int", ended_us: "int" } as const),
      ...({ outcome: "word", code: "word", error: "text", status: "text", batch: "name", batch_size: "int" } as const),
    },
  },
  span: {
    key: ["firing_no", "round", "n", "span_id", "start_us"],
    columns: {
      ...({ firing_no: "int", round: "int", n: "int", span_id: "name", start_us: "int", end_us: "int" } as const),
      ...({ name: "text", parent_span: "name", error: "text", attributes: "text" } as const),
    },
  },
} as const satisfies Readonly<Partial<Record<TableName, TableShape>>>;

export type WrittenTable = keyof typeof shapes;

/** Longest name or id kept, in UTF-16 units: what an index of each database holds, three of them together. */
const maxNameLength = 255;

/** A name as it is kept. A longer one keeps its beginning and a hash of the whole, so that two stay two. */
export function nameText(name: string): string {
  if (name.length <= maxNameLength) return name;
  return `${name.slice(0, maxNameLength - 33).toWellFormed()}~${digest(name)}`;
}
