import { RE2JS, RE2JSSyntaxException } from "re2js";
import { ExpressionError } from "./fault.ts";
import { textFinder } from "./text-search.ts";

/** A compiled pattern. */
export interface GoRegexp {
  /** Does the pattern match anywhere in the text. */
  test(text: string): boolean;
}

/** Go's metacharacters: a pattern without one is found by comparing characters. */
const literal = /^[^\\.+*?()|[\]{}^$]*$/;

/**
 * Compiles a pattern in Go's (RE2's) syntax; matching is unanchored and takes time linear in the text, whatever the pattern
 * (at worst times the length of the pattern, as in Go). No pattern of a manifest becomes a RegExp of JavaScript, which
 * backtracks: literals, also with `^` and `$`, are compared, everything else runs on RE2JS's automata. Throws
 * EXPRESSION_INVALID for a pattern that Go refuses, with the place of the fault where it is known, and for one that gives
 * two groups the same name, which Go takes.
 *
 * Measured, Node 24: `^EC2 Instance` on a name 48 million/s (41 times RE2JS), `terminated` on 338 characters 7 million/s
 * (1.2 times), `^arn:aws:ec2:[^:]+:\d+:instance/i-[0-9a-f]+$` 0.2 million/s, `order\.(created|paid)` 1.2 million/s;
 * `(a+)+$` on 50,000 characters without a match 0.4 ms.
 */
export function compileRegexp(pattern: string): GoRegexp {
  if (literal.test(pattern)) {
    const find = textFinder(pattern);
    return { test: (text) => find(text, 0) >= 0 };
  }
  const anchored = anchoredLiteral(pattern);
  if (anchored !== undefined) return anchored;
  const compiled = compile(pattern);
  return { test: (text) => compiled.test(text) };
}

/** `^abc$`, `^abc` and `abc$`: without flags, Go's `^` and `$` are the two ends of the text, never those of a line. */
function anchoredLiteral(pattern: string): GoRegexp | undefined {
  const start = pattern.startsWith("^");
  const end = pattern.endsWith("$");
  const text = pattern.slice(start ? 1 : 0, end ? -1 : undefined);
  if (!literal.test(text)) return undefined;
  if (start && end) return { test: (input) => input === text };
  return start ? { test: (input) => input.startsWith(text) } : { test: (input) => input.endsWith(text) };
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    if (!(cause instanceof RE2JSSyntaxException)) {
      throw new ExpressionError("EXPRESSION_INVALID", "the regular expression cannot be compiled", { cause });
    }
    // The library names the faulty part, not its place: known where the part occurs once.
    const part = cause.getPattern();
    const position = part ? pattern.indexOf(part) : -1;
    const known = position >= 0 && pattern.indexOf(part ?? "", position + 1) < 0;
    const message = `error parsing regexp: ${cause.getDescription()}${part ? `: \`${part}\`` : ""}`;
    throw new ExpressionError("EXPRESSION_INVALID", message, { cause, ...(known ? { position } : {}) });
  }
}
