import type { FactChunk } from "../bus/bus.ts";
import type { FiringState, ReceiptFact } from "../lib/facts.ts";

/**
 * The record: SQL tables that remember events, decisions, firings and attempts with their times. Fed from the fact log
 * of each bus; a chunk is applied once however often it comes, because the place is kept in the same SQL transaction.
 * Times are integer Unix microseconds UTC; ids are text.
 */
export interface EventRecord extends AsyncDisposable {
  /** What `status` shows: the kind and where, without a password. */
  readonly url: string;
  /** The last chunk of this bus that is in the tables; 0 when none is. */
  place(bus: RecordedBus): Promise<number>;
  /** Applies chunks in order, in one transaction. Rejects when the database does not take them; nothing is then applied. */
  apply(bus: RecordedBus, chunks: readonly FactChunk[]): Promise<void>;
  /** Deletes what is older, in small batches; what is not finished stays. Answers how many events went. */
  retain(olderThanUs: number): Promise<number>;
  events(query: EventQuery): Promise<EventPage>;
  event(id: string): Promise<RecordedEvent | undefined>;
  /** Decisions, firings and attempts about one event. */
  history(eventId: string): Promise<History>;
  firing(id: string): Promise<RecordedFiring | undefined>;
  audit(query: RecordRange): Promise<Audit>;
  delays(query: DelayQuery): Promise<Delays>;
  /** The slowest events of a range, and single delays for plots; at most `limit` rows, newest first. */
  samples(query: DelayQuery & { readonly limit: number }): Promise<readonly DelaySample[]>;
  /** All that is known of a trace, by its id or by that of one of its events; undefined where neither is known. */
  trace(query: TraceQuery): Promise<RecordedTrace | undefined>;
}

export interface RecordedBus {
  readonly namespace: string;
  readonly bus: string;
  /**
   * Which fact log this is: its chunks are counted from the start when the record knows another one under this name (a new
   * data folder with the record of an old one). Without it, the log is taken for the one that is known.
   */
  readonly log?: string;
}

export interface RecordRange {
  readonly fromUs?: number;
  readonly toUs?: number;
  readonly namespace?: string;
}

export interface EventQuery extends RecordRange {
  /** `EventSource` or `EventSource/event`. */
  readonly source?: string;
  readonly receipt?: "stored" | ReceiptFact["outcome"];
  /** Events with a firing in this state. */
  readonly firing?: FiringState;
  readonly limit: number;
  /** From `next` of the page before. */
  readonly cursor?: string;
}

export interface EventPage {
  /** Newest first. */
  readonly items: readonly RecordedEvent[];
  readonly next?: string;
}

export interface RecordedEvent {
  readonly id: string;
  readonly namespace: string;
  readonly bus: string;
  /** The place in the log; undefined for what was not stored. */
  readonly seq: number | undefined;
  readonly source: string;
  readonly subject: string;
  readonly type: string;
  readonly receipt: "stored" | ReceiptFact["outcome"];
  readonly reason: string | undefined;
  /** How many times it came again. */
  readonly duplicates: number;
  readonly sentUs: number | undefined;
  readonly receivedUs: number;
  readonly storedUs: number | undefined;
  readonly decidedUs: number | undefined;
  /** Subscriptions that match it, and of those the filtered ones; undefined while it is undecided. */
  readonly matched: number | undefined;
  readonly filtered: number | undefined;
  /** What the decision saw: for recomputing it. */
  readonly nowMs: number | undefined;
  readonly seed: number | undefined;
  readonly planSet: string | undefined;
  readonly bytes: number | undefined;
  /** The trace that it is a part of: the one that it brought, or its own. */
  readonly traceId: string;
  /** The span that it came from; undefined where it brought no trace. */
  readonly parentSpan: string | undefined;
  /** How far its sender's clock was ahead, as estimated; `sentUs` is as the sender said it. */
  readonly skewUs: number | undefined;
  /** The place of the event that this one repeats, as a `traceparent`; undefined where no replay put it. */
  readonly replayOf: string | undefined;
}

export interface RecordedDecision {
  readonly sensor: string;
  readonly trigger: string;
  readonly dependency: string;
  readonly decision: "fired" | "waiting" | "superseded" | "reset" | "expired";
  readonly reason: string | undefined;
  readonly firing: string | undefined;
  readonly atUs: number;
}

export interface RecordedFiring {
  readonly id: string;
  readonly namespace: string;
  readonly bus: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly revision: string;
  readonly state: FiringState;
  readonly dueUs: number;
  /** What it came to its state by, where that was no attempt. */
  readonly reason: string | undefined;
  /** The firing whose death made it (`dlqTrigger`). */
  readonly parent: string | undefined;
  readonly events: readonly { readonly dependency: string; readonly event: string }[];
  readonly attempts: readonly RecordedAttempt[];
}

export interface RecordedAttempt {
  readonly n: number;
  readonly startedUs: number;
  readonly endedUs: number;
  readonly outcome: "done" | "failed";
  readonly code: string | undefined;
  readonly error: string | undefined;
  readonly status: string | undefined;
  /** The call that it was made with others by: its idempotency key, and how many they were. */
  readonly batch: { readonly id: string; readonly size: number } | undefined;
}

export interface TraceQuery {
  /** Of a trace or of an event. */
  readonly id: string;
  /** Events at most, the oldest first; as many firings again, and ten times as many parts of attempts. */
  readonly limit: number;
}

export interface RecordedTrace {
  readonly traceId: string;
  /** By the time of their receipt. */
  readonly events: readonly RecordedEvent[];
  /** About these events, but for those that made a firing. */
  readonly decisions: readonly (RecordedDecision & { readonly event: string })[];
  /** Of these events. One whose newest event is of another trace is in that one. */
  readonly firings: readonly TracedRows[];
  /** There is more than `limit`. */
  readonly truncated: boolean;
}

/** A firing with its attempts and their parts. */
export interface TracedRows extends Omit<RecordedFiring, "events" | "attempts"> {
  readonly firedUs: number;
  readonly reason: string | undefined;
  /** The newest is the last: the firing is in its trace. */
  readonly events: readonly (Pick<RecordedEvent, "traceId" | "parentSpan"> & {
    readonly dependency: string;
    readonly event: string;
  })[];
  /** The newest: 0 for the first. */
  readonly round: number;
  /** By their rounds: a dead letter that is tried again counts from 1 anew. */
  readonly attempts: readonly (RecordedAttempt & { readonly round: number })[];
  readonly spans: readonly RecordedSpan[];
}

/** A part of an attempt, which may still run. */
export interface RecordedSpan {
  readonly round: number;
  readonly n: number;
  readonly spanId: string;
  /** Undefined: the attempt's own. */
  readonly parentId: string | undefined;
  readonly name: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly error: string | undefined;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

export interface History {
  readonly decisions: readonly RecordedDecision[];
  readonly firings: readonly RecordedFiring[];
}

/** The sums, and what does not fit into them. */
export interface Audit {
  readonly receipts: Readonly<{ [K in "stored" | ReceiptFact["outcome"]]: number }>;
  /** Counted per (event, sensor, trigger, dependency), the last one; `unmatched` and `undecided` per event. */
  readonly decisions: Readonly<{
    [K in "fired" | "filtered" | "waiting" | "superseded" | "reset" | "expired" | "unmatched" | "undecided"]: number;
  }>;
  readonly firings: Readonly<{ [K in FiringState]: number }>;
  /** Events or firings that a sum lacks, with what is wrong; empty when all adds up. */
  readonly missing: readonly { readonly id: string; readonly what: string }[];
}

export type Hop = "sent-received" | "received-stored" | "stored-fired" | "fired-done" | "total";

export interface DelayQuery extends RecordRange {
  readonly by?: "source" | "sensor" | "trigger";
}

export interface DelayGroup {
  /** The source, sensor or trigger; `all` without `by`. */
  readonly by: string;
  readonly hop: Hop;
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Delays {
  readonly groups: readonly DelayGroup[];
  /** The slowest, by total. */
  readonly slowest: readonly DelaySample[];
  /**
   * Senders whose clock is ahead of ours, as was measured or as events show that came before they were sent. Times of
   * sending of `corrected` of them are corrected by as much; the others are left out of the first hop.
   */
  readonly aheadOfUs: readonly AheadOfUs[];
}

export interface AheadOfUs {
  readonly source: string;
  readonly count: number;
  readonly corrected: number;
  readonly mostMs: number;
}

export interface DelaySample {
  readonly event: string;
  readonly source: string;
  readonly sensor: string | undefined;
  readonly trigger: string | undefined;
  readonly receivedUs: number;
  readonly hopsMs: Readonly<Partial<Record<Hop, number>>>;
}
