import { PatternError, type PatternPath, shown } from "./fault.ts";
import { readNumber, type ValueTest } from "./value.ts";

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
};
const signs = Object.keys(comparisons).join(" ");

interface Bound {
  readonly sign: string;
  readonly number: number;
  readonly holds: (value: number) => boolean;
}

/** `["=", 5]`, `["<", 5]`, `[">", 0, "<=", 5]`: one comparison, or a lower and then an upper bound. */
export function numericTest(operand: unknown, path: PatternPath): ValueTest {
  if (!Array.isArray(operand)) throw new PatternError(`numeric takes a list such as [">", 0, "<=", 5]`, path);
  const terms: readonly unknown[] = operand;
  if (terms.length < 2) throw new PatternError("numeric needs a sign and a number", path);
  const first = readBound(terms, 0, path);
  if (terms.length === 2) return test([first]);
  if (terms.length !== 4) throw new PatternError("numeric has one comparison, or a lower and an upper bound", path);
  const second = readBound(terms, 2, path);
  if (!first.sign.startsWith(">") || !second.sign.startsWith("<")) {
    throw new PatternError("a range is a lower bound (> or >=) and then an upper bound (< or <=)", path);
  }
  if (first.number >= second.number) {
    throw new PatternError(`the lower bound ${first.number} is not below the upper bound ${second.number}`, path);
  }
  return test([first, second]);
}

function readBound(terms: readonly unknown[], at: number, path: PatternPath): Bound {
  const sign = terms[at];
  const compare = typeof sign === "string" && Object.hasOwn(comparisons, sign) ? comparisons[sign] : undefined;
  if (typeof sign !== "string" || compare === undefined) {
    throw new PatternError(`${shown(sign)} is no comparison; there are ${signs}`, [...path, at]);
  }
  const number = readNumber(terms[at + 1], [...path, at + 1]);
  return { sign, number, holds: (value) => compare(value, number) };
}

function test(bounds: readonly Bound[]): ValueTest {
  return {
    wanted: `a number ${bounds.map(({ sign, number }) => `${sign} ${number}`).join(" and ")}`,
    test: (value) => typeof value === "number" && bounds.every(({ holds }) => holds(value)),
  };
}
