import { goPow } from "../pratt.ts";
import { named } from "./encode.ts";
import type { Native } from "./evaluate.ts";
import { fault, notFor } from "./faults.ts";
import { isArray, isNumber, JsonNumber, toFloat, toInt, type Value } from "./value.ts";

type Table = readonly (readonly [name: string, native: Native])[];

function unary(name: string, apply: (x: number) => Value): readonly [string, Native] {
  return [
    `${name}/0`,
    (input) => {
      const x = toFloat(input);
      if (x === undefined) throw notFor(name, input);
      return apply(x);
    },
  ];
}

function ofTwo(name: string, apply: (x: number, y: number) => number): readonly [string, Native] {
  return [
    `${name}/2`,
    (_input, [first = null, second = null]) => {
      const x = toFloat(first);
      if (x === undefined) throw notFor(name, first);
      const y = toFloat(second);
      if (y === undefined) throw notFor(name, second);
      return apply(x, y);
    },
  ];
}

/** Mantissa in [0.5, 1) and power of two. */
function frexp(x: number): [number, number] {
  if (x === 0 || !Number.isFinite(x)) return [x, 0];
  let power = Math.max(-1023, Math.floor(Math.log2(Math.abs(x))) + 1);
  let mantissa = x * 2 ** -power;
  while (Math.abs(mantissa) < 0.5) {
    mantissa *= 2;
    power -= 1;
  }
  while (Math.abs(mantissa) >= 1) {
    mantissa /= 2;
    power += 1;
  }
  return [mantissa, power];
}

function ldexp(x: number, power: number): number {
  if (!Number.isFinite(x)) return x;
  // What no int holds is the least one in Go, and adding a negative exponent to that wraps around.
  if (!(Math.abs(power) < 2 ** 63)) return Math.abs(x) < 1 ? x / 0 || x : x * 0;
  let left = Math.max(-2200, Math.min(2200, Math.trunc(power)));
  let result = x;
  // In steps, so that the factor itself stays in range; going down, the mantissa is rounded once.
  while (left > 1000) {
    result *= 2 ** 1000;
    left -= 1000;
  }
  while (left < -1000) {
    result *= 2 ** -1000;
    left += 1000;
  }
  return result * 2 ** left;
}

const LOG10_2 = 0.3010299956639812;

function log2(x: number): number {
  const [mantissa, power] = frexp(x);
  return mantissa === 0.5 ? power - 1 : Math.log(mantissa) * Math.LOG2E + power;
}

function roundHalfAway(x: number): number {
  const whole = Math.trunc(x);
  return Math.abs(x - whole) >= 0.5 ? whole + Math.sign(x) : whole;
}

function roundHalfEven(x: number): number {
  const whole = Math.trunc(x);
  const rest = Math.abs(x - whole);
  return rest > 0.5 || (rest === 0.5 && whole % 2 !== 0) ? whole + Math.sign(x) : whole;
}

function remainder(x: number, y: number): number {
  if (Number.isNaN(x) || !Number.isFinite(x) || Number.isNaN(y) || y === 0) return Number.NaN;
  if (!Number.isFinite(y)) return x;
  const size = Math.abs(y);
  let rest = Math.abs(x) % (2 * size);
  if (!Number.isFinite(2 * size)) rest = Math.abs(x);
  if (rest * 2 > size && Number.isFinite(rest * 2)) {
    rest -= size;
    if (rest * 2 >= size) rest -= size;
  } else if (rest > size / 2) {
    rest -= size;
    if (rest >= size / 2) rest -= size;
  }
  return x < 0 || Object.is(x, -0) ? -rest : rest;
}

function nextAfter(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  if (x === y) return x;
  if (x === 0) return y > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const bits = view.getBigInt64(0);
  view.setBigInt64(0, y > x === x > 0 ? bits + 1n : bits - 1n);
  return view.getFloat64(0);
}

function logb(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (!Number.isFinite(x)) return Number.isNaN(x) ? x : Number.POSITIVE_INFINITY;
  return frexp(x)[1] - 1;
}

/** The exact x * y + z, rounded once, for finite numbers. */
function fma(x: number, y: number, z: number): number {
  const plain = x * y + z;
  if (!Number.isFinite(plain) || x === 0 || y === 0) return plain;
  const parts = [x, y, z].map((n) => {
    const [mantissa, power] = frexp(n);
    return { whole: BigInt(mantissa * 2 ** 53), power: power - 53 };
  });
  const [a, b, c] = parts;
  if (a === undefined || b === undefined || c === undefined) return plain;
  const power = a.power + b.power;
  const least = Math.min(power, c.power);
  if (Math.max(power, c.power) - least > 4000) return plain;
  const sum = ((a.whole * b.whole) << BigInt(power - least)) + (c.whole << BigInt(c.power - least));
  return sum === 0n ? plain : scaled(sum, least);
}

/** An integer times a power of two, as the nearest float. */
function scaled(whole: bigint, power: number): number {
  const size = whole < 0n ? -whole : whole;
  const extra = size.toString(2).length - 64;
  if (extra <= 0) return ldexp(Number(whole), power);
  // Keep 64 bits and whether anything was cut off, then round once.
  const kept = ((size >> BigInt(extra)) << 1n) | (size & ((1n << BigInt(extra)) - 1n) ? 1n : 0n);
  return ldexp(Number(whole < 0n ? -kept : kept), power + extra - 1);
}

const magnitude =
  (name: string): Native =>
  (input) => {
    if (typeof input === "number") return Math.abs(input);
    if (typeof input === "bigint") return input < 0n ? -input : input;
    if (input instanceof JsonNumber) return input.text.startsWith("-") ? new JsonNumber(input.text.slice(1)) : input;
    throw notFor(name, input);
  };

const abs = magnitude("abs");
/** `length` of a number. */
export const numberLength = magnitude("length");

const signs: Table = [
  [
    "_negate/0",
    (input) => {
      if (typeof input === "number" || typeof input === "bigint") return -input;
      if (input instanceof JsonNumber) {
        return new JsonNumber(input.text.startsWith("-") ? input.text.slice(1) : `-${input.text}`);
      }
      throw fault(() => `cannot negate: ${named(input)}`);
    },
  ],
  [
    "_plus/0",
    (input) => {
      if (isNumber(input)) return input;
      throw fault(() => `cannot plus: ${named(input)}`);
    },
  ],
];

const tests: Table = [
  ["infinite/0", () => Number.POSITIVE_INFINITY],
  ["nan/0", () => Number.NaN],
  [
    "isnan/0",
    (input) => {
      const x = toFloat(input);
      if (x === undefined && input !== null) throw notFor("isnan", input);
      return Number.isNaN(x);
    },
  ],
  [
    "isinfinite/0",
    (input) => {
      const x = toFloat(input);
      return x !== undefined && Math.abs(x) === Number.POSITIVE_INFINITY;
    },
  ],
  [
    "isfinite/0",
    (input) => {
      const x = toFloat(input);
      return x !== undefined && Math.abs(x) !== Number.POSITIVE_INFINITY;
    },
  ],
  [
    "isnormal/0",
    (input) => {
      const x = toFloat(input);
      return x !== undefined && Number.isFinite(x) && Math.abs(x) >= 2 ** -1022;
    },
  ],
];

/** Bessel, gamma and error functions are missing: see `missing` in builtins.ts. The last digit of sines is V8's. */
export const numbers: Table = [
  ...signs,
  ...tests,
  ["abs/0", abs],
  ...(["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"] as const).map(
    (name) => unary(name, Math[name]),
  ),
  ...(["floor", "ceil", "trunc", "sqrt", "cbrt", "exp", "expm1", "log", "log1p"] as const).map((name) =>
    unary(name, Math[name]),
  ),
  unary("round", roundHalfAway),
  unary("nearbyint", roundHalfEven),
  unary("rint", roundHalfEven),
  unary("fabs", Math.abs),
  unary("significand", (x) => frexp(x)[0] * 2),
  unary("exp10", (x) => goPow(10, x)),
  unary("exp2", (x) => 2 ** x),
  unary("log2", log2),
  unary("log10", (x) => log2(x) * LOG10_2),
  unary("logb", logb),
  unary("frexp", (x) => {
    const [mantissa, power] = frexp(x);
    return [mantissa, BigInt(power)];
  }),
  unary("modf", (x) => {
    if (!Number.isFinite(x)) return Number.isNaN(x) ? [x, x] : [x > 0 ? 0 : -0, x];
    const whole = Math.trunc(x);
    const rest = x - whole;
    return [rest === 0 && (x < 0 || Object.is(x, -0)) ? -0 : rest, whole];
  }),
  ofTwo("pow", goPow),
  ofTwo("atan2", Math.atan2),
  ofTwo("copysign", (x, y) => (y < 0 || Object.is(y, -0) ? -Math.abs(x) : Math.abs(x))),
  ofTwo("drem", (x, y) => {
    const rest = remainder(x, y);
    return rest === 0 ? (x < 0 || Object.is(x, -0) ? -0 : 0) : rest;
  }),
  ofTwo("remainder", remainder),
  ofTwo("fdim", (x, y) => Math.max(x - y, 0)),
  ofTwo("fmax", (x, y) => (Number.isNaN(x) ? y : Number.isNaN(y) ? x : Math.max(x, y))),
  ofTwo("fmin", (x, y) => (Number.isNaN(x) ? y : Number.isNaN(y) ? x : Math.min(x, y))),
  ofTwo("fmod", (x, y) => x % y),
  ofTwo("hypot", Math.hypot),
  ofTwo("nextafter", nextAfter),
  ofTwo("nexttoward", nextAfter),
  ofTwo("ldexp", ldexp),
  ofTwo("scalb", ldexp),
  ofTwo("scalbln", ldexp),
  [
    "fma/3",
    (_input, args) => {
      const [x = 0, y = 0, z = 0] = args.map((arg) => {
        const n = toFloat(arg);
        if (n === undefined) throw notFor("fma", arg);
        return n;
      });
      return fma(x, y, z);
    },
  ],
];

/** What `tonumber` takes: a number as in a program, with a sign. */
export function isNumberText(text: string): boolean {
  return /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text);
}

/** The code points of `implode`; undefined when an element is no number. */
export function codePoints(input: Value): number[] | undefined {
  if (!isArray(input)) return undefined;
  const codes: number[] = [];
  for (const item of input) {
    const code = toInt(item);
    if (code === undefined) return undefined;
    const isCharacter = code >= 0n && code <= 0x10ffffn && !(code >= 0xd800n && code < 0xe000n);
    codes.push(isCharacter ? Number(code) : 0xfffd);
  }
  return codes;
}
