import { crc32 } from "node:zlib";
import { TideError } from "../../lib/errors.ts";
import type { Event } from "../../lib/event.ts";
import { isMarkedJson, markJson } from "../../lib/json-bytes.ts";
import type { DeadReason, Firing, FiringEvent, LogEntry, NewEvent } from "../bus.ts";
import type { Table } from "./store.ts";

/**
 * How values lie on disk: `crc32 | length of the header | header (JSON) | bytes`. The checksum covers all behind it;
 * a value that does not match is BUS_DAMAGED, never a wrong event.
 */
function seal(header: string, body: readonly Uint8Array[]): Buffer {
  const headerBytes = Buffer.byteLength(header);
  const bodyBytes = body.reduce((sum, part) => sum + part.byteLength, 0);
  const value = Buffer.allocUnsafe(8 + headerBytes + bodyBytes);
  value.writeUInt32LE(headerBytes, 4);
  value.write(header, 8);
  let at = 8 + headerBytes;
  for (const part of body) {
    value.set(part, at);
    at += part.byteLength;
  }
  value.writeUInt32LE(crc32(value.subarray(4)), 0);
  return value;
}

function unseal(value: Buffer): { readonly header: unknown; readonly body: Buffer } {
  if (value.length < 8 || crc32(value.subarray(4)) !== value.readUInt32LE(0)) {
    throw new TideError("BUS_DAMAGED", "a value does not match its checksum");
  }
  const end = 8 + value.readUInt32LE(4);
  return { header: JSON.parse(value.toString("utf8", 8, end)), body: value.subarray(end) };
}

interface EventHeader {
  readonly i: string;
  readonly s: string;
  readonly t: string;
  readonly j: string;
  readonly m: string;
  readonly c: string;
  readonly x?: Readonly<Record<string, string>>;
  /** The data was found to be JSON. */
  readonly v?: 1 | undefined;
  readonly r?: number;
  readonly n?: number | undefined;
  readonly w?: number | undefined;
  /** The dedup key, where the event has one. */
  readonly d?: string | undefined;
}

function headerOf(event: Event): EventHeader {
  const header = {
    i: event.id,
    s: event.source,
    t: event.type,
    j: event.subject,
    m: event.time,
    c: event.datacontenttype,
    v: isMarkedJson(event.data) ? (1 as const) : undefined,
  };
  for (const _ in event.extensions) return { ...header, x: event.extensions };
  return header;
}

function eventOf(header: EventHeader, data: Uint8Array): Event {
  return {
    id: header.i,
    source: header.s,
    type: header.t,
    subject: header.j,
    time: header.m,
    datacontenttype: header.c,
    data: header.v === 1 ? markJson(data) : data,
    extensions: header.x ?? {},
  };
}

export function encodeEntry(event: Event, made: NewEvent): Buffer {
  const header: EventHeader = {
    ...headerOf(event),
    r: made.receivedUs,
    // absent ones are left out of the text
    n: made.sentUs,
    w: made.skewUs,
    d: made.dedup ? made.event.id : undefined,
  };
  return seal(JSON.stringify(header), [event.data]);
}

export function decodeEntry(seq: number, value: Buffer): LogEntry {
  const { header, body } = unseal(value);
  const read = header as EventHeader;
  const { r: receivedUs = 0, n: sentUs, w: skewUs } = read;
  return { seq, event: eventOf(read, body), receivedUs, sentUs, skewUs, storedUs: undefined };
}

/** What retention needs of an entry: when it came, its id, and its dedup key. */
export function decodeForRetention(value: Buffer): {
  readonly receivedUs: number;
  readonly id: string;
  readonly dedup: string | undefined;
} {
  const { r: receivedUs = 0, i: id, d: dedup } = unseal(value).header as EventHeader;
  return { receivedUs, id, dedup };
}

/** Firings: the events that travel with them lie behind the header, one after the other. */
interface FiringHeader extends Omit<Firing, "events"> {
  readonly events: readonly (Omit<FiringEvent, "event"> & { readonly header?: EventHeader; readonly bytes?: number })[];
  readonly reason?: DeadReason;
}

export function encodeFiring(firing: Firing, reason?: DeadReason): Buffer {
  if (reason === undefined && firing.events.every(({ event }) => event === undefined)) return encodeJson(firing);
  const body: Uint8Array[] = [];
  const events = firing.events.map(({ event, ...place }) => {
    if (event === undefined) return place;
    body.push(event.data);
    return { ...place, header: headerOf(event), bytes: event.data.byteLength };
  });
  const header: FiringHeader = { ...firing, events, ...(reason === undefined ? {} : { reason }) };
  return seal(JSON.stringify(header), body);
}

export function decodeFiring(value: Buffer): { readonly firing: Firing; readonly reason: DeadReason | undefined } {
  const { header, body } = unseal(value);
  const { reason, ...read } = header as FiringHeader;
  let at = 0;
  const events = read.events.map(({ header: inner, bytes = 0, ...place }) => {
    if (inner === undefined) return place;
    at += bytes;
    return { ...place, event: eventOf(inner, body.subarray(at - bytes, at)) };
  });
  return { firing: { ...read, events }, reason };
}

export function encodeJson(value: unknown): Buffer {
  return seal(JSON.stringify(value), []);
}

export function decodeJson(value: Buffer): unknown {
  return unseal(value).header;
}

export function encodeText(text: string): Buffer {
  return seal("null", [Buffer.from(text)]);
}

export function decodeText(value: Buffer): string {
  return unseal(value).body.toString("utf8");
}

/** Throws BUS_DAMAGED for a value that is not as it was written. Values of the state table are not ours and have no checksum. */
export function verify(table: Table, value: Buffer): void {
  if (table !== "state") unseal(value);
}

/** The log that a value was written to, by its form; undefined when it is of neither, or damaged. */
export function logOf(value: Buffer): "events" | "facts" | undefined {
  try {
    const { header, body } = unseal(value);
    if (header === null) return body[0] === 0x5b ? "facts" : undefined;
    return typeof header === "object" && "i" in header && "s" in header && "j" in header ? "events" : undefined;
  } catch {
    return undefined;
  }
}
