import { ExpressionError } from "../fault.ts";
import { floatOrZero } from "../go-number.ts";
import {
  BLOCK,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  kindAt,
  LITERAL,
  nesting,
  OPEN_BRACE,
  OTHER,
  STRING,
  stringEnd,
  valueEnd,
} from "./scan.ts";
import { compareText, unescapeJson, utf8Length } from "./text.ts";

/** Options of `@pretty`; what is absent is gjson's default: 80 columns, two spaces, no prefix, keys in their order. */
export interface PrettyOptions {
  readonly width?: number;
  readonly prefix?: string;
  readonly indent?: string;
  readonly sortKeys?: boolean;
}

/** Without the white space outside of strings. */
export function ugly(json: string): string {
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i < json.length; ) {
    const code = json.charCodeAt(i);
    if (code === 0x22) {
      const end = stringEnd(json, i + 1);
      i = end < 0 ? json.length : end;
    } else {
      i++;
      if (code > 0x20) continue;
      parts.push(json.slice(from, i - 1));
      from = i;
    }
  }
  parts.push(json.slice(from));
  return parts.join("");
}

/** A deeper document is refused: its indentation alone would grow with the square of the depth. */
const maxDepth = 128;

/** One run: the text so far, with what the layout depends on (columns are UTF-8 bytes, as gjson counts them). */
interface Page {
  readonly json: string;
  readonly options: Required<PrettyOptions>;
  readonly parts: string[];
  bytes: number;
  lineStart: number;
}

/**
 * gjson's `@pretty` of the first value of a text: every member on its own line, arrays without objects on one line
 * where they fit.
 */
export function pretty(json: string, options: PrettyOptions): string {
  if (nesting(json) > maxDepth) {
    throw new ExpressionError("EXPRESSION_FAILED", `@pretty goes ${maxDepth} levels deep, this document is deeper`);
  }
  const full = { width: 80, prefix: "", indent: "  ", sortKeys: false, ...options };
  const page: Page = { json, options: full, parts: [], bytes: 0, lineStart: 0 };
  append(page, full.prefix);
  appendValue(page, 0, 0);
  return page.bytes === 0 ? "" : `${page.parts.join("")}\n`;
}

function append(page: Page, text: string): void {
  page.parts.push(text);
  page.bytes += utf8Length(text);
}

function appendLine(page: Page, depth: number): void {
  append(page, page.options.prefix + page.options.indent.repeat(depth));
}

/** Appends the next value from `start` on; gives back where it ends. */
function appendValue(page: Page, start: number, depth: number): number {
  const { json } = page;
  let i = start;
  while (i < json.length && kindAt(json, i) === OTHER) i++;
  const kind = kindAt(json, i);
  if (kind === OTHER) return i;
  if (kind === LITERAL) {
    // Known by its first letter alone: the text that a modifier made may be no JSON.
    const word = literals.get(json.charAt(i)) ?? "null";
    append(page, word);
    return Math.min(i + word.length, json.length);
  }
  if (kind !== BLOCK) {
    const end = scalarEnd(json, i, kind);
    append(page, json.slice(i, end));
    return end;
  }
  if (json.charCodeAt(i) === OPEN_BRACE) return appendObject(page, i, depth);
  const room = page.options.width - (page.bytes - page.lineStart);
  const line = page.options.width > 0 && room > 3 ? oneLine(json, i, room) : undefined;
  if (line === undefined) return appendArray(page, i, depth);
  append(page, line.text);
  return line.end;
}

const literals: ReadonlyMap<string, string> = new Map([
  ["t", "true"],
  ["f", "false"],
]);

function scalarEnd(json: string, start: number, kind: number): number {
  const end = valueEnd(json, start, kind);
  return end < 0 ? json.length : end;
}

function appendArray(page: Page, start: number, depth: number): number {
  const { json } = page;
  append(page, "[");
  let i = start + 1;
  for (let count = 0; i < json.length; ) {
    const code = json.charCodeAt(i);
    if (code === CLOSE_BRACKET) return appendCloser(page, { i, depth, closer: "]", empty: count === 0 });
    if (code <= 0x20 || code === 0x2c) {
      i++;
      continue;
    }
    // gjson writes ", " and makes the space the line end, so the line starts one byte later than after "[".
    if (count > 0) append(page, ",");
    page.lineStart = count > 0 ? page.bytes + 1 : page.bytes;
    append(page, "\n");
    appendLine(page, depth + 1);
    i = appendValue(page, i, depth + 1);
    count++;
  }
  return i;
}

function appendCloser(
  page: Page,
  block: { readonly i: number; readonly depth: number; readonly closer: string; readonly empty: boolean },
): number {
  if (!block.empty) {
    page.lineStart = page.bytes;
    append(page, "\n");
    appendLine(page, block.depth);
  }
  append(page, block.closer);
  return block.i + 1;
}

function textFrom(page: Page, part: number): string {
  return page.parts.slice(part).join("");
}

interface Pair {
  readonly key: string;
  readonly text: string;
  readonly value: string;
}

function appendObject(page: Page, start: number, depth: number): number {
  const { json } = page;
  append(page, "{");
  const before = page.parts.length;
  const pairs: Pair[] = [];
  let i = start + 1;
  while (i < json.length) {
    const code = json.charCodeAt(i);
    if (code === CLOSE_BRACE) {
      if (page.options.sortKeys) page.parts.splice(before, Number.POSITIVE_INFINITY, sortedPairs(pairs));
      return appendCloser(page, { i, depth, closer: "}", empty: pairs.length === 0 });
    }
    if (code !== 0x22) {
      i++;
      continue;
    }
    if (pairs.length > 0) append(page, ",");
    page.lineStart = page.bytes;
    append(page, "\n");
    const from = page.parts.length;
    appendLine(page, depth + 1);
    const keyEnd = scalarEnd(json, i, STRING);
    const key = json.slice(i, keyEnd);
    append(page, `${key}: `);
    const valueFrom = page.parts.length;
    i = appendValue(page, keyEnd, depth + 1);
    const sorted = page.options.sortKeys;
    pairs.push({ key, text: sorted ? textFrom(page, from) : "", value: sorted ? textFrom(page, valueFrom) : "" });
  }
  return i;
}

function sortedPairs(pairs: readonly Pair[]): string {
  const sorted = pairs.map((pair) => ({ pair, name: unescapeJson(pair.key.slice(1, -1)) }));
  sorted.sort((a, b) => compareText(a.name, b.name) || compareValues(a.pair.value, b.pair.value));
  return sorted.map(({ pair }, i) => `${i > 0 ? "," : ""}\n${pair.text}`).join("");
}

/** The order of the values of equal keys: null, false, numbers, strings, true, the rest. */
function compareValues(a: string, b: string): number {
  const kind = rank(a);
  if (kind !== rank(b)) return kind - rank(b);
  if (kind === 2) return floatOrZero(a) - floatOrZero(b);
  return kind === 3 ? compareText(unescapeJson(a.slice(1, -1)), unescapeJson(b.slice(1, -1))) : compareText(a, b);
}

function rank(value: string): number {
  const known = 'nf"t[{'.indexOf(value.charAt(0));
  return [0, 1, 3, 4, 5, 5][known] ?? 2;
}

/** An array on one line, when it holds no object and is not longer than `room` bytes. Stops reading when it is. */
function oneLine(
  json: string,
  start: number,
  room: number,
): { readonly text: string; readonly end: number } | undefined {
  let text = "";
  let bytes = 0;
  let depth = 0;
  for (let i = start; i < json.length; ) {
    const code = json.charCodeAt(i);
    const kind = kindAt(json, i);
    if (code === OPEN_BRACE) return undefined;
    if (kind === OTHER && code !== CLOSE_BRACKET) {
      i++;
      continue;
    }
    const end = kind === OTHER || kind === BLOCK ? i + 1 : scalarEnd(json, i, kind);
    const separated = code !== CLOSE_BRACKET && text !== "" && !text.endsWith("[");
    const piece = (separated ? ", " : "") + json.slice(i, end);
    text += piece;
    bytes += utf8Length(piece);
    if (bytes > room) return undefined;
    if (kind === BLOCK) depth++;
    if (code === CLOSE_BRACKET) depth--;
    if (depth === 0) return { text, end };
    i = end;
  }
  return undefined;
}
