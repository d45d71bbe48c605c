import { byteLength, fromBytes, isSpace, toBytes, wellFormed } from "../go-text.ts";
import { indices } from "./access.ts";
import { add, splitText } from "./arithmetic.ts";
import { jqJson, named } from "./encode.ts";
import type { Native } from "./evaluate.ts";
import { fault, notFor, wrapped } from "./faults.ts";
import type { Meter } from "./meter.ts";
import { codePoints, isNumberText } from "./numbers.ts";
import { isArray, isNumber, isObject, JsonNumber, parseNumber, type Value, valuesOf } from "./value.ts";

type Table = readonly (readonly [name: string, native: Native])[];

function textOnly(name: string, apply: (text: string, meter: Meter) => Value): readonly [string, Native] {
  return [
    `${name}/0`,
    (input, _args, m) => {
      if (typeof input !== "string") throw notFor(name, input);
      m.meter.scan(input.length);
      return apply(input, m.meter);
    },
  ];
}

function twoTexts(name: string, apply: (text: string, other: string) => Value): readonly [string, Native] {
  return [
    `${name}/1`,
    (input, [other = null], m) => {
      if (typeof input !== "string" || typeof other !== "string") throw notFor(name, input, other);
      m.meter.scan(input.length);
      return apply(input, other);
    },
  ];
}

function withoutStart(text: string, start: string): string {
  return text.startsWith(start) ? text.slice(start.length) : text;
}

function withoutEnd(text: string, end: string): string {
  return end !== "" && text.endsWith(end) ? text.slice(0, -end.length) : text;
}

function trimmed(text: string, start: boolean, end: boolean): string {
  let from = 0;
  let to = text.length;
  while (start && from < to && isSpace(text.charAt(from))) from += 1;
  while (end && to > from && isSpace(text.charAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function explode(text: string, meter: Meter): Value[] {
  const codes: Value[] = [];
  meter.members(text.length * 3);
  meter.scan(text.length * 16);
  for (const rune of text) codes.push(BigInt(wellFormed(rune).codePointAt(0) ?? 0));
  return codes;
}

/** `indices`, `index` and `rindex`: in arrays, and in strings by characters. */
function search(name: string, choose: (found: Value[]) => Value): Native {
  return (input, [wanted = null], m) => {
    if (input === null) return null;
    if (isArray(input)) return choose(indices(input, isArray(wanted) ? wanted : [wanted], m.meter));
    if (typeof input !== "string" || typeof wanted !== "string") throw notFor(name, input, wanted);
    return choose(placesOf(input, wanted, m.meter));
  };
}

function placesOf(text: string, wanted: string, meter: Meter): Value[] {
  const found: Value[] = [];
  if (wanted === "") return found;
  meter.scan(text.length);
  let runes = 0;
  let counted = 0;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    for (; counted < at; counted++) if (!isSecondHalf(text, counted)) runes += 1;
    if (isSecondHalf(text, at)) continue;
    meter.members(4);
    found.push(BigInt(runes));
  }
  return found;
}

/** Whether this unit is the second half of a character. */
function isSecondHalf(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  const before = text.charCodeAt(at - 1);
  return unit >= 0xdc00 && unit < 0xe000 && before >= 0xd800 && before < 0xdc00;
}

function join(input: Value, separator: Value, meter: Meter): Value {
  const items = valuesOf(input);
  if (items === undefined) throw notFor("join", input, separator);
  let joined: Value = items.length === 0 ? "" : null;
  items.forEach((item, i) => {
    const isShown = typeof item === "boolean" || isNumber(item);
    joined = add(add(joined, i === 0 ? "" : separator, meter), isShown ? jqJson(item) : item, meter);
  });
  return joined;
}

/** Numbers keep their spelling. Go reads one value and then looks whether anything follows. */
function fromJson(input: Value, meter: Meter): Value {
  if (typeof input !== "string") throw notFor("fromjson", input);
  meter.grow(input.length * 4);
  try {
    return JSON.parse(input, (_key, value: unknown, context?: { source?: string }) => {
      if (typeof value === "number") return new JsonNumber(context?.source ?? String(value));
      if (typeof value === "string") return wellFormed(value);
      if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof JsonNumber)
        return value;
      return value;
    }) as Value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    if (error.message.includes("after JSON")) throw notFor("fromjson", input);
    throw wrapped("fromjson", input, { reason: jsonFault(input, error) });
  }
}

/** Go's words where they are easy to tell. */
function jsonFault(text: string, { message }: SyntaxError): string {
  const first = text.trimStart().charAt(0);
  if (first === "") return "EOF";
  if (message.includes("end of JSON") || message.includes("Unterminated")) return "unexpected EOF";
  return /[-0-9[{"tfn]/.test(first) ? "invalid JSON" : `invalid character '${first}' looking for beginning of value`;
}

function toNumber(input: Value): Value {
  if (isNumber(input)) return input;
  if (typeof input !== "string") throw notFor("tonumber", input);
  if (!isNumberText(input)) throw wrapped("tonumber", input, { reason: "invalid number" });
  return parseNumber(input);
}

function toText(value: Value, meter: Meter): string {
  if (typeof value === "string") return value;
  const text = jqJson(value);
  meter.text(text.length);
  return text;
}

export const texts: Table = [
  textOnly("utf8bytelength", (text) => BigInt(byteLength(text))),
  textOnly("explode", explode),
  textOnly("ascii_downcase", (text) => text.replace(/[A-Z]+/g, (part) => part.toLowerCase())),
  textOnly("ascii_upcase", (text) => text.replace(/[a-z]+/g, (part) => part.toUpperCase())),
  textOnly("ltrim", (text) => trimmed(text, true, false)),
  textOnly("rtrim", (text) => trimmed(text, false, true)),
  textOnly("trim", (text) => trimmed(text, true, true)),
  twoTexts("startswith", (text, start) => text.startsWith(start)),
  twoTexts("endswith", (text, end) => text.endsWith(end)),
  twoTexts("ltrimstr", withoutStart),
  twoTexts("rtrimstr", withoutEnd),
  twoTexts("trimstr", (text, part) => withoutEnd(withoutStart(text, part), part)),
  ["indices/1", search("indices", (found) => found)],
  ["index/1", search("index", (found) => found[0] ?? null)],
  ["rindex/1", search("rindex", (found) => found[found.length - 1] ?? null)],
  [
    "implode/0",
    (input, _args, m) => {
      const codes = codePoints(input);
      if (codes === undefined) throw notFor("implode", input);
      m.meter.text(codes.length);
      m.meter.scan(codes.length * 16);
      let text = "";
      for (const code of codes) text += String.fromCodePoint(code);
      return text;
    },
  ],
  [
    "split/1",
    (input, [separator = null], m) => {
      if (typeof input !== "string") throw notFor("split", input);
      if (typeof separator !== "string") throw notFor("split", separator);
      return splitText(input, separator, m.meter);
    },
  ],
  ["join/1", (input, [separator = null], m) => join(input, separator, m.meter)],
  ["tojson/0", (input, _args, m) => toJson(input, m.meter)],
  ["fromjson/0", (input, _args, m) => fromJson(input, m.meter)],
  ["tostring/0", (input, _args, m) => toText(input, m.meter)],
  ["tonumber/0", toNumber],
  [
    "toboolean/0",
    (input) => {
      if (typeof input === "boolean") return input;
      if (typeof input !== "string") throw notFor("toboolean", input);
      if (input !== "true" && input !== "false") throw wrapped("toboolean", input, { reason: "invalid boolean" });
      return input === "true";
    },
  ],
  ["format/1", (input, [name = null], m) => format(input, name, m.meter)],
];

function toJson(value: Value, meter: Meter): string {
  const text = jqJson(value);
  meter.text(text.length);
  return text;
}

const HTML: Readonly<Record<string, string>> = {
  "<": "&lt;",
  ">": "&gt;",
  "&": "&amp;",
  "'": "&apos;",
  '"': "&quot;",
};
const TSV: Readonly<Record<string, string>> = { "\t": "\\t", "\r": "\\r", "\n": "\\n", "\\": "\\\\", "\0": "\\0" };

type Format = (value: Value, meter: Meter) => Value;

function row(name: string, separator: string, escaped: (text: string) => string): Format {
  return (value, meter) => {
    const items = name === "sh" && !isArray(value) ? [value] : value;
    if (!isArray(items)) throw notFor(`@${name}`, items);
    return items
      .map((item) => {
        if (isArray(item) || isObject(item)) {
          throw fault(() => `@${name} cannot format an array including: ${named(item)}`);
        }
        if (typeof item === "string") meter.text(item.length);
        if (typeof item === "string") return escaped(item);
        const text = jqJson(item);
        return text === "null" && name !== "sh" ? "" : text;
      })
      .join(separator);
  };
}

function percentEncoded(text: string): string {
  let out = "";
  for (const byte of toBytes(text)) {
    const sign = String.fromCharCode(byte);
    out += byte < 0x80 && /[\w\-.~]/.test(sign) ? sign : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

function percentDecoded(input: Value, text: string): string {
  const bad = /%(?![0-9a-fA-F]{2}).{0,2}/su.exec(text);
  if (bad !== null) {
    throw wrapped("@urid", input, { reason: `invalid URL escape ${JSON.stringify(bad[0])}` });
  }
  const bytes: number[] = [];
  const raw = toBytes(text);
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] === 0x25) {
      bytes.push(Number.parseInt(String.fromCharCode(raw[i + 1] ?? 0, raw[i + 2] ?? 0), 16));
      i += 2;
    } else bytes.push(raw[i] ?? 0);
  }
  return fromBytes(Uint8Array.from(bytes));
}

/** Go's raw decoder: what follows the first `=` is cut off, line breaks are skipped, a lone last sign is an error. */
function base64Decoded(input: Value, text: string): string {
  const end = text.indexOf("=");
  const body = (end < 0 ? text : text.slice(0, end)).replace(/[\r\n]/g, "");
  const bad = body.search(/[^A-Za-z0-9+/]/);
  if (bad >= 0 || body.length % 4 === 1) {
    const place = bad >= 0 ? bad : body.length - 1;
    throw wrapped("@base64d", input, { reason: `illegal base64 data at input byte ${place}` });
  }
  return fromBytes(Buffer.from(body, "base64"));
}

const FORMATS: ReadonlyMap<string, Format> = new Map<string, Format>([
  ["text", toText],
  ["json", toJson],
  ["html", (value, meter) => shown(value, meter, 6).replace(/[<>&'"]/g, (sign) => HTML[sign] ?? sign)],
  ["uri", (value, meter) => percentEncoded(shown(value, meter, 3))],
  ["urid", (value, meter) => percentDecoded(value, shown(value, meter, 1))],
  ["base64", (value, meter) => Buffer.from(toBytes(shown(value, meter, 2))).toString("base64")],
  ["base64d", (value, meter) => base64Decoded(value, shown(value, meter, 1))],
  ["csv", row("csv", ",", (text) => `"${text.replaceAll('"', '""').replaceAll("\0", "\\0")}"`)],
  ["tsv", row("tsv", "\t", (text) => text.replace(/[\t\r\n\\\0]/g, (sign) => TSV[sign] ?? sign))],
  ["sh", row("sh", " ", (text) => `'${text.replaceAll("'", "'\\''").replaceAll("\0", "\\0")}'`)],
]);

/** The text of a value, charged for what the format makes of it. */
function shown(value: Value, meter: Meter, times: number): string {
  const text = toText(value, meter);
  meter.text(text.length * times);
  return text;
}

function format(value: Value, name: Value, meter: Meter): Value {
  if (typeof name !== "string") throw notFor("format", name);
  const found = FORMATS.get(name);
  if (found === undefined) throw fault(() => `format not defined: @${name}`);
  return found(value, meter);
}
