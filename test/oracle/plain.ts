import { GoDuration, GoTime, isoTime } from "../../src/expressions/expr-lang/times.ts";
import { FunctionValue } from "../../src/expressions/expr-lang/values.ts";

/**
 * Writes a value as the Go program does, so that Go's types can be told apart: `s:text`, `i:1`, `f:1.5`, `time:…`,
 * `duration:…`, `{ m: [[key, value], …] }`; lists, booleans and null as they are.
 */
export function plain(value: unknown): unknown {
  switch (typeof value) {
    case "boolean":
      return value;
    case "string":
      return `s:${value.toWellFormed()}`;
    case "bigint":
      return `i:${value}`;
    case "number":
      return `f:${floatText(value)}`;
    case "function":
      return "func";
  }
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return Array.from(value, plain);
  if (value instanceof GoDuration) return `duration:${value.ns}`;
  if (value instanceof GoTime) return `time:${isoTime(value)}`;
  if (value instanceof FunctionValue) return "func";
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const written = entries.map(([key, one]) => [plain(key), plain(one)] as const);
  return { m: written.sort(([a], [b]) => Buffer.compare(orderOf(a), orderOf(b))) };
}

function orderOf(key: unknown): Buffer {
  return Buffer.from(key === null ? "<nil>" : String(key));
}

export function floatText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return Object.is(value, -0) ? "-0" : String(value);
}

/** JSON with the keys of every object in order: texts of equal values are equal. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => {
    if (typeof one !== "object" || one === null || Array.isArray(one)) return one;
    return Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
