import { isArray, isObject, JsonNumber, sortedKeys, typeName, type Value } from "./value.ts";

/** How a text is written: as jq does (`tojson`), or as Go's json.Marshal does. */
interface Form {
  string(value: string): string;
  float(value: number): string;
}

/** A number that JSON has no word for, met by json.Marshal. */
export class UnsupportedNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const LONE = /\p{Cs}/u;

function hex4(code: number): string {
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Most strings: neither form escapes anything in them. */
const SIMPLE = /^[ !#-%'-;=?-[\]-~]*$/;

/** JSON.stringify, with each byte that is not UTF-8 as the escape of U+FFFD. */
function quoted(value: string): string {
  if (!LONE.test(value)) return JSON.stringify(value);
  let out = "";
  for (const rune of value) out += LONE.test(rune) ? "\\ufffd" : JSON.stringify(rune).slice(1, -1);
  return `"${out}"`;
}

const DEL = String.fromCharCode(0x7f);

const jqForm: Form = {
  string: (value) => {
    if (SIMPLE.test(value)) return `"${value}"`;
    const text = quoted(value);
    return text.includes(DEL) ? text.replaceAll(DEL, "\\u007f") : text;
  },
  float: (value) => {
    if (Number.isNaN(value)) return "null";
    const finite = Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE);
    return Object.is(finite, -0) ? "-0" : String(finite);
  },
};

const HTML = /[<>&\u2028\u2029]/;
const ALL_HTML = /[<>&\u2028\u2029]/g;

const goForm: Form = {
  string: (value) => {
    if (SIMPLE.test(value)) return `"${value}"`;
    const text = quoted(value);
    return HTML.test(text) ? text.replace(ALL_HTML, (sign) => hex4(sign.charCodeAt(0))) : text;
  },
  float: (value) => {
    if (Number.isFinite(value)) return Object.is(value, -0) ? "-0" : String(value);
    throw new UnsupportedNumber(Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
  },
};

/** Keys sorted by their bytes, no spaces. */
function write(value: Value, form: Form): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "string":
      return form.string(value);
    case "number":
      return form.float(value);
    case "boolean":
    case "bigint":
      return String(value);
    default:
      return writeGroup(value, form);
  }
}

function writeGroup(value: Exclude<Value, null | boolean | number | bigint | string>, form: Form): string {
  if (value instanceof JsonNumber) return value.text;
  let out = "";
  if (isArray(value)) {
    for (let i = 0; i < value.length; i++) out += (i === 0 ? "" : ",") + write(value[i] ?? null, form);
    return `[${out}]`;
  }
  for (const key of sortedKeys(value)) {
    out += `${out === "" ? "" : ","}${form.string(key)}:${write(value[key] ?? null, form)}`;
  }
  return `{${out}}`;
}

/** `tojson`: NaN is null, infinities are the largest float. */
export function jqJson(value: Value): string {
  return write(value, jqForm);
}

/** Go's json.Marshal. Throws UnsupportedNumber for NaN and infinities. */
export function goJson(value: Value): string {
  return write(value, goForm);
}

const MAX_PREVIEW = 30;
/** What is encoded of a value before it is cut, in bytes. */
const MAX_ENCODED = 32;
const encoder = new TextEncoder();

/** A value as error messages show it: its JSON, cut to 30 bytes. */
export function preview(value: Value): string {
  const bytes = encoder.encode(limited(value, MAX_ENCODED)).subarray(0, MAX_ENCODED);
  if (bytes.length <= MAX_PREVIEW) return new TextDecoder().decode(bytes);
  const mark = typeof value === "string" ? ' ..."' : isArray(value) ? " ...]" : isObject(value) ? " ...}" : " ...";
  let end = Math.min(bytes.length, MAX_PREVIEW - mark.length);
  // Never in the middle of a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return new TextDecoder().decode(bytes.subarray(0, end)) + mark;
}

/** The start of the JSON, at least `room` characters of it where there are so many. */
function limited(value: Value, room: number): string {
  if (typeof value === "string") return jqForm.string(value.slice(0, MAX_ENCODED + 2));
  if (typeof value === "bigint" && (value > 10n ** 40n || value < -(10n ** 40n))) return String(value).slice(0, 40);
  if (isArray(value)) {
    let out = "[";
    for (let i = 0; i < value.length && out.length < room; i++) {
      out += (i === 0 ? "" : ",") + limited(value[i] ?? null, room - out.length);
    }
    return `${out}]`;
  }
  if (!isObject(value)) return jqJson(value);
  let out = "{";
  for (const key of sortedKeys(value)) {
    if (out.length >= room) break;
    out += `${out === "{" ? "" : ","}${limited(key, room)}:${limited(value[key] ?? null, room - out.length)}`;
  }
  return `${out}}`;
}

/** Type and preview: how most messages name a value. */
export function named(value: Value): string {
  return value === null ? "null" : `${typeName(value)} (${preview(value)})`;
}
