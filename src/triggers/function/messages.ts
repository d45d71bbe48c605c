import type { ChildSpan } from "../../kit/trigger.ts";

/*
 * What tidemill and the thread or process of a function say to each other: plain JSON, so that the same goes through a
 * message port and through a pipe. What comes from inside is checked before it is believed (`read-told.ts`): user code
 * runs beside what sends it.
 */

/** What a thread is for; the same as long as it lives. */
export interface Setup {
  /** Absolute. */
  readonly module: string;
  /** undefined: `handler`, else the default export. */
  readonly exportName: string | undefined;
}

export interface WireEvent {
  readonly dependency: string;
  readonly id: string;
  readonly source: string;
  readonly subject: string;
  readonly type: string;
  readonly time: string;
  readonly extensions: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface WireItem {
  readonly key: string;
  readonly traceparent: string;
  /** JSON text; undefined: the data of the only event. */
  readonly input?: string;
  /** The newest is the last. */
  readonly events: readonly WireEvent[];
}

/** One call. */
export interface Order {
  readonly call: number;
  readonly namespace: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly attempt: number;
  /** Absent in the firing's first round. */
  readonly round?: number;
  readonly key: string;
  readonly remainingMs: number;
  readonly traceparent: string;
  readonly tracestate?: string;
  /** With `batch`: the input is the list of all; else there is one. */
  readonly batch: boolean;
  readonly items: readonly WireItem[];
  /** What is returned becomes events. */
  readonly emits: boolean;
  /** Whether `emit()` knows an event's name by itself. */
  readonly emitsTo: boolean;
}

export type Asked =
  | { readonly k: "run"; readonly order: Order }
  | { readonly k: "abort"; readonly call: number; readonly why: string; readonly timeout: boolean };

/** A file that the module consists of, and what it was like before it was read. */
export type Stamp = readonly [path: string, stamp: string];

export interface Emitted {
  readonly data: string;
  readonly source?: string;
  readonly event?: string;
  readonly item?: string;
}

export interface Result {
  readonly emitted: readonly Emitted[];
  /** With `batch`: the JSON text of the answer. */
  readonly answer?: string;
  /** The returned value for people, cut. */
  readonly shown?: string;
}

/** Something thrown, told. */
export interface Thrown {
  readonly kind: "threw" | "junk" | "unloadable";
  readonly name: string;
  readonly message: string;
  /** Its frames, without those of Node and of tidemill. */
  readonly frames: readonly string[];
  /** No other attempt can end otherwise. */
  readonly never?: boolean;
  readonly retryAfterMs?: number;
}

export const levels = ["trace", "debug", "info", "warn", "error"] as const;
export type Level = (typeof levels)[number];

export type Told =
  | { readonly k: "ready" }
  | { readonly k: "unloadable"; readonly error: Thrown }
  | { readonly k: "files"; readonly files: readonly Stamp[] }
  | {
      readonly k: "log";
      readonly call: number;
      readonly level: Level;
      readonly fields: string;
      readonly message: string;
    }
  | { readonly k: "span"; readonly call: number; readonly span: ChildSpan }
  | { readonly k: "progress"; readonly call: number; readonly message: string; readonly fraction?: number }
  | { readonly k: "done"; readonly call: number; readonly result: Result }
  | { readonly k: "failed"; readonly call: number; readonly error: Thrown }
  /** `call` undefined: of a call that is over, or of none. */
  | { readonly k: "uncaught"; readonly call?: number; readonly error: Thrown };

/** An answer with all events that it makes: what it takes to hold it twice is no burden on the others. */
export const maxAnswerLength = 16 * 1024 * 1024;
export const mostEmitted = 1_000;
export const mostLogLines = 1_000;
export const maxLogLength = 8 * 1024;
/** Of a returned value this much is shown. */
export const maxShownLength = 4_096;
