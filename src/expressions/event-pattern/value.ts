import { PatternError, type PatternPath, shown } from "./fault.ts";

/** What a leaf of an event is; every number is a float64. */
export type Scalar = string | number | boolean | null;

/** One of the values that a leaf of a pattern lists. */
export interface ValueTest {
  /** As a message names it: `"eu"`, `prefix "us-"`. */
  readonly wanted: string;
  /** `exists: false`: there must be no value at all; `test` is then never true. */
  readonly absent?: boolean;
  test(value: Scalar): boolean;
}

export function readNumber(value: unknown, path: PatternPath): number {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw new PatternError(`${shown(value)} is no number that can be compared`, path);
}
