import { RE2JS } from "re2js";
import { messageOf } from "../../lib/errors.ts";
import { failed, invalid } from "./reader.ts";

/** Tells whether a text has a match anywhere in it (`regexp.MatchString`); time is linear in the text. */
export type Matcher = (text: string) => boolean;

function compile(pattern: string): Matcher {
  const compiled = RE2JS.compile(pattern);
  return (text) => compiled.matcher(text).find();
}

/** A pattern that stands in the expression: wrong is EXPRESSION_INVALID at load. */
export function literalRegex(pattern: string, position: number): Matcher {
  try {
    return compile(pattern);
  } catch (cause) {
    throw invalid(`not a regular expression: ${messageOf(cause)}`, position);
  }
}

/** A pattern that is a value: wrong is EXPRESSION_FAILED. */
export function valueRegex(pattern: string): Matcher {
  if (!pattern.isWellFormed()) throw failed("a regular expression cannot hold half a character");
  try {
    return compile(pattern);
  } catch (cause) {
    throw failed(`not a regular expression: ${JSON.stringify(pattern)}`, { cause });
  }
}
