import type { Comparison } from "./ast.ts";
import type { ArithmeticOperator } from "./operations.ts";

/** How strongly an operator binds to its left, and what is looked for on its right. */
export const bindings: ReadonlyMap<string, readonly [left: number, right: number]> = new Map([
  ["or", [1, 1]],
  ["and", [2, 2]],
  ...["==", "~=", "<", "<=", ">", ">="].map((operator): [string, [number, number]] => [operator, [3, 3]]),
  ["..", [5, 5]],
  ["+", [6, 6]],
  ["-", [6, 6]],
  ["*", [7, 7]],
  ["/", [7, 7]],
  ["%", [7, 7]],
  ["^", [10, 9]],
]);
export const arithmetic: ReadonlyMap<string, ArithmeticOperator> = new Map([
  ["+", "add"],
  ["-", "sub"],
  ["*", "mul"],
  ["/", "div"],
  ["%", "mod"],
  ["^", "pow"],
]);
export const comparisons: ReadonlySet<string> = new Set<Comparison>(["==", "~=", "<", "<=", ">", ">="]);
