import { argInt, argNumber } from "./arguments.ts";
import type { Machine } from "./machine.ts";
import { frexp, ldexp, modulo, power } from "./numbers.ts";
import { LuaFault, LuaNative, type LuaValue, type NativeCode, NOTHING } from "./values.ts";

const LOG10_OF_2 = 0.3010299956639812;

/** Go computes it from the logarithm of the fraction, so powers of two are exact. */
function log10(value: number): number {
  const [fraction, exponent] = frexp(value);
  const log2 = fraction === 0.5 ? exponent - 1 : Math.log(fraction) * Math.LOG2E + exponent;
  return log2 * LOG10_OF_2;
}

function extreme(better: (value: number, best: number) => boolean): NativeCode {
  return (machine, args) => {
    if (args.length === 0) machine.raise("wrong number of arguments");
    let best = argNumber(machine, args, 1);
    for (let i = 2; i <= args.length; i++) {
      const value = argNumber(machine, args, i);
      if (better(value, best)) best = value;
    }
    return [best];
  };
}

/** Like Go's rand.Intn in its range; the numbers come from the run's own randomness. */
function random(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  if (args.length === 0) return [machine.random()];
  const least = args.length === 1 ? 1 : argInt(machine, args, 1);
  const most = argInt(machine, args, args.length === 1 ? 1 : 2);
  if (most < least) throw new LuaFault("invalid argument to Intn", machine.position());
  return [least + Math.floor(machine.random() * (most - least + 1))];
}

const ofOne: readonly (readonly [name: string, compute: (value: number) => number])[] = [
  ["abs", Math.abs],
  ["acos", Math.acos],
  ["asin", Math.asin],
  ["atan", Math.atan],
  ["ceil", Math.ceil],
  ["cos", Math.cos],
  ["cosh", Math.cosh],
  ["deg", (value) => (value * 180) / Math.PI],
  ["exp", Math.exp],
  ["floor", Math.floor],
  ["log", Math.log],
  ["log10", log10],
  ["rad", (value) => (value * Math.PI) / 180],
  ["sin", Math.sin],
  ["sinh", Math.sinh],
  ["sqrt", Math.sqrt],
  ["tan", Math.tan],
  ["tanh", Math.tanh],
];
const ofTwo: readonly (readonly [name: string, compute: (left: number, right: number) => number])[] = [
  ["atan2", Math.atan2],
  ["fmod", (left, right) => left % right],
  ["mod", modulo],
  ["pow", power],
];
const others: readonly (readonly [name: string, run: NativeCode])[] = [
  ["frexp", (machine, args) => frexp(argNumber(machine, args, 1))],
  ["ldexp", (machine, args) => [ldexp(argNumber(machine, args, 1), argInt(machine, args, 2))]],
  ["max", extreme((value, best) => value > best)],
  ["min", extreme((value, best) => value < best)],
  [
    "modf",
    (machine, args) => {
      const value = argNumber(machine, args, 1);
      const whole = Math.trunc(value);
      return [whole, value - whole];
    },
  ],
  ["random", random],
  // The run's randomness is given from outside; a seed would make it the script's.
  [
    "randomseed",
    (machine, args) => {
      argInt(machine, args, 1);
      return NOTHING;
    },
  ],
];

export const mathLibrary: ReadonlyMap<string, LuaValue> = new Map<string, LuaValue>([
  ...ofOne.map(([name, compute]): [string, LuaValue] => [
    name,
    new LuaNative((machine, args) => [compute(argNumber(machine, args, 1))]),
  ]),
  ...ofTwo.map(([name, compute]): [string, LuaValue] => [
    name,
    new LuaNative((machine, args) => {
      machine.spend(8);
      return [compute(argNumber(machine, args, 1), argNumber(machine, args, 2))];
    }),
  ]),
  ...others.map(([name, run]): [string, LuaValue] => [name, new LuaNative(run)]),
  ["pi", Math.PI],
  // Go's largest float64, not infinity.
  ["huge", Number.MAX_VALUE],
]);
