import { badIndex, badKey, badSlice, JqError, notAnArray, notAnObject, notFor, wrapped } from "./faults.ts";
import type { Meter } from "./meter.ts";
import {
  compare,
  hasKey,
  isArray,
  isNumber,
  isObject,
  type JqObject,
  JsonNumber,
  member,
  toPlace,
  type Value,
} from "./value.ts";

/** `value[key]` for a key of any type. */
export function index(value: Value, key: Value, meter: Meter): Value {
  if (typeof key === "string") {
    if (value === null) return null;
    if (isObject(value)) return member(value, key);
    throw notAnObject(value);
  }
  if (isNumber(key)) return element(value, toPlace(key) ?? 0, meter);
  if (isArray(key)) {
    if (value === null) return null;
    if (isArray(value)) return indices(value, key, meter);
    throw notAnArray(value);
  }
  if (isObject(key)) {
    if (value === null) return null;
    const { start, end } = bounds(key);
    return slice(value, start, end, meter);
  }
  if (isArray(value)) throw badIndex("an array", key);
  throw typeof value === "string" ? badIndex("a string", key) : badKey(key);
}

export function bounds(key: JqObject): { start: Value; end: Value } {
  if (!hasKey(key, "start") || !hasKey(key, "end")) throw badSlice(key);
  return { start: member(key, "start"), end: member(key, "end") };
}

function element(value: Value, place: number, meter: Meter): Value {
  if (value === null) return null;
  if (isArray(value)) return value[clamp(place, -1, value.length)] ?? null;
  if (typeof value !== "string") throw notAnArray(value);
  const runes = runesOf(value, meter);
  return runes[clamp(place, -1, runes.length)] ?? null;
}

/** The characters; a string without surrogates is its own list. */
function runesOf(text: string, meter: Meter): ArrayLike<string> {
  meter.scan(text.length);
  return /[\ud800-\udfff]/.test(text) ? Array.from(text) : text;
}

export function clamp(place: number, least: number, length: number): number {
  const counted = place < 0 ? place + length : place;
  return Math.min(Math.max(counted, least), length);
}

/** Where the second array begins in the first one. */
export function indices(items: readonly Value[], wanted: readonly Value[], meter: Meter): Value[] {
  const found: Value[] = [];
  if (wanted.length === 0) return found;
  for (let i = 0; i + wanted.length <= items.length; i++) {
    meter.scan(16);
    if (isAt(items, wanted, i, meter)) found.push(BigInt(i));
  }
  return found;
}

function isAt(items: readonly Value[], wanted: readonly Value[], at: number, meter: Meter): boolean {
  for (let k = 0; k < wanted.length; k++) {
    if (compare(items[at + k] ?? null, wanted[k] ?? null) !== 0) return false;
    meter.scan(4);
  }
  return true;
}

/** `value[start:end]`. A slice of all of an array is that array, which `path` can see. */
export function slice(value: Value, start: Value, end: Value, meter: Meter): Value {
  if (value === null) return null;
  if (isArray(value)) {
    const [from, to] = range(value.length, start, end, "an array");
    if (from === 0 && to === value.length) return value;
    meter.members(to - from);
    return value.slice(from, to);
  }
  if (typeof value !== "string") throw notAnArray(value);
  const runes = runesOf(value, meter);
  const [from, to] = range(runes.length, start, end, "a string");
  return typeof runes === "string" ? runes.slice(from, to) : Array.prototype.slice.call(runes, from, to).join("");
}

/** The start is cut down, the end up. */
export function range(length: number, start: Value, end: Value, of: "an array" | "a string"): [number, number] {
  const first = start === null ? 0 : toPlace(start);
  if (first === undefined) throw badIndex(of, start);
  const from = clamp(first, 0, length);
  if (end === null) return [from, length];
  const last = toPlace(typeof end === "number" ? Math.ceil(end) : end);
  if (last === undefined) throw badIndex(of, end);
  return [from, clamp(last, from, length)];
}

/** `getpath`: through nulls, but not into other scalars. */
export function getPath(value: Value, path: Value, meter: Meter): Value {
  if (!isArray(path)) throw notFor("getpath", value, path);
  let found = value;
  for (const key of path) {
    if (found !== null && !isArray(found) && !isObject(found)) throw notFor("getpath", value, path);
    try {
      found = index(found, key, meter);
    } catch (error) {
      if (!(error instanceof JqError)) throw error;
      throw wrapped("getpath", value, { args: [path], reason: error.message });
    }
  }
  return found;
}

/** Where an output of a program was found: the keys from the input to it, and what it was there. Null: nobody asks. */
export type Trail = {
  readonly up: Trail;
  readonly key: Value;
  /** How many keys there are. */
  readonly length: number;
  readonly value: Value;
} | null;

export function startTrail(value: Value): Trail {
  return { up: null, key: null, length: 0, value };
}

export function extendTrail(trail: NonNullable<Trail>, key: Value, value: Value): NonNullable<Trail> {
  return { up: trail, key, length: trail.length + 1, value };
}

export function pathOf(trail: NonNullable<Trail>): Value[] {
  const path: Value[] = new Array(trail.length);
  for (let at: Trail = trail; at !== null && at.length > 0; at = at.up) path[at.length - 1] = at.key;
  return path;
}

/**
 * Whether a value is still the one at the end of the trail, however the program came by it. As in gojq containers are
 * compared by identity, and an integer is not a float.
 */
export function isOnTrail(value: Value, trail: NonNullable<Trail>): boolean {
  const there = trail.value;
  if (Object.is(value, there) || value === there) return true;
  if (value instanceof JsonNumber) return there instanceof JsonNumber && value.text === there.text;
  return isArray(value) && isArray(there) && value.length === 0 && there.length === 0;
}
