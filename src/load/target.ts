import { hash } from "node:crypto";
import { traceparentOf } from "../lib/trace.ts";
import type { MalformedKind } from "./malform.ts";

/** One message of a load, ready to be sent. */
export interface Message {
  /** From 1. */
  readonly seq: number;
  /** Of the load: 16 hex digits. */
  readonly load: string;
  readonly bytes: Uint8Array;
  readonly traceparent: string;
  readonly malformed: MalformedKind | undefined;
}

/** What the target said about a message. `refused`: it will not have it, ever. `failed`: nobody knows, or later. */
export interface SendResult {
  readonly outcome: "taken" | "refused" | "failed";
  /** The event's id, where the target tells it. */
  readonly event?: string | undefined;
  readonly reason?: string | undefined;
}

/** Where messages go. */
export interface Target extends AsyncDisposable {
  readonly name: string;
  /** Messages of one call at most. */
  readonly batch: number;
  /** Results in the order of the messages. What it throws is a failure of all of them. */
  send(messages: readonly Message[], signal: AbortSignal): Promise<readonly SendResult[]>;
}

/**
 * The trace of a message is the load's id and the message's number, so that what was recorded of it is found by its trace,
 * wherever it went.
 */
export function traceOfMessage(load: string, seq: number): string {
  const traceId = `${load}${seq.toString(16).padStart(16, "0")}`;
  return traceparentOf({ traceId, spanId: hash("sha256", `load ${traceId}`).slice(0, 16), sampled: true });
}

/** The number of the message that a trace is of; undefined for traces of others. */
export function seqOfTrace(load: string, traceId: string): number | undefined {
  return traceId.startsWith(load) ? Number.parseInt(traceId.slice(16), 16) : undefined;
}

/** What each message carries beside its traceparent, where there is a place for it. */
export function marksOf({ load, seq }: Message): Readonly<Record<string, string>> {
  return { "tidemill-load": load, "tidemill-load-seq": String(seq) };
}

/** The bytes as text, for targets that take nothing else: a byte that is no UTF-8 is U+FFFD. */
export function textOf({ bytes }: Message): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}
