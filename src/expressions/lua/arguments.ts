import { isFunction, type Machine, typeOf } from "./machine.ts";
import { numberText, parseNumber, toInt } from "./numbers.ts";
import { LuaTable } from "./table.ts";
import type { LuaFunction, LuaNative, LuaValue } from "./values.ts";

/**
 * The checks of arguments, counted from 1, with gopher-lua's strictness: where it wants a whole number or an optional
 * string it takes no conversion, where it wants a number it takes a string that reads as one.
 */

function wrongType(machine: Machine, args: readonly LuaValue[], index: number, wanted: string): never {
  machine.badArgument(index, `${wanted} expected, got ${typeOf(args[index - 1])}`);
}

export function argAny(machine: Machine, args: readonly LuaValue[], index: number): LuaValue {
  if (index > args.length) machine.badArgument(index, "value expected");
  return args[index - 1];
}

export function argTable(machine: Machine, args: readonly LuaValue[], index: number): LuaTable {
  const value = args[index - 1];
  return value instanceof LuaTable ? value : wrongType(machine, args, index, "table");
}

export function argFunction(machine: Machine, args: readonly LuaValue[], index: number): LuaFunction | LuaNative {
  const value = args[index - 1];
  return isFunction(value) ? value : wrongType(machine, args, index, "function");
}

export function argInt(machine: Machine, args: readonly LuaValue[], index: number): number {
  const value = args[index - 1];
  return typeof value === "number" ? toInt(value) : wrongType(machine, args, index, "number");
}

export function optInt(machine: Machine, args: readonly LuaValue[], index: number, absent: number): number {
  return args[index - 1] === undefined ? absent : argInt(machine, args, index);
}

export function argNumber(machine: Machine, args: readonly LuaValue[], index: number): number {
  const value = args[index - 1];
  if (typeof value === "number") return value;
  if (typeof value === "string") machine.spend(value.length / 4);
  const number = typeof value === "string" ? parseNumber(value) : undefined;
  return number ?? wrongType(machine, args, index, "number");
}

export function argText(machine: Machine, args: readonly LuaValue[], index: number): string {
  const value = args[index - 1];
  if (typeof value === "string") return value;
  return typeof value === "number" ? numberText(value) : wrongType(machine, args, index, "string");
}

export function optText(machine: Machine, args: readonly LuaValue[], index: number, absent: string): string {
  const value = args[index - 1];
  if (value === undefined) return absent;
  return typeof value === "string" ? value : wrongType(machine, args, index, "string");
}

/** One of several types. */
export function argOf(machine: Machine, args: readonly LuaValue[], index: number, types: readonly string[]): LuaValue {
  const value = args[index - 1];
  const type = typeOf(value);
  if (!types.includes(type)) machine.badArgument(index, `${types.join(" or ")} expected, got ${type}`);
  return value;
}
