import { named, preview } from "./encode.ts";
import { fault, type JqError } from "./faults.ts";
import type { Meter } from "./meter.ts";
import type { Operator } from "./syntax.ts";
import {
  compare,
  copyObject,
  type Draft,
  isArray,
  isNumber,
  isObject,
  type JqObject,
  member,
  put,
  putAll,
  reckon,
  toFloat,
  toInt,
  type Value,
} from "./value.ts";

/** A binary operator on two values. */
export type Binary = (left: Value, right: Value, meter: Meter) => Value;

function mismatch(verb: string, left: Value, right: Value): JqError {
  return fault(() => `cannot ${verb}: ${named(left)} and ${named(right)}`);
}

/** Bits of an integer above which it is no number of a sane program any more. */
const MAX_BITS = 262_144;

function bitsOf(n: bigint): number {
  return BigInt.asIntN(64, n) === n ? 64 : n.toString(16).length * 4;
}

/** Charges an operation on integers of that size before it is made. */
function chargeBits(bits: number, meter: Meter): void {
  if (bits <= 128) return;
  if (bits > MAX_BITS) throw fault(() => "number too large");
  meter.grow(bits / 4);
}

export const add: Binary = (left, right, meter) => {
  if (typeof left === "number" && typeof right === "number") return left + right;
  if (isNumber(left) && isNumber(right)) return addNumbers(reckon(left), reckon(right), meter);
  if (typeof left === "string" && typeof right === "string") {
    meter.text(left.length + right.length);
    return left + right;
  }
  if (isArray(left) && isArray(right)) {
    if (left.length === 0 || right.length === 0) return left.length === 0 ? right : left;
    meter.members(left.length + right.length);
    return left.concat(right);
  }
  if (isObject(left) && isObject(right)) return merged(left, right, meter);
  if (left === null) return right;
  if (right === null) return left;
  throw mismatch("add", left, right);
};

function addNumbers(left: number | bigint, right: number | bigint, meter: Meter): Value {
  if (typeof left !== "bigint" || typeof right !== "bigint") return Number(left) + Number(right);
  chargeBits(Math.max(bitsOf(left), bitsOf(right)), meter);
  return left + right;
}

function merged(left: JqObject, right: JqObject, meter: Meter): Value {
  const made = copyObject(left, meter);
  putAll(made, right, meter);
  return made;
}

const subtract: Binary = (left, right, meter) => {
  if (isNumber(left) && isNumber(right)) {
    const l = reckon(left);
    const r = reckon(right);
    if (typeof l !== "bigint" || typeof r !== "bigint") return Number(l) - Number(r);
    chargeBits(Math.max(bitsOf(l), bitsOf(r)), meter);
    return l - r;
  }
  if (!isArray(left) || !isArray(right)) throw mismatch("subtract", left, right);
  meter.members(left.length);
  return left.filter((item) => {
    meter.scan(16 + right.length);
    return !right.some((other) => compare(item, other) === 0);
  });
};

const multiply: Binary = (left, right, meter) => {
  if (isNumber(left) && isNumber(right)) {
    const l = reckon(left);
    const r = reckon(right);
    if (typeof l !== "bigint" || typeof r !== "bigint") return Number(l) * Number(r);
    chargeBits(bitsOf(l) + bitsOf(r), meter);
    return l * r;
  }
  if (isObject(left) && isObject(right)) return deepMerged(left, right, meter);
  const [text, times] = typeof left === "string" ? [left, right] : [right, left];
  const count = toFloat(times);
  if (typeof text !== "string" || count === undefined) throw mismatch("multiply", left, right);
  return repeated(text, count, meter);
};

function deepMerged(left: JqObject, right: JqObject, meter: Meter): Value {
  const made: Draft = copyObject(left, meter);
  const keys = Object.keys(right);
  meter.keys(keys.length);
  for (const key of keys) {
    const theirs = right[key] ?? null;
    const ours = member(left, key);
    put(made, key, isObject(theirs) && isObject(ours) ? deepMerged(ours, theirs, meter) : theirs);
  }
  return made;
}

const MAX_INT32 = 2 ** 31 - 1;

function repeated(text: string, times: number, meter: Meter): Value {
  if (times < 0 || Number.isNaN(times)) return null;
  const count = Math.trunc(Math.min(times, MAX_INT32));
  if (Buffer.byteLength(text) * count >= MAX_INT32) {
    throw fault(() => `repeat string result too large: ${preview(text)} * ${preview(times)}`);
  }
  meter.text(text.length * count);
  return text.repeat(count);
}

const divide: Binary = (left, right, meter) => {
  if (isNumber(left) && isNumber(right)) return divideNumbers(left, right);
  if (typeof left === "string" && typeof right === "string") {
    return left === "" ? [] : splitText(left, right, meter);
  }
  throw mismatch("divide", left, right);
};

function divideNumbers(left: Value, right: Value): Value {
  const l = isNumber(left) ? reckon(left) : 0;
  const r = isNumber(right) ? reckon(right) : 0;
  // biome-ignore lint/suspicious/noDoubleEquals: 0 and 0n alike
  if (r == 0) throw fault(() => `cannot divide ${named(l)} by: ${named(r)}`);
  if (typeof l === "bigint" && typeof r === "bigint" && l % r === 0n) return l / r;
  return Number(l) / Number(r);
}

/** Go's `strings.Split`: an empty separator splits into characters. */
export function splitText(text: string, separator: string, meter: Meter): Value {
  const parts = separator === "" ? Array.from(text) : text.split(separator);
  meter.members(parts.length);
  meter.scan(text.length);
  return parts;
}

const modulo: Binary = (left, right) => {
  if (!isNumber(left) || !isNumber(right)) throw mismatch("modulo", left, right);
  const l = reckon(left);
  const r = reckon(right);
  if (Number.isNaN(l) || Number.isNaN(r)) return Number.NaN;
  const isWhole = typeof l === "bigint" && typeof r === "bigint";
  const divisor = isWhole ? r : (toInt(r) ?? 0n);
  if (divisor === 0n)
    throw fault(() => `cannot modulo ${named(isWhole ? l : Number(l))} by: ${named(isWhole ? r : Number(r))}`);
  return (isWhole ? l : (toInt(l) ?? 0n)) % divisor;
};

export const OPERATORS: Readonly<Record<Operator, Binary>> = {
  "+": add,
  "-": subtract,
  "*": multiply,
  "/": divide,
  "%": modulo,
  "==": (left, right) => compare(left, right) === 0,
  "!=": (left, right) => compare(left, right) !== 0,
  "<": (left, right) => compare(left, right) < 0,
  "<=": (left, right) => compare(left, right) <= 0,
  ">": (left, right) => compare(left, right) > 0,
  ">=": (left, right) => compare(left, right) >= 0,
};
