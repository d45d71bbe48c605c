import { compareText } from "../go-text.ts";
import { failed, goPow, goPrint, MAX_DATA_DEPTH, type Matcher, tooDeep } from "../pratt.ts";

type Binary = (left: unknown, right: unknown) => unknown;

/** A compiled literal: no string to the checks of types, but it prints as one. */
export class Pattern {
  readonly text: string;
  readonly matches: Matcher;
  constructor(text: string, matches: Matcher) {
    this.text = text;
    this.matches = matches;
  }
}

function print(value: unknown): string {
  return goPrint(value, (special) => (special instanceof Pattern ? special.text : undefined));
}

function typeFault(value: unknown, sign: string, wanted: string): never {
  throw failed(`${print(value).slice(0, 80)} cannot be used with ${sign}: it is not ${wanted}`);
}

export function asNumber(value: unknown, sign: string): number {
  return typeof value === "number" ? value : typeFault(value, sign, "a number");
}
export function asBool(value: unknown, sign: string): boolean {
  return typeof value === "boolean" ? value : typeFault(value, sign, "a bool");
}
export function asText(value: unknown, sign: string): string {
  return typeof value === "string" ? value : typeFault(value, sign, "a string");
}

/** `int64(float64)` on amd64: what does not fit is the least integer. */
export function toInt64(value: number): bigint {
  if (Number.isNaN(value) || value >= 2 ** 63 || value < -(2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.trunc(value));
}
/** `uint64(float64)` on amd64: negative numbers wrap. */
function toUint64(value: number): bigint {
  if (value >= 2 ** 63 && value < 2 ** 64) return BigInt(value);
  return BigInt.asUintN(64, toInt64(value));
}

function arithmetic(sign: string, compute: (left: number, right: number) => number): [string, Binary] {
  return [sign, (left, right) => compute(asNumber(left, sign), asNumber(right, sign))];
}
function bits(sign: string, compute: (left: bigint, right: bigint) => bigint): [string, Binary] {
  return arithmetic(sign, (left, right) => Number(compute(toInt64(left), toInt64(right))));
}
function shift(sign: string, compute: (value: bigint, by: bigint) => bigint): [string, Binary] {
  return arithmetic(sign, (left, right) => {
    const by = toUint64(right);
    return by >= 64n ? 0 : Number(BigInt.asUintN(64, compute(toUint64(left), by)));
  });
}
/** Two numbers or two strings, never one of each. */
function order(sign: string, holds: (comparison: number) => boolean): [string, Binary] {
  return [
    sign,
    (left, right) => {
      if (typeof left === "string" && typeof right === "string") return holds(compareText(left, right));
      if (typeof left !== "number" || typeof right !== "number") {
        const odd = typeof left === "number" || typeof left === "string" ? right : left;
        return typeFault(odd, sign, "a number or string like the other side");
      }
      return holds(left < right ? -1 : left > right ? 1 : left === right ? 0 : Number.NaN);
    },
  ];
}

function add(left: unknown, right: unknown): unknown {
  if (typeof left === "number" && typeof right === "number") return left + right;
  if (typeof left === "string" || typeof right === "string") return print(left) + print(right);
  return typeFault(typeof left === "number" ? right : left, "+", "a number or string");
}

function contains(left: unknown, right: unknown): boolean {
  if (!Array.isArray(right)) {
    throw failed(
      `${print(right).slice(0, 80)} cannot be used with in: it is not a list; (a) is no list, (a, b) is one`,
    );
  }
  for (const item of right) {
    if (isComposite(left) && isComposite(item) && Array.isArray(left) === Array.isArray(item)) {
      throw failed("in cannot compare lists or objects");
    }
    if (left === item) return true;
  }
  return false;
}

function isComposite(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** The operators that need both sides; `&&`, `||`, `?`, `:` and `??` decide by themselves what they evaluate. */
export const binary: ReadonlyMap<string, Binary> = new Map<string, Binary>([
  ["==", (left, right) => deepEqual(left, right, 0)],
  ["!=", (left, right) => !deepEqual(left, right, 0)],
  order("<", (comparison) => comparison < 0),
  order("<=", (comparison) => comparison <= 0),
  order(">", (comparison) => comparison > 0),
  order(">=", (comparison) => comparison >= 0),
  ["in", contains],
  ["+", add],
  arithmetic("-", (left, right) => left - right),
  arithmetic("*", (left, right) => left * right),
  arithmetic("/", (left, right) => left / right),
  arithmetic("%", (left, right) => left % right),
  arithmetic("**", goPow),
  bits("&", (left, right) => left & right),
  bits("|", (left, right) => left | right),
  bits("^", (left, right) => left ^ right),
  shift("<<", (value, by) => value << by),
  shift(">>", (value, by) => value >> by),
  // A list grows to the right, also one that is a parameter: (list, 1) is the list with 1.
  [",", (left, right) => (Array.isArray(left) ? [...left, right] : [left, right])],
]);

/** `reflect.DeepEqual` on decoded JSON. */
function deepEqual(a: unknown, b: unknown, depth: number): boolean {
  if (depth > MAX_DATA_DEPTH) return tooDeep();
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => deepEqual(item, b[index], depth + 1));
  }
  const left = entriesOf(a);
  const right = entriesOf(b);
  if (left.size !== right.size) return false;
  for (const [key, item] of left) if (!right.has(key) || !deepEqual(item, right.get(key), depth + 1)) return false;
  return true;
}

function entriesOf(value: object): ReadonlyMap<unknown, unknown> {
  return value instanceof Map ? value : new Map(Object.entries(value));
}
