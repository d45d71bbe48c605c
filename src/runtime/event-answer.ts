import type { Event } from "../lib/event.ts";
import type { RecordedEvent } from "../record/record.ts";
import { type ReplayedAs, replayedAs } from "./replay-event.ts";

/** One event as the API and the verbs answer it: times are RFC 3339 UTC with microseconds; what is not known is absent. */
export interface EventAnswer {
  readonly id: string;
  readonly namespace: string;
  readonly bus: string;
  readonly source: string;
  /** The event name. */
  readonly subject: string;
  readonly type: string;
  readonly receipt: RecordedEvent["receipt"];
  readonly reason?: string | undefined;
  readonly duplicates: number;
  readonly sentAt?: string | undefined;
  readonly receivedAt: string;
  readonly storedAt?: string | undefined;
  readonly decidedAt?: string | undefined;
  /** Subscriptions that match it, and how many of those a filter turned down. */
  readonly matched?: number | undefined;
  readonly filtered?: number | undefined;
  readonly bytes?: number | undefined;
  /** The trace that it is a part of: the one it brought, or its own. */
  readonly traceId: string;
}

/** An event with its data: as JSON, or as base64 where it is none. Neither: retention took it, or it was never stored. */
export interface EventWithData extends EventAnswer {
  readonly data?: unknown;
  readonly dataBase64?: string | undefined;
  /** The replay that put it there. */
  readonly replay?: ReplayedAs | undefined;
}

export function eventAnswer(event: RecordedEvent): EventAnswer {
  const { id, namespace, bus, source, subject, type, receipt, reason, duplicates, matched, filtered, bytes, traceId } =
    event;
  return {
    id,
    namespace,
    bus,
    source,
    subject,
    type,
    receipt,
    reason,
    duplicates,
    sentAt: maybeRfc3339(event.sentUs),
    receivedAt: rfc3339(event.receivedUs),
    storedAt: maybeRfc3339(event.storedUs),
    decidedAt: maybeRfc3339(event.decidedUs),
    matched,
    filtered,
    bytes,
    traceId,
  };
}

/** The data of an event that is kept, and what else is known of it by the event alone. */
export function keptOf(event: Event): Pick<EventWithData, "data" | "dataBase64" | "replay"> {
  const replay = replayedAs(event);
  return replay === undefined ? dataOf(event) : { ...dataOf(event), replay };
}

export function dataOf(event: Event): Pick<EventWithData, "data" | "dataBase64"> {
  const { data } = event;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  try {
    return { data: JSON.parse(bytes.toString()) as unknown };
  } catch {
    return { dataBase64: bytes.toString("base64") };
  }
}

/** `2026-01-05T09:00:00.123456Z` of Unix microseconds. */
export function rfc3339(us: number): string {
  const ms = Math.floor(us / 1000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(us - ms * 1000).padStart(3, "0")}Z`;
}

function maybeRfc3339(us: number | undefined): string | undefined {
  return us === undefined ? undefined : rfc3339(us);
}
