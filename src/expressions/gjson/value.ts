import { floatOrZero, formatFloat, parseBool } from "../go-number.ts";
import { BLOCK, blockEnd, kindAt, LITERAL, NUMBER, OTHER, STRING, stringEnd, valueEnd } from "./scan.ts";
import { unescapeJson } from "./text.ts";

/** gjson's type tag of a value; JSON is an object or an array. */
export type GjsonType = "Null" | "False" | "Number" | "String" | "True" | "JSON";

/** What a path found. */
export interface GjsonResult {
  /** False when nothing was found; a JSON null exists. */
  readonly exists: boolean;
  /** `Null` when nothing was found. */
  readonly type: GjsonType;
  /** The value's own text, byte for byte as it stands in the document; empty when nothing was found. */
  readonly raw: string;
}

/** A result with the places that sjson needs to replace it. */
export interface Found extends GjsonResult {
  /** Where `raw` really stands in the searched text, -1 when it was made and does not stand there. */
  at: number;
  /** gjson's `Result.Index`: the same, but 0 when gjson does not know it any more (behind a pipe, for instance). */
  index: number;
  /** gjson's `Result.Indexes`: the places of the elements of an array that `#` or a query collected. */
  indexes: readonly number[] | undefined;
}

export function found(type: GjsonType, raw: string, at: number): Found {
  return { exists: raw !== "", type, raw, at, index: 0, indexes: undefined };
}

/** The one result of a search that found nothing. */
export const missing: Found = Object.freeze(found("Null", "", -1));

/** The type of the value whose kind and first character are known. */
export function typeOf(kind: number, code: number): GjsonType {
  if (kind === STRING) return "String";
  if (kind === BLOCK) return "JSON";
  if (kind === NUMBER) return "Number";
  return code === 0x74 ? "True" : code === 0x66 ? "False" : "Null";
}

/** gjson.Parse: the first value of a text; an object or array takes all the rest of the text with it. */
export function parse(json: string): Found {
  let i = 0;
  while (i < json.length && json.charCodeAt(i) <= 0x20) i++;
  const kind = kindAt(json, i);
  if (i === json.length || kind === OTHER) return missing;
  const end = kind === BLOCK ? json.length : valueEnd(json, i, kind);
  const value = found(typeOf(kind, json.charCodeAt(i)), json.slice(i, end < 0 ? json.length : end), i);
  value.index = i;
  return value;
}

/** The text of a result of type String. */
export function textOf({ raw }: GjsonResult): string {
  return unescapeJson(raw.slice(1, raw.length > 1 && raw.endsWith('"') ? -1 : undefined));
}

/**
 * gjson's `Result.String()`: whole numbers verbatim, other numbers in plain decimal, objects and arrays raw; null and
 * nothing are the empty string.
 */
export function asString(result: GjsonResult): string {
  switch (result.type) {
    case "String":
      return textOf(result);
    case "Number":
      return /^-?\d*$/.test(result.raw) ? result.raw : formatFloat(floatOrZero(result.raw), "f", -1);
    case "True":
      return "true";
    case "False":
      return "false";
    case "JSON":
      return result.raw;
    default:
      return "";
  }
}

/** gjson's `Result.Float()`: numeric strings are read, true is 1, anything else 0. */
export function asNumber(result: GjsonResult): number {
  switch (result.type) {
    case "Number":
      return floatOrZero(result.raw);
    case "String":
      return floatOrZero(textOf(result));
    default:
      return result.type === "True" ? 1 : 0;
  }
}

/** gjson's `Result.Bool()`: strings as Go's ParseBool reads them, in any case; a number is true unless it is 0. */
export function asBool(result: GjsonResult): boolean {
  switch (result.type) {
    case "True":
      return true;
    case "String":
      return parseBool(textOf(result).toLowerCase()) ?? false;
    case "Number":
      return floatOrZero(result.raw) !== 0;
    default:
      return false;
  }
}

/** A decoded JSON value. Objects have no prototype, so `__proto__` and `constructor` are keys like any other. */
export type GjsonValue =
  | null
  | boolean
  | number
  | string
  | readonly GjsonValue[]
  | { readonly [key: string]: GjsonValue };

interface Container {
  readonly array: GjsonValue[] | undefined;
  readonly object: Record<string, GjsonValue>;
  key: string | undefined;
}

/**
 * gjson's `Result.Value()`: numbers as doubles, null for nothing; of a key that occurs twice the first value counts.
 * Any depth of nesting; linear.
 */
export function asValue(result: GjsonResult): GjsonValue {
  if (result.type !== "JSON") return scalarValue(result);
  const json = result.raw;
  const root = container(json, 0);
  const open: Container[] = [root];
  for (let i = 1, top: Container | undefined = root; top !== undefined && i < json.length; ) {
    const kind = strictKindAt(json, i);
    if (kind === OTHER) {
      const code = json.charCodeAt(i);
      if (code === 0x5d || code === 0x7d) {
        open.pop();
        top = open.at(-1);
      }
      i++;
    } else if (kind === BLOCK) {
      const inner = container(json, i);
      put(top, inner.array ?? inner.object);
      open.push(inner);
      top = inner;
      i++;
    } else {
      const end = valueEnd(json, i, kind);
      const raw = json.slice(i, end < 0 ? json.length : end);
      put(top, scalarValue(found(typeOf(kind, json.charCodeAt(i)), raw, i)));
      i += raw.length;
    }
  }
  return root.array ?? root.object;
}

/** Here gjson takes `nan`, `inf` and `+1` for no numbers, unlike everywhere else. */
function strictKindAt(json: string, i: number): number {
  const kind = kindAt(json, i);
  if (kind !== NUMBER) return kind;
  const code = json.charCodeAt(i);
  if (code === 0x6e) return LITERAL;
  return code === 0x2d || (code >= 0x30 && code <= 0x39) ? NUMBER : OTHER;
}

function container(json: string, i: number): Container {
  return { array: json[i] === "[" ? [] : undefined, object: Object.create(null), key: undefined };
}

function put(into: Container, value: GjsonValue): void {
  if (into.array !== undefined) {
    into.array.push(value);
  } else if (into.key === undefined) {
    into.key = typeof value === "string" ? value : "";
  } else {
    if (!(into.key in into.object)) into.object[into.key] = value;
    into.key = undefined;
  }
}

function scalarValue(result: GjsonResult): GjsonValue {
  switch (result.type) {
    case "String":
      return textOf(result);
    case "Number":
      return floatOrZero(result.raw);
    case "True":
      return true;
    case "False":
      return false;
    default:
      return null;
  }
}

/** One member of an object or one element of an array. */
export interface Member {
  /** The key with its quotes as it stands in the text; undefined in an array. */
  readonly key: string | undefined;
  readonly value: Found;
}

/**
 * gjson's `Result.ForEach`: the members in their order. It does not stop at the closing bracket, so that of several
 * documents in one text the later ones count too, as in gjson. A scalar is its own only member.
 */
export function* members(result: GjsonResult): Generator<Member> {
  if (!result.exists) return;
  if (result.type !== "JSON") {
    yield { key: undefined, value: found(result.type, result.raw, 0) };
    return;
  }
  const json = result.raw;
  const object = json.startsWith("{");
  for (let i = 1; i < json.length; i++) {
    let key: string | undefined;
    if (object) {
      const start = json.indexOf('"', i);
      const end = start < 0 ? -1 : stringEnd(json, start + 1);
      if (end < 0) return;
      key = json.slice(start, end);
      i = end;
    }
    while (i < json.length && kindAt(json, i) === OTHER) i++;
    if (i >= json.length) return;
    const kind = kindAt(json, i);
    const end = kind === BLOCK ? blockEnd(json, i) : valueEnd(json, i, kind);
    if (end < 0) return;
    const type =
      kind === LITERAL || kind === NUMBER ? typeOf(kind, json.charCodeAt(i)) : kind === STRING ? "String" : "JSON";
    yield { key, value: found(type, json.slice(i, end), i) };
    i = end;
  }
}
