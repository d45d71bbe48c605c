import { matchesGlob } from "./glob.ts";
import { headOf } from "./head.ts";
import { matchesQuery } from "./query.ts";
import { type MemberStep, type Query, type Route, route, type Split } from "./route.ts";
import {
  BLOCK,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  kindAt,
  OPEN_BRACE,
  OPEN_BRACKET,
  OTHER,
  QUOTE,
  stringEnd,
  valueEnd,
} from "./scan.ts";
import { elementStep, memberStep } from "./step.ts";
import { unescapeJson } from "./text.ts";
import { type Found, found, missing, parse, typeOf } from "./value.ts";

/**
 * One pass over a document. A container is left as soon as the value is found (`HIT`); one without it gives back where
 * it ends, and the search goes on behind it (a key may occur twice, a wildcard may match again).
 */
interface Search {
  readonly json: string;
  value: Found | undefined;
  /** The path to apply to the value: set when the part before the pipe is reached, even if it is not found. */
  pipe: Route | undefined;
}

const HIT = -1;

/** gjson.Get. Recursion is bounded by the parts of the path, which the compiler of paths limits. */
export function find(json: string, path: Route): Found {
  const head = headOf(path);
  switch (head.kind) {
    case "search":
      return searchIn(json, head.route, head.lines);
    case "modifier": {
      const made = head.run(json, head.arg, (text) => {
        const compiled = route(text);
        return (inner) => find(inner, compiled);
      });
      return continued(made.json, head.rest, made.at);
    }
    case "literal":
      return continued(head.json, head.rest, -1);
    case "multipath": {
      const parts: string[] = [];
      for (const part of head.parts) {
        const value = find(json, part.route);
        if (value.exists) parts.push(part.prefix + value.raw);
      }
      const made = head.open + parts.join(",") + (head.open === "{" ? "}" : "]");
      if (head.rest === undefined) return found("JSON", made, -1);
      return moved(find(made, head.rest), { at: -1, index: 0 });
    }
  }
}

/** The rest of a path on a text that a modifier or a literal made, which stands at `at` of the searched one or nowhere. */
function continued(json: string, rest: Route | undefined, at: number): Found {
  const value = rest === undefined ? parse(json) : find(json, rest);
  const place = { at: at < 0 || value.at < 0 ? -1 : at + value.at, index: rest === undefined ? value.index : 0 };
  return { ...moved(value, place), indexes: undefined };
}

function moved(value: Found, place: { readonly at: number; readonly index: number }): Found {
  const { exists, type, raw, indexes } = value;
  return { exists, type, raw, at: place.at, index: place.index, indexes };
}

function searchIn(json: string, path: Route, lines: boolean): Found {
  const search: Search = { json, value: undefined, pipe: undefined };
  if (lines) {
    scanArray(search, 0, path);
  } else {
    for (let i = 0; i < json.length; i++) {
      const code = json.charCodeAt(i);
      if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        scanBlock(search, i, path);
        break;
      }
    }
  }
  const value = search.value ?? missing;
  if (search.pipe !== undefined) {
    const piped = find(value.raw, search.pipe);
    const at = value.at < 0 || piped.at < 0 ? -1 : value.at + piped.at;
    return { ...moved(piped, { at, index: 0 }), indexes: shifted(piped.indexes, value.index) };
  }
  if (value.exists) value.index = Math.max(value.at, 0);
  return value;
}

function shifted(indexes: readonly number[] | undefined, by: number): readonly number[] | undefined {
  return by === 0 ? indexes : indexes?.map((index) => index + by);
}

function scanBlock(search: Search, at: number, path: Route): number {
  return search.json.charCodeAt(at) === OPEN_BRACE ? scanObject(search, at + 1, path) : scanArray(search, at + 1, path);
}

function scanObject(search: Search, start: number, path: Route): number {
  const { json } = search;
  const step = memberStep(path);
  if (step.pipe !== undefined) search.pipe = step.pipe;
  for (let i = start; ; ) {
    let code = json.charCodeAt(i);
    while (code !== QUOTE) {
      if (code === CLOSE_BRACE || i >= json.length) return i + 1;
      code = json.charCodeAt(++i);
    }
    const keyStart = i + 1;
    i = stringEnd(json, keyStart);
    if (i < 0) return json.length;
    const matched = keyMatches(step, json, keyStart, i - 1);
    let kind = kindAt(json, i);
    while (kind === OTHER && i < json.length) kind = kindAt(json, ++i);
    if (kind === OTHER) return i;
    if (matched && kind === BLOCK && step.next !== undefined) {
      i = scanBlock(search, i, step.next);
      if (i === HIT) return HIT;
      continue;
    }
    const end = valueEnd(json, i, kind);
    if (end < 0) return json.length;
    if (matched && step.next === undefined) {
      search.value = found(typeOf(kind, json.charCodeAt(i)), json.slice(i, end), i);
      return HIT;
    }
    i = end;
  }
}

/** Compares a key without cutting it out of the text; only one with escapes, or a wildcard, has to be. */
function keyMatches({ key, glob }: MemberStep, json: string, start: number, end: number): boolean {
  const length = end - start;
  if (glob !== undefined) return matchesGlob(unescapeJson(json.slice(start, end)), glob);
  if (length < key.length) return false;
  if (length === key.length && !json.startsWith(key, start)) return false;
  for (let i = start; i < end; i++) {
    // An escape is longer than what it stands for, so a key of equal length has none unless the part is a `\` itself.
    if (json.charCodeAt(i) === 0x5c) return unescapeJson(json.slice(start, end)) === key;
  }
  return length === key.length;
}

/** The position of the next element or of the closing bracket; a text that ends closes the array. */
function elementStart(json: string, start: number): number {
  let i = start;
  while (i < json.length && kindAt(json, i) === OTHER && json.charCodeAt(i) !== CLOSE_BRACKET) i++;
  return i;
}

function scanArray(search: Search, start: number, path: Route): number {
  const step = elementStep(path);
  if (step.pipe !== undefined) search.pipe = step.pipe;
  switch (step.kind) {
    case "index":
      return scanIndex(search, start, step);
    case "count":
      return countElements(search, start);
    case "each":
      return collectEach(search, start, step.each);
    case "query":
      return scanQuery(search, start, step);
  }
}

function scanIndex(
  search: Search,
  start: number,
  { index, next }: { readonly index: number; readonly next: Route | undefined },
): number {
  const { json } = search;
  let i = start;
  for (let count = 0; ; count++) {
    i = elementStart(json, i);
    const kind = kindAt(json, i);
    if (kind === OTHER) return i + 1;
    if (count === index && next !== undefined && kind === BLOCK) {
      i = scanBlock(search, i, next);
      if (i === HIT) return HIT;
      continue;
    }
    const end = valueEnd(json, i, kind);
    if (end < 0) return json.length;
    if (count === index && next === undefined) {
      search.value = found(typeOf(kind, json.charCodeAt(i)), json.slice(i, end), i);
      return HIT;
    }
    i = end;
  }
}

function countElements(search: Search, start: number): number {
  const { json } = search;
  let i = start;
  for (let count = 0; ; count++) {
    i = elementStart(json, i);
    const kind = kindAt(json, i);
    if (kind === OTHER) {
      search.value = found("Number", String(count), -1);
      return HIT;
    }
    i = valueEnd(json, i, kind);
    if (i < 0) return json.length;
  }
}

function collectEach(search: Search, start: number, each: Split): number {
  const { json } = search;
  const raws: string[] = [];
  const indexes: number[] = [];
  let i = start;
  for (;;) {
    i = elementStart(json, i);
    const kind = kindAt(json, i);
    if (kind === OTHER) break;
    const end = valueEnd(json, i, kind);
    if (end < 0) return json.length;
    const value = find(json.slice(i, end), each.route);
    if (value.exists) {
      raws.push(value.raw);
      // gjson adds the place of the element only where it knows it, and not to results that have several places.
      indexes.push(value.index + (kind === BLOCK && value.indexes === undefined ? i : 0));
    }
    i = end;
  }
  if (each.pipe !== undefined) search.pipe = each.pipe;
  search.value = found("JSON", `[${raws.join(",")}]`, -1);
  search.value.indexes = indexes;
  return HIT;
}

function scanQuery(
  search: Search,
  start: number,
  { query, next }: { readonly query: Query; readonly next: Split | undefined },
): number {
  const { json } = search;
  const raws: string[] = [];
  const indexes: number[] = [];
  let i = start;
  for (;;) {
    i = elementStart(json, i);
    const kind = kindAt(json, i);
    if (kind === OTHER) break;
    const end = valueEnd(json, i, kind);
    if (end < 0) return json.length;
    const element = found(typeOf(kind, json.charCodeAt(i)), json.slice(i, end), 0);
    const subject = queried(element, query);
    if (subject !== undefined && matchesQuery(subject, query)) {
      if (next?.pipe !== undefined) search.pipe = next.pipe;
      const value = next === undefined ? element : find(element.raw, next.route);
      if (!query.all) {
        search.value = moved(value, { at: value.at < 0 ? -1 : i + value.at, index: value.index });
        return HIT;
      }
      if (value.exists) {
        raws.push(value.raw);
        indexes.push(i + value.index);
      }
    }
    i = end;
  }
  if (search.value === undefined && query.all) {
    search.value = found("JSON", `[${raws.join(",")}]`, -1);
    if (indexes.length > 0) search.value.indexes = indexes;
  }
  return i + 1;
}

/** What the query compares: the element itself, or what its path finds in it. Undefined: a scalar has no members. */
function queried(element: Found, { path }: Query): Found | undefined {
  if (element.type === "JSON") return find(element.raw, path);
  return path.text === "" ? element : undefined;
}
