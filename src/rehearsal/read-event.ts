import { compilePath, get } from "../expressions/gjson.ts";
import { digest } from "../lib/digest.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import { isRecord } from "../lib/json.ts";
import { own, textAt } from "../manifests/json.ts";

/** The EventSource and the event name that an event is of. */
export interface EventPlace {
  readonly source: string;
  readonly subject: string;
}

export interface GivenEvent {
  readonly text: string;
  /** For messages: a file, or `standard input`. */
  readonly from: string;
  /** Its number among the events that are given: part of its id where it has none. */
  readonly index: number;
  /** Wins over what a CloudEvent says. */
  readonly place?: EventPlace | undefined;
  /** Of plain data and of a CloudEvent without one. */
  readonly fallback?: EventPlace | undefined;
  /** `context.type` of an EventSource and event, where it is known. */
  readonly typeOf: (place: EventPlace) => string | undefined;
  readonly nowMs: number;
  /** What the text is; unless given, an object with `specversion` is a CloudEvent. */
  readonly kind?: "event" | "data" | undefined;
}

/**
 * An event from JSON text: a CloudEvent in structured form (it has `specversion`), or plain data, as a sensor sees it.
 * The bytes of the data stay as they were written. undefined place: neither the text nor the caller says whose event it
 * is. Throws EVENT_INVALID, with line and column of what is no JSON.
 */
export function readEvent(given: GivenEvent): Event | "without place" {
  const value = parseAt(given.text, given.from);
  const kind = given.kind ?? (typeof own(isRecord(value) ? value : {}, "specversion") === "string" ? "event" : "data");
  if (kind === "data") return plainData(given);
  if (!isRecord(value)) throw new TideError("EVENT_INVALID", `${given.from}: the CloudEvent is no object`);
  return cloudEvent(value, given);
}

function plainData(given: GivenEvent): Event | "without place" {
  const place = given.place ?? given.fallback;
  if (place === undefined) return "without place";
  const { source, subject } = place;
  return {
    id: digest(JSON.stringify([given.index, given.text])),
    source,
    subject,
    type: given.typeOf(place) ?? "unknown",
    time: new Date(given.nowMs).toISOString(),
    datacontenttype: "application/json",
    data: Buffer.from(given.text.trim()),
    extensions: {},
  };
}

function cloudEvent(value: Readonly<Record<string, unknown>>, given: GivenEvent): Event | "without place" {
  const refuse = (why: string): TideError => new TideError("EVENT_INVALID", `${given.from}: the CloudEvent ${why}`);
  const text = (key: string): string | undefined => {
    const held = own(value, key);
    if (held !== undefined && held !== null && typeof held !== "string") throw refuse(`has ${key} that is no text`);
    return textAt(value, key);
  };
  const source = given.place?.source ?? text("source") ?? given.fallback?.source;
  const subject = given.place?.subject ?? text("subject") ?? given.fallback?.subject;
  if (source === undefined || subject === undefined) return "without place";
  const datacontenttype = text("datacontenttype") ?? "application/json";
  const time = text("time") ?? new Date(given.nowMs).toISOString();
  if (Number.isNaN(Date.parse(time))) throw refuse(`has a time that is none: ${JSON.stringify(time.slice(0, 40))}`);
  return {
    id: text("id") ?? digest(JSON.stringify([given.index, given.text])),
    source,
    subject,
    type: text("type") ?? given.typeOf({ source, subject }) ?? "unknown",
    time,
    datacontenttype,
    data: dataOf(value, { given, datacontenttype, refuse }),
    extensions: Object.fromEntries(
      Object.entries(value).flatMap(([key, held]) => (attributes.has(key) ? [] : [[key, extensionText(held)]])),
    ),
  };
}

const attributes: ReadonlySet<string> = new Set([
  "specversion",
  "id",
  "source",
  "subject",
  "type",
  "time",
  "datacontenttype",
  "dataschema",
  "data",
  "data_base64",
]);

function extensionText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

const dataPath = compilePath("data");
const none = new Uint8Array(0);

function dataOf(
  value: Readonly<Record<string, unknown>>,
  how: { readonly given: GivenEvent; readonly datacontenttype: string; readonly refuse: (why: string) => TideError },
): Uint8Array {
  const base64 = own(value, "data_base64");
  const data = own(value, "data");
  if (base64 !== undefined && base64 !== null) {
    if (data !== undefined) throw how.refuse("has both data and data_base64");
    if (typeof base64 !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64))
      throw how.refuse("has data_base64 that is no base64");
    return Buffer.from(base64, "base64");
  }
  if (data === undefined) return none;
  const isJson = /^[^;]*[/+]json\s*(;|$)/i.test(how.datacontenttype);
  if (typeof data === "string" && !isJson) return Buffer.from(data);
  return Buffer.from(get(how.given.text, dataPath).raw);
}

/** Throws EVENT_INVALID with the place of the fault. */
function parseAt(text: string, from: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const before = text.slice(0, faultOffset(text)).split("\n");
    const said = messageOf(cause).replace(/ in JSON at position.*|, (\.\.\.)?".*| \(line.*/s, "");
    const why = text.trim() === "" ? "it is empty" : said;
    const place = `${from}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
    throw new TideError("EVENT_INVALID", `${place}: the event is not JSON: ${why}`);
  }
}

/**
 * Where JSON text begins to be none: the engine's messages name the place only sometimes. The shortest part from the
 * start that nothing could complete ends with it; found by halving.
 */
function faultOffset(text: string): number {
  let fine = 0;
  let wrong = text.length + 1;
  while (wrong - fine > 1) {
    const middle = (fine + wrong) >> 1;
    if (mayGoOn(text.slice(0, middle))) fine = middle;
    else wrong = middle;
  }
  return fine;
}

function mayGoOn(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (cause) {
    const said = messageOf(cause);
    return /^Unexpected end|^Unterminated/.test(said) || / at position (\d+)/.exec(said)?.[1] === String(text.length);
  }
}
