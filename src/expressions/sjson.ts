/**
 * sjson: sets one value in JSON text, with the semantics of tidwall/sjson 1.2.5 (reference 3.7): what `dest` of a
 * parameter means. All bytes around the change stay as they are. Rules beyond the plain dot path:
 * a number is an index of an array (beyond its end the gap is filled with null, and the array is written without
 * spaces) and a key of an object; where nothing is, it makes an array; `-1` appends; `:123` is the key "123"; `\.` is a
 * dot of a key; a scalar on the way is replaced. A path with one of `| # @ * ?` is searched with gjson, and what it
 * finds is replaced; when it finds nothing, nothing happens.
 */
import { ExpressionError } from "./fault.ts";
import { blockEnd, trim } from "./gjson/scan.ts";
import { quoteJson } from "./gjson/text.ts";
import { asString, members, parse } from "./gjson/value.ts";
import { compilePath, locate } from "./gjson.ts";

/**
 * sjson.SetRaw: puts JSON text at the path. `json` may be empty. Throws EXPRESSION_INVALID for an empty path and
 * EXPRESSION_FAILED when an array meets a key, when more than a million nulls would have to be filled in, or when the real library would
 * overwrite the wrong bytes (`#` within `#`, or a pipe before `#`).
 */
export function setRaw(json: string, path: string, rawValue: string): string {
  if (path === "") throw new ExpressionError("EXPRESSION_INVALID", "the path is empty");
  const parts = readPath(path);
  return parts === undefined ? setFound(json, path, rawValue) : setAt(json, parts, rawValue);
}

/** Puts a string at the path, written as the real library does; else as `setRaw`. */
export function setString(json: string, path: string, value: string): string {
  return setRaw(json, path, stringify(value));
}

/**
 * Raw between quotes when that is a JSON string, so `<b>&` stays; else as Go's `json.Marshal`, which escapes `<`, `>`
 * and `&` too (reference 3.7).
 */
function stringify(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7f || code === 0x22 || code === 0x5c) return quoteJson(text);
  }
  return `"${text}"`;
}

interface Part {
  /** The key, without its escapes. */
  readonly key: string;
  /** The key as a path of gjson. */
  readonly search: string;
  /** The number it is, when it is no forced key. The empty part counts as 0. */
  readonly index: number | undefined;
  readonly appends: boolean;
}

/** The parts of a plain path; undefined when it is one for gjson. */
function readPath(path: string): readonly Part[] | undefined {
  const parts: Part[] = [];
  for (let i = 0; i <= path.length; i++) {
    const forced = path[i] === ":";
    if (forced) i++;
    const start = i;
    let key = "";
    let from = i;
    for (; i < path.length && path[i] !== "."; i++) {
      const escaped = path[i] === "\\";
      // Behind a `\` these are plain characters of a key.
      if (!escaped && "|#@*?".includes(path.charAt(i))) return undefined;
      if (!escaped) continue;
      key += path.slice(from, i);
      i++;
      from = i;
    }
    i = Math.min(i, path.length);
    key += path.slice(from, i);
    const numeric = !forced && /^\d*$/.test(key);
    parts.push({
      key,
      search: path.slice(start, i),
      index: numeric ? Number(key) : undefined,
      appends: !forced && key === "-1",
    });
  }
  return parts;
}

/** Follows the parts that exist, and replaces the last or builds the rest. A loop, since paths may be long. */
function setAt(json: string, parts: readonly Part[], raw: string): string {
  const before: string[] = [];
  const after: string[] = [];
  let inner = json;
  for (let i = 0; ; i++) {
    const part = parts[i];
    if (part === undefined) break;
    const value = locate(inner, compilePath(part.search));
    if (value.index <= 0) {
      inner = insert(inner, parts.slice(i), raw);
      break;
    }
    before.push(inner.slice(0, value.index));
    after.push(inner.slice(value.index + value.raw.length));
    inner = i === parts.length - 1 ? raw : value.raw;
  }
  return before.join("") + inner + after.reverse().join("");
}

/** Adds what is missing to an object or array; anything else is replaced by a new one. */
function insert(json: string, parts: readonly Part[], raw: string): string {
  const [first] = parts;
  if (first === undefined) return raw;
  const existing = trim(json) === "" ? undefined : parse(json);
  const block = existing?.type === "JSON" ? existing.raw : first.index === undefined ? "{}" : "[]";
  if (block.startsWith("{")) {
    const end = Math.max(block.lastIndexOf("}"), 0);
    return `${block.slice(0, end)}${hasMembers(block) ? "," : ""}${build(parts, raw, false)}}`;
  }
  if (first.index === undefined && !first.appends) {
    throw new ExpressionError("EXPRESSION_FAILED", `cannot set array element for non-numeric key '${first.key}'`);
  }
  const built = build(parts, raw, true);
  if (first.index === undefined) {
    const open = trim(block);
    return `${open.endsWith("]") ? open.slice(0, -1) : open}${hasMembers(block) ? "," : ""}${built}]`;
  }
  const elements: string[] = [];
  for (const { value } of members(parse(block.slice(0, blockEnd(block, 0))))) elements.push(value.raw);
  const gap = Math.max(first.index - elements.length, 0);
  checkPadding(gap);
  return `[${[...elements, ...new Array<string>(gap).fill("null"), built].join(",")}]`;
}

function hasMembers(block: string): boolean {
  const first = /[^\0- ]/.exec(block.slice(1))?.[0];
  return first !== undefined && first !== "}" && first !== "]";
}

/** A new value with its containers: `a.1` with 5 becomes `"a":[null,5]` in an object. */
function build(parts: readonly Part[], raw: string, inArray: boolean): string {
  const open: string[] = [];
  const close: string[] = [];
  let array = inArray;
  let padding = 0;
  parts.forEach((part, i) => {
    if (!array) open.push(stringify(part.key), ":");
    const next = parts[i + 1];
    if (next === undefined) return;
    array = next.index !== undefined || next.appends;
    padding += next.index ?? 0;
    checkPadding(padding);
    open.push(array ? `[${"null,".repeat(next.index ?? 0)}` : "{");
    close.push(array ? "]" : "}");
  });
  return open.join("") + raw + close.reverse().join("");
}

const maxPadding = 1_000_000;

/** The real library fills in any number of nulls, and the memory with them. */
function checkPadding(count: number): void {
  if (count <= maxPadding) return;
  throw new ExpressionError("EXPRESSION_FAILED", `an array is filled with at most ${maxPadding} nulls, not ${count}`);
}

/**
 * Replaces what gjson finds: one value, or all the elements that `#` or a query collected. gjson loses the place of
 * what it finds behind some paths (see `setRaw`). The real library then overwrites other bytes, which makes the JSON
 * invalid; no manifest can rely on that, so it is an error here.
 */
function setFound(json: string, path: string, raw: string): string {
  const found = locate(json, compilePath(path));
  if (!found.exists) return json;
  const { index, indexes = [] } = found;
  const values = index > 0 ? [found] : Array.from(members(found), ({ value }) => value);
  const places = index > 0 ? [index] : indexes;
  if (places.length === 0 || places.length !== values.length) return json;
  const pieces: string[] = [];
  let from = 0;
  values
    .map((value, i) => ({ value, at: places[i] ?? 0 }))
    .sort((a, b) => a.at - b.at)
    .forEach(({ value, at }) => {
      if (at < from || !json.startsWith(value.raw, at)) {
        const shown = asString(value).slice(0, 40);
        const message = `the place of ${shown} in the document is not known: set it with a path of its own`;
        throw new ExpressionError("EXPRESSION_FAILED", message);
      }
      pieces.push(json.slice(from, at), raw);
      from = at + value.raw.length;
    });
  return pieces.join("") + json.slice(from);
}
