import { argAny, argOf, argText, optInt } from "./arguments.ts";
import { type Machine, typeOf } from "./machine.ts";
import { index, isTextual, textOf } from "./operations.ts";
import { type Pattern, parsePattern } from "./pattern.ts";
import { findMatches, type Match } from "./pattern-match.ts";
import { startOffset } from "./string-offset.ts";
import { LuaTable } from "./table.ts";
import { isTrue, LuaCursor, LuaFault, LuaNative, type LuaValue, NOTHING } from "./values.ts";

/** Runs pattern code, whose errors have no place yet. */
function search(machine: Machine, pattern: string, source: string, range: { start: number; limit: number }): Found {
  machine.spend(2 + pattern.length * 2);
  try {
    const parsed = parsePattern(pattern, machine);
    return { source, pattern: parsed, matches: findMatches(parsed, source, range, machine) };
  } catch (thrown) {
    if (thrown instanceof LuaFault) machine.raise(textOf(thrown.value));
    throw thrown;
  }
}

interface Found {
  readonly source: string;
  readonly pattern: Pattern;
  readonly matches: readonly Match[];
}

function capture(machine: Machine, found: Found, match: Match, slot: number): string | number {
  const start = match[slot] ?? 0;
  if (found.pattern.positions.has(slot)) return start + 1;
  const end = match[slot + 1] ?? 0;
  machine.text(end - start);
  return found.source.slice(start, end);
}

function captures(machine: Machine, found: Found, match: Match): (string | number)[] {
  const values: (string | number)[] = [];
  for (let slot = 2; slot < match.length; slot += 2) values.push(capture(machine, found, match, slot));
  return values;
}

export function find(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const source = argText(machine, args, 1);
  const pattern = argText(machine, args, 2);
  if (pattern === "") return [1, 0];
  const start = startOffset(source.length, optInt(machine, args, 3, 1));
  if (args.length === 4 && isTrue(args[3])) {
    if (start > source.length)
      throw new LuaFault(`runtime error: slice bounds out of range [${start}:${source.length}]`);
    const at = plainFind(machine, source, pattern, start);
    return at < 0 ? [undefined] : [at + 1, at + pattern.length];
  }
  const found = search(machine, pattern, source, { start, limit: 1 });
  const [first] = found.matches;
  if (first === undefined) return [undefined];
  return [(first[0] ?? 0) + 1, first[1] ?? 0, ...captures(machine, found, first)];
}

/**
 * The first place of `pattern` from `start` on. V8's own search takes the product of both lengths for texts made for
 * that, so a long pattern is looked for in linear time (Knuth, Morris, Pratt).
 */
function plainFind(machine: Machine, source: string, pattern: string, start: number): number {
  machine.spend((source.length - start) / 8 + pattern.length / 4);
  if (pattern.length <= 32) return source.indexOf(pattern, start);
  const borders = new Int32Array(pattern.length);
  const extend = (matched: number, unit: number): number => {
    let length = matched;
    while (length > 0 && pattern.charCodeAt(length) !== unit) length = borders[length - 1] ?? 0;
    return pattern.charCodeAt(length) === unit ? length + 1 : 0;
  };
  for (let i = 1; i < pattern.length; i++) borders[i] = extend(borders[i - 1] ?? 0, pattern.charCodeAt(i));
  let matched = 0;
  for (let i = start; i < source.length; i++) {
    matched = extend(matched, source.charCodeAt(i));
    if (matched === pattern.length) return i + 1 - matched;
  }
  return -1;
}

export function match(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const source = argText(machine, args, 1);
  const pattern = argText(machine, args, 2);
  const position = optInt(machine, args, 3, 1);
  const start = Math.max(0, (position < 0 ? source.length + position + 1 : position) - 1);
  const found = search(machine, pattern, source, { start, limit: 1 });
  const [first] = found.matches;
  if (first === undefined) return NOTHING;
  return first.length === 2 ? [capture(machine, found, first, 0)] : captures(machine, found, first);
}

const gmatchStep = new LuaNative((machine: Machine, args) => {
  const [cursor] = args;
  if (!(cursor instanceof LuaCursor)) machine.badArgument(1, `userdata expected, got ${typeOf(cursor)}`);
  machine.spend(1);
  return cursor.results[cursor.position++] ?? NOTHING;
});

/** All matches are found at once, as in the peer; the iterator needs the second value, as `for` passes it. */
export function gmatch(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const source = argText(machine, args, 1);
  const found = search(machine, argText(machine, args, 2), source, { start: 0, limit: -1 });
  const results = found.matches.map((each) =>
    each.length === 2 ? [capture(machine, found, each, 0)] : captures(machine, found, each),
  );
  return [gmatchStep, new LuaCursor(results)];
}

export function gsub(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const source = argText(machine, args, 1);
  const pattern = argText(machine, args, 2);
  argOf(machine, args, 3, ["string", "table", "function"]);
  const replacement = argAny(machine, args, 3);
  const limit = optInt(machine, args, 4, -1);
  const found = search(machine, pattern, source, { start: 0, limit });
  if (found.matches.length === 0) return [args[0], 0];
  const parts: string[] = [];
  let last = 0;
  let length = source.length;
  for (const each of found.matches) {
    const text = replaced(machine, found, each, replacement);
    if (text === undefined) continue;
    parts.push(source.slice(last, each[0]), text);
    length += text.length;
    machine.grow(text.length + 32);
    last = each[1] ?? 0;
  }
  machine.text(length);
  return [parts.join("") + source.slice(last), found.matches.length];
}

/** What stands for one match; undefined keeps it. Values that are neither strings nor numbers count as "". */
function replaced(machine: Machine, found: Found, each: Match, by: LuaValue): string | undefined {
  machine.spend(1);
  if (typeof by === "string") return expand(machine, found, each, by);
  let value: LuaValue;
  if (by instanceof LuaTable) value = index(machine, by, capture(machine, found, each, each.length > 2 ? 2 : 0));
  else {
    const given = each.length > 2 ? captures(machine, found, each) : [capture(machine, found, each, 0)];
    value = machine.invoke(by, given)[0];
  }
  return isTrue(value) ? (isTextual(value) ? textOf(value) : "") : undefined;
}

/** `%0` to `%9` and `%%`; any other `%` stays. */
function expand(machine: Machine, found: Found, each: Match, by: string): string {
  if (!by.includes("%")) return by;
  machine.spend(by.length / 4);
  let out = "";
  for (let i = 0; i < by.length; i++) {
    const char = by.charAt(i);
    const next = by.charAt(i + 1);
    if (char !== "%" || next === "") out += char;
    else {
      i += 1;
      if (next === "%") out += "%";
      else if (next >= "0" && next <= "9") out += expanded(machine, found, each, Number(next) * 2);
      else out += char + next;
    }
  }
  machine.text(out.length);
  return out;
}

function expanded(machine: Machine, found: Found, each: Match, slot: number): string {
  if (slot > 2 && slot >= each.length) machine.raise("invalid capture index");
  return textOf(capture(machine, found, each, slot === 2 && each.length === 2 ? 0 : slot));
}
