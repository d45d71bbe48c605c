import { isCollection, isScalar, type Node, type Scalar } from "yaml";
import type { Path } from "../lib/finding.ts";
import type { Members } from "./yaml-value.ts";

/** Lines and columns count from 1; columns in UTF-16 units, as editors and JavaScript count. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface PlaceOptions {
  /** The key is meant, not its value. */
  readonly key?: boolean | undefined;
  /** An offset inside the string there. */
  readonly offset?: number | undefined;
}

/** The text of a file with its lines. */
export interface Lines {
  readonly text: string;
  /** Offset of the first character of each line. */
  readonly starts: readonly number[];
}

export function linesOf(text: string): Lines {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return { text, starts };
}

export function placeOf(lines: Lines, offset: number): Place {
  let low = 0;
  let high = lines.starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lines.starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: Math.max(0, offset - (lines.starts[low] ?? 0)) + 1 };
}

/**
 * Where the value at `path` stands. What is not there (a missing field) is placed at the nearest thing around it that
 * is; a map or list at its key, since its own text begins on the next line.
 */
export function locate(
  document: { readonly lines: Lines; readonly root: Node | null; readonly value: unknown; readonly members: Members },
  path: Path,
  options: PlaceOptions = {},
): Place {
  let value = document.value;
  let node: Node | undefined = document.root ?? undefined;
  let key: Node | undefined;
  let complete = true;
  for (const segment of path) {
    const member = typeof value === "object" && value !== null ? document.members.get(value)?.get(segment) : undefined;
    if (member === undefined) {
      complete = false;
      break;
    }
    value = (value as Record<string | number, unknown>)[segment];
    node = member.value;
    key = member.key;
  }
  if (complete && options.offset !== undefined && isScalar(node)) {
    return placeOf(document.lines, offsetInScalar(document.lines, node, options.offset));
  }
  const unwritten = node?.range !== undefined && node.range !== null && node.range[0] === node.range[1];
  const atKey =
    key !== undefined && (!complete || options.key || unwritten || node === undefined || isCollection(node));
  const wanted = atKey ? key : node;
  return placeOf(document.lines, wanted?.range?.[0] ?? 0);
}

/** The offset in the file of an offset in a string value. */
function offsetInScalar(lines: Lines, node: Scalar, offset: number): number {
  const [start, end] = node.range ?? [0, 0];
  const source = lines.text.slice(start, end);
  if (typeof node.value !== "string") return start;
  if (node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED") return start + inBlock(source, node.value, offset);
  if (source.includes("\n")) return start;
  if (node.type === "QUOTE_SINGLE") return start + 1 + inSource(source.slice(1), /''|./sy, offset);
  if (node.type === "QUOTE_DOUBLE") {
    return start + 1 + inSource(source.slice(1), /\\(?:x.{2}|u.{4}|U.{8}|.)|./sy, offset);
  }
  return start + Math.min(offset, source.length);
}

/** Walks quoted source, one character of the value at a time. An eight-digit escape may make two UTF-16 units. */
function inSource(source: string, piece: RegExp, offset: number): number {
  let at = 0;
  for (let units = 0; units < offset && at < source.length; ) {
    piece.lastIndex = at;
    const written = piece.exec(source)?.[0] ?? " ";
    units += written.startsWith("\\U") && parseInt(written.slice(2), 16) > 0xffff ? 2 : 1;
    at += written.length;
  }
  return at;
}

/** Matches each line of a block scalar with its part of the value; the header line is skipped. */
function inBlock(source: string, value: string, offset: number): number {
  let lineStart = source.indexOf("\n") + 1;
  if (lineStart === 0) return 0;
  let last = lineStart;
  for (let consumed = 0; lineStart < source.length; ) {
    const lineEnd = source.indexOf("\n", lineStart) === -1 ? source.length : source.indexOf("\n", lineStart);
    const line = source.slice(lineStart, lineEnd).replace(/\r$/, "");
    const content = line.trimStart();
    const found = content === "" ? -1 : value.indexOf(content, consumed);
    if (found !== -1) {
      const contentStart = lineStart + line.length - content.length;
      if (offset < found) return contentStart;
      if (offset <= found + content.length) return contentStart + offset - found;
      consumed = found + content.length;
      last = contentStart + content.length;
    }
    lineStart = lineEnd + 1;
  }
  return last;
}
