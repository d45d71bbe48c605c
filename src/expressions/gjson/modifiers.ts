import { ExpressionError } from "../fault.ts";
import { type PrettyOptions, pretty, ugly } from "./pretty.ts";
import { kindAt, nesting, OPEN_BRACKET, OTHER, trim, valueEnd } from "./scan.ts";
import { quoteJson, unescapeJson } from "./text.ts";
import { isValid } from "./valid.ts";
import { asBool, asNumber, asString, type Found, members, parse, textOf } from "./value.ts";

/** A text that a modifier gives back, and where it stands in the text it got, or -1 when it is a new one. */
export interface Made {
  readonly json: string;
  readonly at: number;
}

/** Compiles a path that a modifier has as its argument. */
export type Finder = (path: string) => (json: string) => Found;

/** A modifier: the text so far, the argument behind the colon or "", and the searcher for those that search. */
export type Modifier = (json: string, arg: string, finder: Finder) => Made;

const same = (json: string): Made => ({ json, at: 0 });
const made = (json: string): Made => ({ json, at: -1 });

/** The modifiers of gjson 1.19, by name. */
export const modifiers: ReadonlyMap<string, Modifier> = new Map<string, Modifier>([
  ["this", same],
  ["valid", (json) => (isValid(json) ? same(json) : made(""))],
  ["ugly", (json) => made(ugly(json))],
  ["pretty", (json, arg) => made(pretty(json, arg === "" ? {} : prettyOptions(arg)))],
  ["tostr", (json) => made(quoteJson(json))],
  ["fromstr", fromString],
  ["keys", keys],
  ["values", values],
  ["reverse", reverse],
  ["flatten", flatten],
  ["join", join],
  ["group", group],
  ["dig", dig],
]);

/** The value of one option in a JSON argument; the last one counts. */
function option(arg: string, name: string): Found | undefined {
  let value: Found | undefined;
  for (const member of members(parse(arg))) if (keyText(member.key) === name) value = member.value;
  return value;
}

function keyText(key: string | undefined): string {
  return key === undefined ? "" : unescapeJson(key.slice(1, -1));
}

function prettyOptions(arg: string): PrettyOptions {
  const [sortKeys, indent, prefix, width] = ["sortKeys", "indent", "prefix", "width"].map((name) => option(arg, name));
  return {
    ...(sortKeys === undefined ? {} : { sortKeys: asBool(sortKeys) }),
    ...(indent === undefined ? {} : { indent: spaceOf(asString(indent)) }),
    ...(prefix === undefined ? {} : { prefix: spaceOf(asString(prefix)) }),
    ...(width === undefined ? {} : { width: wholeNumber(width) }),
  };
}

/** `Result.Int()` where it matters for a width. */
function wholeNumber(value: Found): number {
  if (value.type === "String" && !/^-?\d+$/.test(textOf(value))) return 0;
  return Math.trunc(asNumber(value));
}

/** gjson keeps only the white space of `indent` and `prefix`. */
function spaceOf(text: string): string {
  return text.replace(/[^ \t\n\r]/g, "");
}

function fromString(json: string): Made {
  if (!isValid(json)) return made("");
  const value = parse(json);
  const text = asString(value);
  if (value.type === "JSON") return { json: text, at: value.at };
  return { json: text, at: value.type === "String" && !value.raw.includes("\\") ? value.at + 1 : -1 };
}

function keys(json: string): Made {
  const names: string[] = [];
  for (const { key } of members(parse(json))) names.push(key ?? "null");
  return made(`[${names.join(",")}]`);
}

function values(json: string): Made {
  const value = parse(json);
  if (value.raw.startsWith("[")) return same(json);
  const raws: string[] = [];
  for (const member of members(value)) raws.push(member.value.raw);
  return made(`[${raws.join(",")}]`);
}

function reverse(json: string): Made {
  const value = parse(json);
  if (value.type !== "JSON") return same(json);
  const parts: string[] = [];
  for (const member of members(value)) {
    parts.push(member.key === undefined ? member.value.raw : `${member.key}:${member.value.raw}`);
  }
  const content = parts.reverse().join(",");
  return made(value.raw.startsWith("[") ? `[${content}]` : `{${content}}`);
}

function isArray(value: Found): boolean {
  return value.raw.startsWith("[");
}

/** The text between the brackets. */
function unwrap(json: string): string {
  const text = trim(json);
  return text.length >= 2 && (text.startsWith("[") || text.startsWith("{")) ? text.slice(1, -1) : text;
}

function flatten(json: string, arg: string): Made {
  const array = parse(json);
  if (!isArray(array)) return same(json);
  const deep = option(arg, "deep");
  const parts: string[] = [];
  if (deep !== undefined && asBool(deep)) {
    for (const raw of leaves(array.raw)) parts.push(raw);
  } else {
    for (const { value } of members(array)) {
      const raw = isArray(value) ? unwrap(value.raw).trim() : value.raw;
      if (raw !== "") parts.push(raw);
    }
  }
  return made(`[${parts.join(",")}]`);
}

/** What is not an array, in arrays nested to any depth: one pass, since arrays are entered and never skipped. */
function* leaves(json: string): Generator<string> {
  for (let i = 0; i < json.length; ) {
    const kind = kindAt(json, i);
    if (kind === OTHER || json.charCodeAt(i) === OPEN_BRACKET) {
      i++;
      continue;
    }
    const end = valueEnd(json, i, kind);
    if (end < 0) return;
    yield json.slice(i, end);
    i = end;
  }
}

function join(json: string, arg: string): Made {
  const array = parse(json);
  if (!isArray(array)) return same(json);
  const objects: Found[] = [];
  for (const { value } of members(array)) if (value.raw.startsWith("{")) objects.push(value);
  const preserve = option(arg, "preserve");
  if (preserve !== undefined && asBool(preserve)) return made(`{${objects.map(({ raw }) => unwrap(raw)).join(",")}}`);
  // The first spelling of a key keeps its place, the last value counts.
  const joined = new Map<string, { readonly key: string; raw: string }>();
  for (const object of objects) {
    for (const { key = "", value } of members(object)) {
      const known = joined.get(keyText(key));
      if (known === undefined) joined.set(keyText(key), { key, raw: value.raw });
      else known.raw = value.raw;
    }
  }
  return made(`{${Array.from(joined.values(), ({ key, raw }) => `${key}:${raw}`).join(",")}}`);
}

function group(json: string): Made {
  const object = parse(json);
  if (!object.raw.startsWith("{")) return made("");
  const rows: string[][] = [];
  for (const { key = "", value } of members(object)) {
    if (!isArray(value)) continue;
    let i = 0;
    for (const element of members(value)) {
      const row = rows[i] ?? [];
      rows[i] = row;
      row.push(`${key}:${element.value.raw}`);
      i++;
    }
  }
  return made(`[${rows.map((row) => `{${row.join(",")}}`).join(",")}]`);
}

/** Each level of nesting is searched once more: this bounds the time on documents nested without end. */
const maxDigDepth = 128;

/** Searches every value of the document, outermost first. */
function dig(json: string, arg: string, finder: Finder): Made {
  if (nesting(json) > maxDigDepth) {
    throw new ExpressionError("EXPRESSION_FAILED", `@dig goes ${maxDigDepth} levels deep, this document is deeper`);
  }
  const search = finder(arg);
  const raws: string[] = [];
  const visit = (value: Found): void => {
    const hit = search(value.raw);
    if (hit.exists) raws.push(hit.raw);
    if (value.type !== "JSON") return;
    for (const member of members(value)) visit(member.value);
  };
  visit(parse(json));
  return made(`[${raws.join(",")}]`);
}
