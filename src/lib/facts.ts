import type { ReceiptOutcome } from "./event.ts";

/**
 * Facts: what happened, written in the same bus commit as what they describe, and read by the record and the telemetry.
 * Plain JSON. Times are integer Unix microseconds UTC.
 * Facts carry neither namespace nor bus: each bus has its own fact log.
 */
export type Fact = StoredFact | ReceiptFact | DecisionFact | AttemptFact | SpanFact | FiringFact;

/** What the facts about an arrival say of where it came from. */
export interface Brought {
  /** The `traceparent` that the occurrence brought; without one, its trace is `traceIdOf(event)`. */
  readonly trace?: string;
  /** How far the sender's clock is ahead of ours, as estimated: `sentUs` is as the sender said it, and too late by this. */
  readonly skewUs?: number;
  /** The place of the event that this one repeats, in the trace of that one: a `traceparent`. */
  readonly replayOf?: string;
}

/** An event that the bus now holds, at `seq` in its log. */
export interface StoredFact extends Brought {
  readonly k: "stored";
  readonly event: string;
  readonly seq: number;
  readonly source: string;
  readonly subject: string;
  readonly type: string;
  readonly sentUs?: number;
  readonly receivedUs: number;
  /** Bytes of data. */
  readonly bytes: number;
  /** Why it is there, where no source brought it: `replay <id> of <event>`. */
  readonly reason?: string;
}

/** A draft that did not become a new event. */
export interface ReceiptFact extends Brought {
  readonly k: "receipt";
  readonly event: string;
  readonly outcome: Exclude<ReceiptOutcome, "stored">;
  readonly reason?: string;
  readonly source: string;
  readonly subject: string;
  readonly type: string;
  readonly sentUs?: number;
  readonly receivedUs: number;
}

/**
 * What all sensors made of one event, in one fact. A subscription (sensor, trigger, dependency) that is not named in
 * `fired`, `waiting` or another list was filtered; who and why is recomputed from event, plan set, `nowMs` and `seed`.
 */
export interface DecisionFact {
  readonly k: "decided";
  readonly event: string;
  /** The event's place in the log of its bus. */
  readonly seq: number;
  /** When the event was durable; absent where it was decided only after a restart. */
  readonly storedUs?: number;
  readonly atUs: number;
  /** The clock and the seed that the evaluation saw. */
  readonly nowMs: number;
  readonly seed: number;
  /** Names the set of plan revisions that decided (`planset/<id>` in the bus state). */
  readonly planSet: string;
  /** Subscriptions that match the event's source and name; 0 = `unmatched`. */
  readonly matched: number;
  /** Of those, the ones whose filters (or transform) said no. */
  readonly filtered: number;
  readonly fired?: readonly FiredFact[];
  readonly waiting?: readonly WaitingFact[];
  /** Older events that this one replaced, in a partial state or a debounce window. */
  readonly superseded?: readonly SupersededFact[];
  /** Partial events dropped by a reset or their time to live: the event is then the dropped one. */
  readonly ended?: readonly EndedFact[];
  /** `fired` is of an event decided before: its debounce window is over. */
  readonly later?: true;
  /** The sensor that caught up alone; absent when all sensors decided together. */
  readonly only?: string;
  /** The `traceparent` that the event brought; also absent where the fact is just of partial events that ended. */
  readonly trace?: string;
}

export interface SubscriptionFact {
  readonly sensor: string;
  readonly trigger: string;
  readonly dependency: string;
  /** For `waiting`: what the condition still lacks, or until when it is debounced. Why it was superseded, its order. */
  readonly reason?: string;
}

export interface WaitingFact extends SubscriptionFact {
  /** Another event than the fact's: it waited for the condition, and is debounced now. */
  readonly event?: string;
}

export interface FiredFact extends SubscriptionFact {
  readonly firing: string;
  readonly revision: string;
  readonly dueUs: number;
  /** All (dependency, event id) pairs that satisfied the condition; the newest, the fact's own event, is the last. */
  readonly events: readonly (readonly [dependency: string, event: string])[];
  /** The other events among them that brought a `traceparent`: the firing is in the trace of the fact's event, and links to these. */
  readonly links?: readonly (readonly [event: string, trace: string])[];
}

export interface SupersededFact extends SubscriptionFact {
  readonly event: string;
}

export interface EndedFact extends SupersededFact {
  readonly decision: "reset" | "expired";
}

/** What a firing is for, so that the facts of its attempts can be read without its events and its plan. */
export interface FiringOrigin {
  readonly sensor: string;
  readonly trigger: string;
  /** Its newest event, in whose trace it is. */
  readonly event: string;
  /** The `traceparent` that this event brought; without one, the trace is `traceIdOf(event)`. */
  readonly trace?: string;
  /** The firing whose death made it (`dlqTrigger`). */
  readonly parent?: string;
}

/** One try of a firing and the state it left the firing in. */
export interface AttemptFact {
  readonly k: "attempt";
  readonly firing: string;
  /** 1 for the first of its round. */
  readonly n: number;
  /** How often the firing was a dead letter before and was tried again; absent in its first round. */
  readonly round?: number;
  /** Absent in facts from before there were traces. */
  readonly of?: FiringOrigin;
  /** Since when it could have run: decided or, after a failure, due again. What lies between is waiting. */
  readonly readyUs?: number;
  readonly startedUs: number;
  readonly endedUs: number;
  readonly outcome: "done" | "failed";
  /** `TMnnnn` of a failure. */
  readonly code?: string;
  readonly error?: string;
  /** HTTP status or the target's own word. */
  readonly status?: string;
  /** The call that it was made with others by, and how many they were. */
  readonly batch?: { readonly id: string; readonly size: number } | undefined;
  readonly state: FiringState;
  /** When the next try is due; only with state `pending`. */
  readonly dueUs?: number;
}

/**
 * A part of an attempt, told while it runs or with its end: the child spans of its trace. `started` (of no length) is told of
 * an attempt that takes long, so that it is seen while it runs. An attempt that is repeated after a crash tells the same ids.
 */
export interface SpanFact {
  readonly k: "span";
  readonly firing: string;
  /** The attempt's number. */
  readonly n: number;
  /** As in the attempt's fact; 0 where the first round is told of after the end of its attempt. */
  readonly round?: number;
  readonly of: FiringOrigin;
  /** 16 hex digits. */
  readonly id: string;
  /** The span that it is a part of; the attempt's own unless given. */
  readonly parent?: string;
  readonly name: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly error?: string;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
}

/** `dlqTrigger` firings, and what a person did to a dead letter. */
export interface FiringFact {
  readonly k: "firing";
  readonly firing: string;
  readonly state: FiringState;
  readonly atUs: number;
  readonly dueUs?: number;
  readonly reason?: string;
  /** Set when the fact creates the firing (a `dlqTrigger`, a retry under a new key). */
  readonly created?: {
    readonly sensor: string;
    readonly trigger: string;
    readonly revision: string;
    /** The newest is the last. */
    readonly events: readonly (readonly [dependency: string, event: string])[];
    readonly parent?: string;
  };
}

export type FiringState = "pending" | "running" | "done" | "dead" | "dropped";
