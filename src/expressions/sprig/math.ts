import {
  CallFault,
  fn,
  type GoFunction,
  type GoValue,
  int,
  int64,
  type Meter,
  typedList,
  variadic,
} from "../go-value.ts";
import { goPow } from "../pratt.ts";
import { addDecimals, type Decimal, decimalOf, divideDecimals, floatOf, multiplyDecimals } from "./decimal.ts";
import { toFloat64, toInt64 } from "./numbers.ts";

/** Integer and float arithmetic. Integers wrap around at 64 bits; what is no number counts as 0. */
export const math: readonly (readonly [string, GoFunction])[] = [
  ["add1", fn(["any"], ([value]) => int64(toInt64(value) + 1n))],
  ["add", variadic([], "any", (args) => int64(args.reduce<bigint>((sum, arg) => sum + toInt64(arg), 0n)))],
  ["sub", fn(["any", "any"], ([a, b]) => int64(toInt64(a) - toInt64(b)))],
  ["div", fn(["any", "any"], ([a, b]) => int64(toInt64(a) / divisor(b)))],
  ["mod", fn(["any", "any"], ([a, b]) => int64(toInt64(a) % divisor(b)))],
  [
    "mul",
    variadic(["any"], "any", (args) =>
      int64(args.reduce<bigint>((all, arg) => BigInt.asIntN(64, all * toInt64(arg)), 1n)),
    ),
  ],
  ["max", variadic(["any"], "any", (args) => largest(args, (a, b) => b > a))],
  ["biggest", variadic(["any"], "any", (args) => largest(args, (a, b) => b > a))],
  ["min", variadic(["any"], "any", (args) => largest(args, (a, b) => b < a))],
  ["maxf", variadic(["any"], "any", (args) => Math.max(...args.map(toFloat64)))],
  ["minf", variadic(["any"], "any", (args) => Math.min(...args.map(toFloat64)))],
  ["ceil", fn(["any"], ([value]) => Math.ceil(toFloat64(value)))],
  ["floor", fn(["any"], ([value]) => Math.floor(toFloat64(value)))],
  ["round", variadic(["any", "int"], "float64", ([value, places, on]) => round(toFloat64(value), places, on ?? 0.5))],
  ["add1f", fn(["any"], ([value]) => fold([value, 1], addDecimals))],
  ["addf", variadic([], "any", (args) => fold([0, ...args], addDecimals))],
  ["subf", variadic(["any"], "any", (args) => fold(args, (a, b) => addDecimals(a, { ...b, digits: -b.digits })))],
  ["mulf", variadic(["any"], "any", (args, cx) => fold(args, (a, b) => multiplyDecimals(a, b, cx.meter)))],
  ["divf", variadic(["any"], "any", (args, cx) => fold(args, (a, b) => divideDecimals(a, b, cx.meter)))],
  ["until", fn(["int"], ([count], cx) => ints(range({ start: 0, stop: count, step: count < 0 ? -1 : 1 }, cx.meter)))],
  ["untilStep", fn(["int", "int", "int"], ([start, stop, step], cx) => ints(range({ start, stop, step }, cx.meter)))],
  ["seq", variadic([], "int", (args, cx) => sequence(args, cx.meter))],
];

function divisor(value: GoValue): bigint {
  const by = toInt64(value);
  if (by === 0n) throw new CallFault("runtime error: integer divide by zero");
  return by;
}

function largest(args: readonly GoValue[], replaces: (best: bigint, next: bigint) => boolean): GoValue {
  const [first = 0n, ...others] = args.map(toInt64);
  return int64(others.reduce((best, next) => (replaces(best, next) ? next : best), first));
}

/** Sprig rounds away from zero only upwards: the fraction of a negative number is never as large as `on`. */
function round(value: number, places: number, on: number): number {
  const power = goPow(10, places);
  const digit = power * value;
  const fraction = digit - Math.trunc(digit);
  return (fraction >= on ? Math.ceil(digit) : Math.floor(digit)) / power;
}

function fold(args: readonly GoValue[], operation: (a: Decimal, b: Decimal) => Decimal): number {
  const [first, ...others] = args.map((arg) => decimalOf(toFloat64(arg)));
  return first === undefined ? 0 : floatOf(others.reduce(operation, first));
}

interface Steps {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

function range(steps: Steps, meter: Meter): number[] {
  const { start, stop, step } = steps;
  if (step === 0 || Math.sign(stop - start) !== Math.sign(step)) return [];
  const count = Math.ceil((stop - start) / step);
  meter.spend(count * 8);
  return Array.from({ length: count }, (_, i) => start + i * step);
}

function ints(values: readonly number[]): GoValue {
  return typedList(
    "int",
    values.map((value) => int(value)),
  );
}

/** `seq`: up to the last, from first to last, or first, step, last; as text. */
function sequence(args: readonly number[], meter: Meter): string {
  const [a, b, c] = args;
  if (a === undefined || args.length > 3) return "";
  const start = b === undefined ? 1 : a;
  const stop = c ?? b ?? a;
  const direction = stop < start ? -1 : 1;
  const step = c === undefined || b === undefined ? direction : b;
  if (c !== undefined && direction < 0 && step > 0) return "";
  return range({ start, stop: stop + direction, step }, meter).join(" ");
}
