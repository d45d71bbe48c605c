import { toBytes } from "../go-text.ts";
import { failed } from "../pratt.ts";
import type { Budget } from "./budget.ts";
import type { CallContext } from "./call.ts";
import { type FunctionValue, lengthOf, typeText } from "./values.ts";

/** The values of one turn of a closure; the list may also be a string (its bytes) or a map (no elements). */
export interface Turn {
  readonly length: number;
  index: number;
  accumulator: unknown;
  at(index: number): unknown;
}

/** One evaluation. `variables` and `turns` grow and shrink with the nesting. */
export interface Run extends CallContext {
  readonly env: ReadonlyMap<string, unknown>;
  /** The functions of the environment; a call finds them even where the data have a key of that name. */
  readonly functions: ReadonlyMap<string, FunctionValue>;
  readonly budget: Budget;
  readonly variables: { readonly name: string; readonly value: unknown }[];
  readonly turns: Turn[];
}

/** A condition. */
export function test(value: unknown, operator: string): boolean {
  if (typeof value === "boolean") return value;
  throw failed(`${operator} needs a bool, not a ${typeText(value)}`);
}

/** What a closure walks over. */
export function turnsOver(value: unknown): Turn {
  const base = { index: 0, accumulator: null };
  if (typeof value === "string") {
    const bytes = toBytes(value);
    return { ...base, length: bytes.length, at: (index) => BigInt(bytes[index] ?? 0) };
  }
  if (Array.isArray(value)) return { ...base, length: value.length, at: (index) => element(value, index) };
  const noElements = (): never => {
    throw failed("a map has no elements; use values(...) or keys(...)");
  };
  return { ...base, length: lengthOf(value), at: noElements };
}

function element(list: readonly unknown[], index: number): unknown {
  if (index >= list.length) throw failed(`there is no element ${index}: the length is ${list.length}`);
  return list[index] ?? null;
}
