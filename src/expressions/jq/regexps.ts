import { RE2JS, RE2JSSyntaxException } from "re2js";
import { add } from "./arithmetic.ts";
import type { Native } from "./evaluate.ts";
import { fault, notFor } from "./faults.ts";
import type { Meter } from "./meter.ts";
import { isArray, isObject, member, type Value } from "./value.ts";

const MAX_REMEMBERED = 64;

/** The patterns that one program has compiled; data can make patterns, so only so many are kept. */
type Patterns = Map<string, RE2JS>;

function compiled(pattern: string, flags: string, { patterns, meter }: { patterns: Patterns; meter: Meter }): RE2JS {
  const key = `${flags}/${pattern}`;
  const known = patterns.get(key);
  if (known !== undefined) return known;
  if (/[^gim]/.test(flags)) throw fault(() => `unsupported regular expression flag: ${JSON.stringify(flags)}`);
  // For Go, `m` lets the point match line breaks.
  const text = `${flags.includes("m") ? "(?s)" : ""}${flags.includes("i") ? "(?i)" : ""}${pattern}`;
  meter.scan(256 + pattern.length * 256);
  try {
    const made = RE2JS.compile(text);
    if (patterns.size >= MAX_REMEMBERED) patterns.clear();
    patterns.set(key, made);
    return made;
  } catch (cause) {
    const reason = cause instanceof RE2JSSyntaxException ? cause.message : "it cannot be compiled";
    throw fault(() => `invalid regular expression ${JSON.stringify(text)}: ${reason}`);
  }
}

/**
 * Whether a search never looks far beyond the end of its match: a pattern without unbounded repetition, or one repeated
 * character or class. Others may look at all of the text for each match (`a*b|a`).
 */
function isLocal(pattern: string): boolean {
  return !/[*+]|\{\d+,\}/.test(pattern) || /^(?:\\?[^\\[(]|\\.|\[\^?[^\][]+\])[*+]$/su.test(pattern);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

interface Found extends Span {
  /** Undefined for a group that took no part. */
  readonly groups: readonly (Span | undefined)[];
}

/** Go's FindAll: an empty match right after another match does not count. */
function findAll(pattern: RE2JS, text: string, most: number, meter: Meter): Found[] {
  const found: Found[] = [];
  let previousEnd = -1;
  const local = isLocal(pattern.pattern());
  for (let at = 0; at <= text.length && found.length < most; ) {
    const matcher = pattern.matcher(text);
    meter.scan(64 + (local ? 0 : (text.length - at) * 4));
    if (!matcher.find(at)) break;
    const start = matcher.start();
    const end = matcher.end();
    // A character costs the engine about as much as four steps.
    meter.scan((end - at) * 64);
    if (start !== end || start !== previousEnd) {
      const groups = Array.from({ length: pattern.groupCount() }, (_none, i) => {
        const from = matcher.start(i + 1);
        return from < 0 ? undefined : { start: from, end: matcher.end(i + 1) };
      });
      found.push({ start, end, groups });
      meter.members(24 + groups.length * 12);
    }
    previousEnd = end;
    at = end > at ? end : at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
  }
  return found;
}

/** Counts characters up to places that only grow. */
function runeCounter(text: string): (place: number) => bigint {
  if (!/[\ud800-\udfff]/.test(text)) return (place) => BigInt(place);
  let at = 0;
  let count = 0;
  return (place) => {
    if (place < at) {
      at = 0;
      count = 0;
    }
    for (; at < place; count++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
    return BigInt(count);
  };
}

function matchObjects(pattern: RE2JS, text: string, most: number, meter: Meter): Value[] {
  const names = new Map(Object.entries(pattern.namedGroups()).map(([name, group]) => [group, name]));
  const runes = runeCounter(text);
  const shown = ({ start, end }: Span): { offset: bigint; length: bigint; string: string } => {
    const offset = runes(start);
    return { offset, length: runes(end) - offset, string: text.slice(start, end) };
  };
  return findAll(pattern, text, most, meter).map((match) => ({
    ...shown(match),
    captures: match.groups.map((group, i) => ({
      name: names.get(i + 1) ?? null,
      ...(group === undefined ? { offset: -1n, length: 0n, string: null } : shown(group)),
    })),
  }));
}

/** `_match(pattern; flags; testing)`; the patterns belong to the program. */
export function matching(): Native {
  const patterns: Patterns = new Map();
  return (input, [pattern = null, flags = null, testing = null], m) => {
    const name = testing === true ? "test" : "match";
    const isFlags = flags === null || typeof flags === "string";
    if (!isFlags || typeof input !== "string" || typeof pattern !== "string") throw notFor(name, input, pattern, flags);
    const regexp = compiled(pattern, flags ?? "", { patterns, meter: m.meter });
    if (testing !== true) {
      return matchObjects(regexp, input, flags?.includes("g") ? Number.POSITIVE_INFINITY : 1, m.meter);
    }
    m.meter.scan(64 + input.length * 64);
    return regexp.matcher(input).find();
  };
}

/** `_gaps(matches)`: what is between the matches. */
export const gaps: Native = (input, [matches = null], m) => {
  if (typeof input !== "string" || !isArray(matches)) throw notFor("splits", input, matches);
  const runes = Array.from(input);
  m.meter.members(runes.length);
  let at = 0;
  const parts: Value[] = [];
  for (const match of matches) {
    const { offset, length } = placeOf(match);
    parts.push(runes.slice(at, offset).join(""));
    at = offset + length;
  }
  parts.push(runes.slice(at).join(""));
  return parts;
};

function placeOf(match: Value): { offset: number; length: number } {
  if (!isObject(match)) return { offset: 0, length: 0 };
  return { offset: Number(member(match, "offset")), length: Number(member(match, "length")) };
}

/**
 * `_sub(matches)`: each match has `with`, the outputs of the replacement. The n-th outputs of all of them together make
 * the n-th result; a text without any is left as it is.
 */
export const substitute: Native = (input, [matches = null], m) => {
  if (typeof input !== "string" || !isArray(matches)) throw notFor("sub", input, matches);
  const runes = Array.from(input);
  m.meter.members(runes.length);
  let at = 0;
  const results: Value[] = [];
  for (const match of matches) {
    const { offset, length } = placeOf(match);
    const before = runes.slice(at, offset).join("");
    const outputs = isObject(match) ? member(match, "with") : null;
    if (isArray(outputs)) {
      outputs.forEach((output, i) => {
        results[i] = add(results[i] ?? null, add(before, output, m.meter), m.meter);
      });
    }
    at = offset + length;
  }
  const rest = runes.slice(at).join("");
  const whole = results.map((result) => add(result, rest, m.meter));
  return whole.length === 0 ? [input] : whole;
};
