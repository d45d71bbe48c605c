/**
 * CloudEvents 1.0.2 over HTTP, both directions: what the webhook source and the http trigger share. Attributes are their
 * canonical text, by name.
 */
export type Attributes = ReadonlyMap<string, string>;

export const structuredType = "application/cloudevents+json";
export const batchType = "application/cloudevents-batch+json";

/** The attributes that the specification itself defines, in its order; all other names are extensions. */
const coreAttributes = [
  "specversion",
  "id",
  "source",
  "type",
  "datacontenttype",
  "dataschema",
  "subject",
  "time",
] as const;

/** The core attributes that an event must have. */
const requiredAttributes = ["specversion", "id", "source", "type"] as const;

const core: ReadonlySet<string> = new Set(coreAttributes);

export function isCoreAttribute(name: string): boolean {
  return core.has(name);
}

/** Lower-case letters and digits; `data` is the event's data (CloudEvents 1.0.2, "Attribute Naming Convention"). */
export function isAttributeName(name: string): boolean {
  return name !== "data" && /^[a-z0-9]+$/.test(name);
}

/** What is wrong with the attributes of an event, in words that follow "the CloudEvent"; undefined: nothing. */
export function attributesFault(attributes: Attributes): string | undefined {
  for (const name of requiredAttributes) {
    const value = attributes.get(name);
    if (value === undefined) return `has no ${name}`;
    if (value === "") return `has an empty ${name}`;
  }
  const version = attributes.get("specversion");
  if (version !== "1.0") return `has specversion ${shown(version)}, and only "1.0" is understood`;
  for (const name of ["datacontenttype", "dataschema", "subject"]) {
    if (attributes.get(name) === "") return `has an empty ${name}`;
  }
  const time = attributes.get("time");
  if (time === undefined || rfc3339Us(time) !== undefined) return undefined;
  return `has a time that is no RFC 3339 timestamp: ${shown(time)}`;
}

function shown(value: string | undefined): string {
  return JSON.stringify((value ?? "").slice(0, 100));
}

/** Names of extensions that tidemill itself gives its events (lib/event.ts, sensors/firing-of.ts). */
const own = "senttime|replayid";
const reserved = new RegExp(`^(?:ce)*(?:${coreAttributes.join("|")}|${own})$`);

/**
 * The extensions that keep a sender's attributes on our own event, whose `id`, `source` and so on are other things: `ce`
 * before the name of a core attribute (`ceid`, `cetime`; not `specversion`, which is always 1.0), the sender's extensions
 * under their own names. An extension whose name would be taken for one of those, or for one of ours, gets a `ce` more:
 * no two attributes ever meet.
 */
export function extensionsOf(attributes: Attributes): Readonly<Record<string, string>> {
  const kept: [name: string, value: string][] = [];
  for (const [name, value] of attributes) {
    if (name === "specversion") continue;
    kept.push([reserved.test(name) ? `ce${name}` : name, value]);
  }
  return Object.fromEntries(kept);
}

const timestamp =
  /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/**
 * Unix microseconds of an RFC 3339 timestamp, further digits cut off; undefined when it is none. A leap second is the
 * second after it.
 */
export function rfc3339Us(text: string): number | undefined {
  const match = timestamp.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", sign, offsetHours, offsetMinutes] = match;
  const date = new Date(0);
  // not Date.UTC, which takes the year 50 for 1950
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const offset = (Number(offsetHours ?? 0) * 60 + Number(offsetMinutes ?? 0)) * (sign === "-" ? -60 : 60);
  return date.getTime() * 1000 + (seconds - offset) * 1_000_000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}

/** The value of a `ce-` header: percent-encoded as HTTP binding 3.1.3.2 says, U+FFFD for a lone surrogate. */
export function encodeHeaderValue(value: string): string {
  return value.toWellFormed().replace(/[^\x21\x23\x24\x26-\x7e]+/g, (part) => {
    let encoded = "";
    for (const byte of Buffer.from(part)) encoded += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    return encoded;
  });
}

/** Ends at the end of the text where there is no other quote, so that each character is looked at once. */
const quotedString = /"((?:[^"\\]|\\.?)*)("|$)/gs;

/**
 * The attribute in a `ce-` header, which comes one character per byte: double-quoted strings are unquoted, then one round
 * of percent-decoding (3.1.3.2). A `%` without two hex digits stands for itself; bytes beyond ASCII, which no sender should
 * write, are UTF-8. undefined when what comes out is no UTF-8.
 */
export function decodeHeaderValue(header: string): string | undefined {
  const value = header.replace(quotedString, (whole, quoted: string, end: string) =>
    end === "" ? whole : quoted.replace(/\\(.)/gs, "$1"),
  );
  const bytes = value.replace(/%([0-9A-Fa-f]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, "latin1"));
  } catch {
    return undefined;
  }
}

/** The elements of a JSON array, byte for byte, without the whitespace around them. `array` must be valid JSON. */
export function jsonElements(array: Uint8Array): readonly Uint8Array[] {
  const elements: Uint8Array[] = [];
  let depth = 0;
  let inString = false;
  let from = -1;
  let to = -1;
  const end = (): void => {
    if (from >= 0) elements.push(array.subarray(from, to + 1));
    from = -1;
  };
  for (let i = 0; i < array.length; i++) {
    const c = array[i] as number;
    if (!inString) {
      if (c <= 0x20) continue;
      if (c === 0x5d || c === 0x7d) depth--;
      if (depth === 0 || (depth === 1 && c === 0x2c)) {
        end();
        if (c === 0x5b) depth++;
        continue;
      }
      if (c === 0x5b || c === 0x7b) depth++;
      if (from < 0) from = i;
    }
    to = i;
    if (c === 0x22) inString = !inString;
    else if (inString && c === 0x5c) i++;
  }
  return elements;
}
