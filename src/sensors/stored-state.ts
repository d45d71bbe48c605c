import type { Event } from "../lib/event.ts";
import { isRecord } from "../lib/json.ts";
import type { Debounced, DebouncedEvent } from "./debounces.ts";
import type { HeldEvent } from "./state.ts";

/** How the entries of a partial state lie in the bus: JSON with the events' data as base64. */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const version = 1;

/** A held event as stored: when it ends is worked out from the plan. */
export interface StoredHeld extends Omit<HeldEvent, "ending"> {
  readonly trigger: string;
  readonly dependency: string;
  readonly conditions: string;
}

/** A debounced firing as stored. */
export interface StoredDebounced extends Omit<Debounced, "endsAtMs"> {
  readonly trigger: string;
  readonly conditions: string;
}

export function encodeHeld({ event, ...held }: StoredHeld): Uint8Array {
  return encoder.encode(JSON.stringify({ v: version, ...held, event: eventJson(event) }));
}

export function encodeDebounced({ events, ...one }: StoredDebounced): Uint8Array {
  const whole = events.map(({ event, ...rest }) => ({ ...rest, event: eventJson(event) }));
  return encoder.encode(JSON.stringify({ v: version, kind: "debounce", ...one, events: whole }));
}

/** undefined for what is not ours to read. */
export function decodeStored(value: Uint8Array): StoredHeld | StoredDebounced | undefined {
  let json: unknown;
  try {
    json = JSON.parse(decoder.decode(value));
  } catch {
    return undefined;
  }
  if (!isRecord(json) || json.v !== version) return undefined;
  return json.kind === "debounce" ? debouncedOf(json) : json.kind === undefined ? heldOf(json) : undefined;
}

function heldOf(json: Record<string, unknown>): StoredHeld | undefined {
  const { trigger, conditions, heldAtMs } = json;
  const part = partOf(json);
  if (part === undefined || typeof heldAtMs !== "number") return undefined;
  if (typeof trigger !== "string" || typeof conditions !== "string") return undefined;
  return { trigger, conditions, heldAtMs, ...part };
}

function debouncedOf(json: Record<string, unknown>): StoredDebounced | undefined {
  const { trigger, conditions, key, sinceMs, replayId } = json;
  if (typeof trigger !== "string" || typeof conditions !== "string" || typeof key !== "string") return undefined;
  if (typeof sinceMs !== "number" || typeof replayId !== "string" || !Array.isArray(json.events)) return undefined;
  const events = json.events.map((one) => (isRecord(one) ? partOf(one) : undefined));
  if (events.length === 0 || events.includes(undefined)) return undefined;
  return { trigger, conditions, key, sinceMs, replayId, events: events.filter((one) => one !== undefined) };
}

function partOf({ dependency, hash, seq, event }: Record<string, unknown>): DebouncedEvent | undefined {
  const read = eventOf(event);
  if (read === undefined || typeof dependency !== "string") return undefined;
  return typeof hash === "string" && typeof seq === "number" ? { dependency, event: read, seq, hash } : undefined;
}

function eventJson({ data, ...head }: Event) {
  return { ...head, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64") };
}

function eventOf(json: unknown): Event | undefined {
  if (!isRecord(json)) return undefined;
  const { id, source, type, subject, time, datacontenttype, data, extensions } = json;
  if (typeof id !== "string" || typeof source !== "string" || typeof type !== "string") return undefined;
  if (typeof subject !== "string" || typeof time !== "string" || typeof datacontenttype !== "string") return undefined;
  if (typeof data !== "string" || !isTextRecord(extensions)) return undefined;
  const bytes = new Uint8Array(Buffer.from(data, "base64"));
  return { id, source, type, subject, time, datacontenttype, extensions, data: bytes };
}

function isTextRecord(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((one) => typeof one === "string");
}
