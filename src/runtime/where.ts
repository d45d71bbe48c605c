import { compileFilterExpr } from "../expressions/expr-sprig.ts";
import { ExpressionError } from "../expressions/fault.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import { seededRandom } from "../sensors/filters/random.ts";

/** A `--where`: whether it holds for what the expression may name. */
export interface Where {
  /** False also where it cannot be evaluated, which is counted. */
  holds(names: Readonly<Record<string, unknown>>): boolean;
  /** For how many it could not be evaluated, and why for the first. */
  readonly failed: { readonly count: number; readonly error: string } | undefined;
}

/** Reads an expression of the language of `filter.expression`. Throws USAGE with the position of what is wrong. */
export function compileWhere(text: string, nowMs: number): Where {
  const compiled = compiledOr(text);
  let count = 0;
  let error = "";
  return {
    holds(names) {
      try {
        return compiled.evaluate(names, { nowMs, random: seededRandom(1, 0) });
      } catch (cause) {
        if (!(cause instanceof ExpressionError)) throw cause;
        count += 1;
        if (count === 1) error = messageOf(cause);
        return false;
      }
    },
    get failed() {
      return count === 0 ? undefined : { count, error };
    },
  };
}

function compiledOr(text: string) {
  try {
    return compileFilterExpr(text);
  } catch (cause) {
    throw new TideError("USAGE", `the expression ${JSON.stringify(text)}: ${messageOf(cause)}`, { cause });
  }
}

/** The data of an event as an expression sees it: decoded; text where it is no JSON. */
export function whereData(data: Uint8Array): unknown {
  const text = new TextDecoder().decode(data);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
