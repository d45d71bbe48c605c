import { isMap, type Node, type Pair, type YAMLMap } from "yaml";
import type { Repair } from "../../lib/finding.ts";
import { type Edit, type Held, has, keyText, rangeOf } from "./held.ts";

type Target = Extract<Repair, { readonly do: "move" }>["to"];

/** Lines of a block map that are cut out and put in elsewhere with another indentation. */
interface Lines {
  readonly start: number;
  readonly end: number;
  /** Column of the first character of the key, from 0. */
  readonly indent: number;
}

/**
 * Moves a key with its value into another map, as whole lines. undefined where that is not certain: in flow maps, for a
 * key that stands on the line of its list's dash, as the only key of its map, or where the target has it already.
 */
export function moved(
  text: string,
  held: Held,
  to: Target,
): { readonly edits: readonly Edit[]; readonly what: string } | undefined {
  const name = keyText(held);
  const lines = linesAt(text, held.pair);
  if (name === undefined || lines === undefined || held.map.flow === true) return undefined;
  if (to === "outer") {
    const { holder } = held;
    if (holder === undefined || held.map.items.length < 2 || has(holder.map, name) || holder.map.flow === true)
      return undefined;
    const around = linesAt(text, holder.pair) ?? dashed(text, holder.pair);
    if (around === undefined) return undefined;
    const what = `${name} stands beside ${keyText(holder) ?? "its map"} now`;
    return put(text, lines, { at: around.end, indent: around.indent, what });
  }
  const sibling = held.map.items.find((pair) => keyText({ ...held, pair: pair as Held["pair"] }) === to.sibling);
  if (sibling === undefined) return wrapped(text, lines, to.sibling, name);
  return into(text, lines, { map: (sibling as Pair<Node, Node | null>).value, name, key: to.sibling });
}

function into(
  text: string,
  lines: Lines,
  { map, name, key }: { readonly map: Node | null; readonly name: string; readonly key: string },
): ReturnType<typeof moved> {
  if (!isMap(map) || map.flow === true || has(map, name)) return undefined;
  const last = (map as YAMLMap<Node, Node | null>).items.at(-1);
  const place = last === undefined ? undefined : linesAt(text, last);
  return place === undefined
    ? undefined
    : put(text, lines, { at: place.end, indent: place.indent, what: `${name} stands in ${key} now` });
}

/** The map that it belongs into is not there yet: it is written around it. */
function wrapped(text: string, lines: Lines, key: string, name: string): ReturnType<typeof moved> {
  const body = indented(text.slice(lines.start, lines.end), 2);
  if (body === undefined) return undefined;
  const edit = { start: lines.start, end: lines.end, text: `${" ".repeat(lines.indent)}${key}:\n${body}` };
  return { edits: [edit], what: `${name} stands in ${key} now` };
}

function put(
  text: string,
  lines: Lines,
  { at, indent, what }: { readonly at: number; readonly indent: number; readonly what: string },
): ReturnType<typeof moved> {
  const body = indented(text.slice(lines.start, lines.end), indent - lines.indent);
  if (body === undefined || (at > lines.start && at < lines.end)) return undefined;
  const before = at > 0 && text[at - 1] !== "\n" ? "\n" : "";
  // The last line of a file may have no line break: the one before it keeps its own.
  const ended = body.endsWith("\n") || at === text.length ? body : `${body}\n`;
  if (at === lines.end) return { edits: [{ start: lines.start, end: at, text: ended }], what };
  const edits = [
    { start: lines.start, end: lines.end, text: "" },
    { start: at, end: at, text: before + ended },
  ];
  return { edits, what };
}

/** undefined where a line does not have the indentation that is taken away, or a tab. */
function indented(block: string, by: number): string | undefined {
  if (/^[ ]*\t/m.test(block)) return undefined;
  if (by >= 0) return block.replaceAll(/^(?=[^\r\n])/gm, " ".repeat(by));
  const margin = new RegExp(`^ {${-by}}`);
  const lines = block.split("\n");
  if (!lines.every((line) => margin.test(line) || line.trim() === "")) return undefined;
  return lines.map((line) => line.replace(margin, "")).join("\n");
}

/** The whole lines of a member; undefined where something else stands on its first line. */
function linesAt(text: string, pair: Pair<Node, Node | null>): Lines | undefined {
  const { start: key } = rangeOf(pair.key);
  const start = text.lastIndexOf("\n", key - 1) + 1;
  return /^ *$/.test(text.slice(start, key)) ? { start, end: endOf(text, pair), indent: key - start } : undefined;
}

/** A member on the line of its list's dash: its own column counts. */
function dashed(text: string, pair: Pair<Node, Node | null>): Lines | undefined {
  const { start: key } = rangeOf(pair.key);
  const start = text.lastIndexOf("\n", key - 1) + 1;
  return /^ *(?:- +)+$/.test(text.slice(start, key))
    ? { start, end: endOf(text, pair), indent: key - start }
    : undefined;
}

/** Behind the line on which the value ends. */
function endOf(text: string, { key, value }: Pair<Node, Node | null>): number {
  const end = Math.max(rangeOf(key).end, value === null ? 0 : rangeOf(value).end);
  const written = text.slice(0, end).trimEnd().length;
  const newline = text.indexOf("\n", written);
  return newline === -1 ? text.length : newline + 1;
}
