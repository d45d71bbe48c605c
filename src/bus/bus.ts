import type { Event, Receipt } from "../lib/event.ts";
import type { Fact } from "../lib/facts.ts";
import type { StateStore } from "../lib/state.ts";

/**
 * The bus of one namespace and name: keeps events durably, hands them in order to groups that keep their place, holds
 * due firings, small state and facts. It knows events, not sensors. One conformance suite runs on every driver.
 */
export interface Bus extends AsyncDisposable {
  /**
   * Durable when it resolves; receipts in the order of `events`. An id that is in the dedup window is a `duplicate`;
   * an event over the size limit is `refused`. Rejects when nothing of it is durable (BUS_FULL, BUS_CLOSED, a disk error).
   * Many calls at once share one durable write.
   */
  publish(publication: Publication, signal: AbortSignal): Promise<readonly Receipt[]>;
  /** The event log, as one group reads it. */
  events(group: string): Log<LogEntry>;
  /** The fact log, as one group reads it; empty when the bus was opened without facts. */
  facts(group: string): Log<FactChunk>;
  /** Due firings. One queue per trigger, so that a slow one holds up nobody else. */
  queue(name: string): Queue;
  /** Names of queues that hold firings, live or dead. */
  queues(): Promise<readonly string[]>;
  state(name: string): StateStore;
  /** One event by its place; undefined once retention took it and it has left memory. */
  event(seq: number): Promise<LogEntry | undefined>;
  /** Up to `max` durable entries after a place, in order, without a group: for questions about the past. */
  entries(after: { readonly afterSeq: number; readonly max: number }): Promise<readonly LogEntry[]>;
  /** The place of an event by its id, where the bus can tell. */
  seqOf(eventId: string): Promise<number | undefined>;
  /** State, firings, facts and places that change together, or not at all. */
  commit(step: Step): Promise<void>;
  /**
   * Ends the dedup window of ids at `atUs`, because the upstream may bring the same id as a new occurrence later (an SQS
   * redrive). A later publish of such an id is stored under a new id, derived from the old one.
   */
  endDedup(ids: readonly string[], atUs: number): Promise<void>;
  stats(): BusStats;
}

export interface Publication {
  readonly events: readonly NewEvent[];
  /** Receipts of drafts that did not become events. */
  readonly facts?: readonly Fact[];
}

export interface NewEvent {
  readonly event: Event;
  /** Unix microseconds. */
  readonly receivedUs: number;
  readonly sentUs?: number;
  /** How far the sender's clock is ahead, as estimated: told by the facts. */
  readonly skewUs?: number;
  /** False for random ids, which cannot repeat: saves the look-up. */
  readonly dedup: boolean;
  /** Why it is put there, where no source brought it: told by the facts. */
  readonly reason?: string;
}

export interface LogEntry {
  /** Grows by at least one per event of this bus; never reused. */
  readonly seq: number;
  readonly event: Event;
  readonly receivedUs: number;
  readonly sentUs: number | undefined;
  /** How far the sender's clock was ahead, where it was. */
  readonly skewUs?: number | undefined;
  /**
   * When it was durable; undefined for entries read back after a restart. For those who `join`: when their commit was put
   * together.
   */
  readonly storedUs: number | undefined;
}

/** Facts of one durable commit; a large one has several chunks. */
export interface FactChunk {
  readonly seq: number;
  /** A JSON array of `Fact`: text, so that whoever needs it elsewhere (a worker thread) parses it there. */
  readonly json: string;
}

export interface Log<T> {
  /**
   * Batches in order from the group's place, waiting at the end of the log for more; at least once: what was not
   * committed comes again after a restart. Ends when `signal` aborts. One reader per group at a time.
   */
  batches(options: { readonly max: number; readonly signal: AbortSignal }): AsyncIterable<Batch<T>>;
  /** The last committed place; undefined when the group has none yet (`begin` makes one). */
  place(): Promise<number | undefined>;
  /** Gives the group a place: entries after `seq` will come. Without effect when it has one. */
  begin(at: "oldest" | "new" | { readonly afterSeq: number }): Promise<number>;
  /** Entries after the group's place, and the age of the oldest of them. */
  lag(): Promise<Lag>;
  /** Forgets the group. */
  drop(): Promise<void>;
  /**
   * Lets the group take part in the commit that brings new entries: `take` is asked for its step, synchronously, while the commit is
   * put together, and only when the group has read all before them. Place, step and entries are then durable together: one
   * write of the disk in place of two, and what follows from an event begins that much sooner. What it does not take comes by
   * `batches`. One per group; the bus of a driver that cannot do this has no `join`.
   */
  join?(take: (entries: readonly T[]) => Taken | undefined): Disposable;
}

/** What a group makes of entries that are about to be durable. */
export interface Taken {
  readonly step: Step;
  /** All of it is durable; readers of the log have the entries. */
  kept(): void;
  /** None of it is: everything must be as it was before `take`. */
  failed(): void;
}

export interface Lag {
  readonly entries: number;
  readonly oldestUs: number | undefined;
}

export interface Batch<T> {
  readonly entries: readonly T[];
  /** The place before the first and that of the last entry. */
  readonly afterSeq: number;
  readonly lastSeq: number;
  /** The group's place, and all of `step`, or nothing. */
  commit(step: Step): Promise<void>;
}

/** What one atomic commit changes. */
export interface Step {
  readonly state?: readonly StateChange[];
  readonly firings?: readonly NewFiring[];
  readonly facts?: readonly Fact[];
  /** Places of other event groups; null drops the group. */
  readonly places?: readonly { readonly group: string; readonly seq: number | null }[];
}

export interface StateChange {
  readonly store: string;
  readonly key: string;
  /** undefined deletes. */
  readonly value: Uint8Array | undefined;
}

/** A firing as the decider makes it: once, in the commit that moves the decider's place. */
export interface NewFiring {
  readonly queue: string;
  readonly id: string;
  readonly dueUs: number;
  /** When it was decided: the clock of its templates, the same at each attempt. */
  readonly madeUs: number;
  readonly revision: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly events: readonly FiringEvent[];
  /**
   * Firings of one queue and key run in the order they were made, each after the one before is done or dead. A dead
   * letter that is tried again has lost its turn, and runs without an order.
   */
  readonly orderKey?: string;
  /** The firing whose death made this one (`dlqTrigger`). */
  readonly parent?: string;
  /** Why it may not be tried: its one event is not as the schema of its dependency says. Asked again when it is claimed. */
  readonly invalid?: string;
}

/** One event of a firing: by its place in the log, or whole where it was transformed or came from a partial state. */
export interface FiringEvent {
  readonly dependency: string;
  readonly id: string;
  readonly seq: number;
  readonly event?: Event;
}

export interface Firing extends NewFiring {
  /** Attempts that ended so far, since it was last put into its queue. */
  readonly attempts: number;
  /** What its retries as a dead letter came to so far; absent before the first. */
  readonly retried?: Retried;
  /** Of a dead letter: the firing that an edited copy of it goes on as. */
  readonly successor?: string;
}

/** How often a dead letter was tried again, and of what it had died before the last time. */
export interface Retried {
  readonly rounds: number;
  readonly last: DeadReason;
  /** The bulk operation that put it back the last time. */
  readonly by?: string;
}

/** A firing that this process runs now, until it settles it. */
export interface Claimed extends Firing {
  /** The events, read; one that retention took is absent. */
  readonly loaded: readonly { readonly dependency: string; readonly event: Event }[];
}

export interface Queue {
  /**
   * Up to `max` firings that are due, oldest first; waits until there is at least one. Ends with an empty list when
   * `signal` aborts. A claimed firing is not given again before it is settled, or the process ended. With `serial`, one
   * at a time in the order they were made: a firing that waits for its retry holds those behind it. Of the firings of one
   * `orderKey` only the oldest live one is given; the others hold up nobody.
   */
  claim(options: {
    readonly max: number;
    readonly serial?: boolean;
    readonly signal: AbortSignal;
  }): Promise<readonly Claimed[]>;
  /** Durable when it resolves, facts included. */
  settle(results: readonly SettleResult[]): Promise<void>;
  /**
   * Gives claimed firings back untouched. With `notBeforeUs` they are not given again before that time; it is not kept over
   * a restart.
   */
  release(ids: readonly string[], notBeforeUs?: number): void;
  /** Live firings: not yet claimed (in memory or on disk), and claimed. */
  depth(): { readonly pending: number; readonly running: number };
  /** When the oldest live firing was made; undefined when there is none. */
  oldestUs(): number | undefined;
  /** Ids of live firings that have this event among their own. A scan: only for rare questions. */
  firingsOf(eventId: string): Promise<readonly string[]>;
  dead(): DeadLetters;
}

export interface SettleResult {
  readonly id: string;
  /** `untried`: it died without an attempt, which is then not counted. */
  readonly outcome: "done" | { readonly retryAtUs: number } | { readonly dead: DeadReason; readonly untried?: true };
  readonly facts: readonly Fact[];
  /** Follow-up firings (`dlqTrigger`), in the same commit. */
  readonly firings?: readonly NewFiring[];
  /** State changes of the same commit. */
  readonly state?: readonly StateChange[];
}

export interface DeadReason {
  readonly code: string;
  readonly message: string;
  readonly atUs: number;
  /** HTTP status or the target's own word, where it answered. */
  readonly status?: string;
}

export interface DeadLetter {
  readonly firing: Firing;
  readonly reason: DeadReason;
  /** Events whole: a dead letter outlives the log's retention. */
  readonly events: readonly { readonly dependency: string; readonly event: Event }[];
}

export interface DeadLetters {
  list(options?: { readonly after?: string; readonly limit?: number }): Promise<readonly DeadLetter[]>;
  get(id: string): Promise<DeadLetter | undefined>;
  count(): number;
  /** Back into the queue, attempts from zero and its rounds counted; `newId` for a new idempotency key. */
  retry(
    id: string,
    options: {
      readonly dueUs: number;
      readonly newId?: string;
      readonly revision?: string;
      /** The bulk operation that does it. */
      readonly by?: string;
      readonly facts: readonly Fact[];
    },
  ): Promise<boolean>;
  /**
   * Puts a firing that is made of it into a queue. The letter stays as it is and names the firing as its successor; with
   * `drop` it goes. False when it is not there (any more): nothing has changed then.
   */
  succeed(
    id: string,
    successor: { readonly firing: NewFiring; readonly drop: boolean; readonly facts: readonly Fact[] },
  ): Promise<boolean>;
  drop(id: string, facts: readonly Fact[]): Promise<boolean>;
}

export interface BusStats {
  readonly kind: string;
  /** Bytes that retention counts. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Of those, bytes that undecided events, firings or the record's place keep from going. */
  readonly pinnedBytes: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly dedupWindowMs: number;
  readonly warning: string | undefined;
  /** Why nothing can be published now (the disk is full or fails), as far as the bus knows; undefined: it can. */
  readonly refusing?: string | undefined;
}
