import type { Tracer } from "@opentelemetry/api";

/*
 * What the author of a function needs: a module exports it, and a `function` trigger names the module.
 * Nothing here is loaded into the thread of a function but NonRetryableError.
 */

/**
 * A function of a trigger. `input` is the payload that the manifest builds, else the event's data, parsed; of a trigger
 * with `batch` the list of these. What it returns becomes the next event where the trigger has `emit` (a list: several;
 * undefined and null: none); with `batch` it may be a `BatchResponse`.
 */
export type FunctionHandler<Input = unknown, Output = unknown> = (
  input: Input,
  context: FunctionContext,
) => Output | Promise<Output>;

export interface FunctionContext {
  readonly namespace: string;
  readonly sensor: string;
  readonly trigger: string;
  /** The event that completed the condition; of a batch, that of its first item. */
  readonly event: FunctionEvent;
  /** All events of the firing, by dependency. */
  readonly events: Readonly<Record<string, FunctionEvent>>;
  /** Of a trigger with `batch`: in the order of the input. */
  readonly batch?: { readonly items: readonly FunctionItem[] };
  /** 1 for the first. */
  readonly attempt: number;
  /** When `signal` aborts. What still runs a second later is ended, with its thread. */
  readonly deadline: Date;
  /** Never below 0. */
  remainingMs(): number;
  /** Aborts at the deadline, and when tidemill ends. */
  readonly signal: AbortSignal;
  readonly log: FunctionLog;
  /** Spans become parts of this attempt in its trace. The active span goes along with promises and timers. */
  readonly tracer: Tracer;
  /** To be handed on to whatever the function calls; also the variable TRACEPARENT. */
  readonly traceparent: string;
  readonly tracestate?: string;
  /** The same at each attempt of a firing. */
  readonly idempotencyKey: string;
  /** Shown in the trace while the function runs, and logged. `fraction`: 0 to 1. */
  progress(message: string, fraction?: number): void;
  /**
   * One more event for the Sensor's bus. It is put, with the returned ones, after the function has succeeded; a failed
   * attempt puts none. Throws a TypeError for what is no JSON.
   */
  emit(data: unknown, to?: EmitTo): void;
}

/** Where an event goes; what is not given is that of the trigger's `emit`. */
export interface EmitTo {
  /** The Sensor's name where neither says it. */
  readonly source?: string;
  readonly event?: string;
  /** Of a batch: the item that it comes of, by its `key`. The first one unless given. */
  readonly item?: string;
}

export interface FunctionEvent {
  readonly id: string;
  /** The EventSource's name. */
  readonly source: string;
  /** The event's name. */
  readonly subject: string;
  readonly type: string;
  /** RFC 3339. */
  readonly time: string;
  readonly extensions: Readonly<Record<string, string>>;
  /** Parsed when it is first asked for; text where it is no JSON. */
  readonly data: unknown;
  /** As it came. */
  readonly text: string;
}

export interface FunctionItem {
  /** The idempotency key of this item, and its name in a `BatchResponse`; its event's id and its index will do too. */
  readonly key: string;
  readonly event: FunctionEvent;
  readonly events: Readonly<Record<string, FunctionEvent>>;
  /** Its own place in its own trace. */
  readonly traceparent: string;
}

/** The items that failed; all others are done. As AWS Lambda has it. */
export interface BatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string | number }[];
}

/** In pino's shape: fields first, then a sentence; or the sentence alone. */
export interface FunctionLog {
  trace: LogLine;
  debug: LogLine;
  info: LogLine;
  warn: LogLine;
  error: LogLine;
}

export type LogLine = (...said: readonly [message: string] | readonly [fields: object, message?: string]) => void;

/** No other attempt can end otherwise: the firing becomes a dead letter at once. Any error with `retry: false` says the same. */
export class NonRetryableError extends Error {
  readonly retry = false;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "NonRetryableError";
  }
}
