import { compareText } from "../go-text.ts";
import type { Meter } from "./meter.ts";

/**
 * jq values as gojq has them. A Go `int` and a `*big.Int` are a bigint, a `float64` is a number: which of the two a number
 * is decides about overflow, the last digits and the sign of zero. Objects are read through `member` and written through `put`, so
 * that `__proto__` is a key like any other; those that come in are plain results of JSON.parse and are never changed.
 */
export type Value = null | boolean | number | bigint | string | JsonNumber | readonly Value[] | JqObject;

export interface JqObject {
  readonly [key: string]: Value;
}

/** An object being made. */
export type Draft = Record<string, Value>;

/** What `fromjson` makes of a number: it keeps its spelling until it is reckoned with. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * Up to here V8 copies an object with its hidden class: 5 to 20 ns a key. Beyond, and for every object without a prototype,
 * a spread takes 300 to 2000 ns a key, a loop into an object without prototype 50 to 100.
 */
const MAX_QUICK_KEYS = 100;

/** An object to be filled with about so many keys. */
export function emptyDraft(keys = 0): Draft {
  return keys > MAX_QUICK_KEYS ? (Object.create(null) as Draft) : {};
}

export function put(draft: Draft, key: string, value: Value): void {
  if (key !== "__proto__") draft[key] = value;
  else Object.defineProperty(draft, key, { value, writable: true, enumerable: true, configurable: true });
}

/** A copy that may be changed. */
export function copyObject(object: JqObject, meter: Meter): Draft {
  const keys = Object.keys(object);
  meter.keys(keys.length);
  if (keys.length <= MAX_QUICK_KEYS) return { ...object };
  const draft = emptyDraft(keys.length);
  for (const key of keys) put(draft, key, object[key] ?? null);
  return draft;
}

/** Puts all members of one object into another. */
export function putAll(draft: Draft, object: JqObject, meter: Meter): void {
  const keys = Object.keys(object);
  meter.keys(keys.length);
  for (const key of keys) put(draft, key, object[key] ?? null);
}

export function isArray(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isObject(value: Value): value is JqObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

export function isNumber(value: Value): value is number | bigint | JsonNumber {
  return typeof value === "number" || typeof value === "bigint" || value instanceof JsonNumber;
}

export function isTrue(value: Value): boolean {
  return value !== null && value !== false;
}

export function hasKey(object: JqObject, key: string): boolean {
  return Object.hasOwn(object, key);
}

/** The member, null when there is none. */
export function member(object: JqObject, key: string): Value {
  return Object.hasOwn(object, key) ? (object[key] ?? null) : null;
}

/** Above these units the order of UTF-16 is not that of UTF-8. */
const HIGH = /[\ud800-\uffff]/;

/** Keys in the order of their bytes, as everything in gojq walks them. */
export function sortedKeys(object: JqObject): string[] {
  const keys = Object.keys(object);
  if (keys.length < 2) return keys;
  keys.sort();
  return keys.some((key) => HIGH.test(key)) ? keys.sort(compareText) : keys;
}

export function typeName(value: Value): string {
  if (value === null) return "null";
  if (isNumber(value)) return "number";
  if (typeof value !== "object") return typeof value;
  return isArray(value) ? "array" : "object";
}

/** The order of the types; false comes before true. */
function rank(value: Value): number {
  if (value === null) return 0;
  if (value === false) return 1;
  if (value === true) return 2;
  if (isNumber(value)) return 3;
  if (typeof value === "string") return 4;
  return isArray(value) ? 5 : 6;
}

/** A number that can be reckoned with. */
export function reckon(value: number | bigint | JsonNumber): number | bigint {
  return value instanceof JsonNumber ? parseNumber(value.text) : value;
}

/** The number that a spelling stands for: an integer of any size, or a float; out of range is infinite. */
export function parseNumber(text: string): number | bigint {
  if (/^[+-]?\d+$/.test(text)) return BigInt(text.startsWith("+") ? text.slice(1) : text);
  return Number(text);
}

const MIN_INT = -(2n ** 63n);
const MAX_INT = 2n ** 63n - 1n;

/** Go's `int` of a number, cut towards zero and clamped to 64 bits; undefined when the value is no number. */
export function toInt(value: Value): bigint | undefined {
  if (!isNumber(value)) return undefined;
  const n = reckon(value);
  if (typeof n === "bigint") return n > MAX_INT ? MAX_INT : n < MIN_INT ? MIN_INT : n;
  if (n >= -(2 ** 63) && n < 2 ** 63) return BigInt(Math.trunc(n));
  return n > 0 ? MAX_INT : MIN_INT;
}

/** `toInt` as a number, for places in arrays and strings: beyond 2^53 nothing is that long. */
export function toPlace(value: Value): number | undefined {
  if (typeof value === "bigint" && value >= -1_000_000n && value <= 1_000_000_000n) return Number(value);
  const n = toInt(value);
  return n === undefined ? undefined : Number(n);
}

/** The float of a number; undefined when the value is none. */
export function toFloat(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (!(value instanceof JsonNumber)) return undefined;
  const n = Number(value.text);
  return Number.isFinite(n) ? n : undefined;
}

/** Below, equal or above, across all types; NaN is below every number, itself too. */
export function compare(a: Value, b: Value): number {
  // Not for numbers and containers: NaN differs from itself, inside them too.
  if (a === b && typeof a !== "number" && typeof a !== "object") return 0;
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (isNumber(a) && isNumber(b)) return compareNumbers(reckon(a), reckon(b));
  if (isArray(a) && isArray(b)) return compareArrays(a, b);
  if (isObject(a) && isObject(b)) return compareObjects(a, b);
  return rank(a) - rank(b);
}

function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (typeof a === "bigint" && typeof b === "bigint") return a < b ? -1 : a > b ? 1 : 0;
  const x = Number(a);
  const y = Number(b);
  if (x < y || Number.isNaN(x)) return -1;
  return x === y ? 0 : 1;
}

function compareArrays(a: readonly Value[], b: readonly Value[]): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const order = compare(a[i] ?? null, b[i] ?? null);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareObjects(a: JqObject, b: JqObject): number {
  const keys = sortedKeys(a);
  const byKeys = compareArrays(keys, sortedKeys(b));
  if (byKeys !== 0) return byKeys;
  for (const key of keys) {
    const order = compare(a[key] ?? null, b[key] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

/** The members in the order of their keys, or the elements; undefined when it is neither. */
export function valuesOf(value: Value): readonly Value[] | undefined {
  if (isArray(value)) return value;
  return isObject(value) ? sortedKeys(value).map((key) => value[key] ?? null) : undefined;
}
