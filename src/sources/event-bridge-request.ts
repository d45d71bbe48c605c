import { compactJsonText } from "../kit/go-json.ts";
import { isRecord, type JsonObject } from "../lib/json.ts";
import { readBusName } from "./event-bridge-config.ts";

/** What PutEvents answers about an entry that was not taken. */
export interface EntryFault {
  readonly ErrorCode: string;
  readonly ErrorMessage: string;
}

/** A fault of the request as a whole. */
export interface RequestFault {
  readonly code: "SerializationException" | "ValidationException";
  readonly message: string;
}

/** One entry of a request, well-formed. */
export interface PutEntry {
  readonly source: string;
  readonly detailType: string;
  /** JSON text of an object, as it came. */
  readonly detail: string;
  readonly detailValue: JsonObject;
  readonly resources: readonly string[];
  /** Unix milliseconds. */
  readonly timeMs: number | undefined;
  /** Name or ARN. */
  readonly bus: string;
  readonly traceHeader: string | undefined;
}

/** All entries together must be smaller, in bytes as `sizeOf` counts (AWS documentation of PutEvents; 256 KB until 2026). */
const maxTotalBytes = 1_048_576;
const maxEntries = 10;
const maxDetailTypeLength = 128;
const maxTraceHeaderLength = 500;
const maxResourceLength = 2048;

/** The entries of a PutEvents request, each read or with its fault; or the fault of the whole. */
export function readPutEvents(body: Uint8Array): readonly (PutEntry | EntryFault)[] | RequestFault {
  const value = decode(body);
  if (!isRecord(value)) return { code: "SerializationException", message: "the body is no JSON object" };
  const entries = own(value, "Entries");
  if (entries === undefined) return constraint("null", "entries", "Member must not be null");
  if (!Array.isArray(entries)) return { code: "SerializationException", message: "Entries is no list" };
  if (entries.length === 0) return constraint("'[]'", "entries", "Member must have length greater than or equal to 1");
  if (entries.length > maxEntries) {
    const held = `'${entries.length} entries'`;
    return constraint(held, "entries", `Member must have length less than or equal to ${maxEntries}`);
  }
  const read: (PutEntry | EntryFault)[] = [];
  let bytes = 0;
  for (const [at, entry] of entries.entries()) {
    const fault = shapeFault(entry, at + 1);
    if (fault !== undefined) return fault;
    bytes += sizeOf(entry);
    read.push(readEntry(entry));
  }
  if (bytes < maxTotalBytes) return read;
  return { code: "ValidationException", message: "Total size of the entries in the request is over the limit." };
}

function decode(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

function own(object: JsonObject, name: string): unknown {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return value === null ? undefined : value;
}

function constraint(value: string, place: string, must: string): RequestFault {
  const held = value === "null" ? "Value null" : `Value ${value}`;
  const message = `1 validation error detected: ${held} at '${place}' failed to satisfy constraint: ${must}`;
  return { code: "ValidationException", message };
}

/** Types, and what the API's model says of lengths: such a fault is the whole request's. `nth` counts from 1. */
function shapeFault(entry: unknown, nth: number): RequestFault | undefined {
  const place = `entries.${nth}.member`;
  const wrong = (what: string): RequestFault => ({ code: "SerializationException", message: `${place}${what}` });
  if (!isRecord(entry)) return wrong(" is no object");
  for (const name of ["Source", "DetailType", "Detail", "EventBusName", "TraceHeader"]) {
    const value = own(entry, name);
    if (value !== undefined && typeof value !== "string") return wrong(`.${name} is no string`);
  }
  const time = own(entry, "Time");
  if (time !== undefined && timeOf(time) === undefined) return wrong(".Time is no timestamp");
  const resources = own(entry, "Resources") ?? [];
  if (!Array.isArray(resources) || resources.some((one) => typeof one !== "string")) {
    return wrong(".Resources is no list of strings");
  }
  if (resources.some((one: string) => one.length > maxResourceLength)) {
    const must = `Member must have length less than or equal to ${maxResourceLength}`;
    return constraint("'…'", `${place}.resources`, must);
  }
  const bus = text(entry, "EventBusName");
  if (bus !== undefined && readBusName(bus) === undefined) {
    const must = "Member must be the name or the ARN of an event bus";
    return constraint(`'${bus.slice(0, 100)}'`, `${place}.eventBusName`, must);
  }
  const trace = text(entry, "TraceHeader");
  if (trace !== undefined && (trace === "" || trace.length > maxTraceHeaderLength)) {
    const must = `Member must have length between 1 and ${maxTraceHeaderLength}`;
    return constraint(`'${trace.slice(0, 100)}'`, `${place}.traceHeader`, must);
  }
  return undefined;
}

function text(entry: JsonObject, name: string): string | undefined {
  const value = own(entry, name);
  return typeof value === "string" ? value : undefined;
}

/** Unix milliseconds. SDKs send seconds as a number; RFC 3339 is understood too. */
function timeOf(time: unknown): number | undefined {
  const ms = typeof time === "number" ? time * 1000 : typeof time === "string" ? Date.parse(time) : Number.NaN;
  // what a Date can hold, and four digits of a year can write
  return ms >= -62_135_596_800_000 && ms < 253_402_300_800_000 ? ms : undefined;
}

/** As AWS counts: UTF-8 bytes of source, type, detail and resources, and 14 for a time. */
function sizeOf(entry: JsonObject): number {
  let bytes = own(entry, "Time") === undefined ? 0 : 14;
  for (const name of ["Source", "DetailType", "Detail"]) bytes += Buffer.byteLength(text(entry, name) ?? "");
  for (const resource of resourcesOf(entry)) bytes += Buffer.byteLength(resource);
  return bytes;
}

function resourcesOf(entry: JsonObject): readonly string[] {
  return (own(entry, "Resources") ?? []) as readonly string[];
}

function readEntry(entry: JsonObject): PutEntry | EntryFault {
  for (const name of ["Source", "DetailType", "Detail"]) {
    if (!text(entry, name)) return invalidArgument(name, `${name} is a required argument.`);
  }
  const [source = "", detailType = "", detail = ""] = ["Source", "DetailType", "Detail"].map((name) =>
    text(entry, name),
  );
  if (source.startsWith("aws.")) {
    return { ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source." };
  }
  if (detailType.length > maxDetailTypeLength) {
    return invalidArgument("DetailType", `DetailType is longer than ${maxDetailTypeLength} characters.`);
  }
  const value = detailOf(detail);
  if (value === undefined) return { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." };
  return {
    source,
    detailType,
    detail,
    detailValue: value,
    resources: resourcesOf(entry),
    timeMs: timeOf(own(entry, "Time")),
    bus: text(entry, "EventBusName") ?? "default",
    traceHeader: text(entry, "TraceHeader"),
  };
}

export function invalidArgument(name: string, reason: string): EntryFault {
  return { ErrorCode: "InvalidArgument", ErrorMessage: `Parameter ${name} is not valid. Reason: ${reason}` };
}

/** undefined unless it is a JSON object, and one that nests no deeper than event data may. */
function detailOf(detail: string): JsonObject | undefined {
  if (typeof compactJsonText(detail) !== "string") return undefined;
  const value: unknown = JSON.parse(detail);
  return isRecord(value) ? value : undefined;
}
