import { floatOrZero, parseBool } from "../go-number.ts";
import { compileGlob, matchesGlob } from "./glob.ts";
import type { Query } from "./route.ts";
import { compareText } from "./text.ts";
import { asNumber, type GjsonResult, textOf } from "./value.ts";

/** Does a value of an element satisfy the comparison of `#(path operator value)`. */
export function matchesQuery(subject: GjsonResult, { operator, value }: Query): boolean {
  if (value.startsWith("~")) {
    const answer = loosely(subject, value);
    return answer !== undefined && (operator === "" || compareBooleans(answer, operator, "true"));
  }
  if (!subject.exists) return false;
  if (operator === "") return true;
  switch (subject.type) {
    case "String":
      return compareStrings(textOf(subject), operator, value);
    case "Number":
      return compareNumbers(asNumber(subject), operator, floatOrZero(value));
    case "True":
    case "False":
      return compareBooleans(subject.type === "True", operator, value);
    default:
      return false;
  }
}

/** `~true`, `~false`, `~null` and `~*` (it exists) ask what a value is like; anything else behind `~` never matches. */
function loosely(subject: GjsonResult, kind: string): boolean | undefined {
  switch (kind) {
    case "~*":
      return subject.exists;
    case "~null":
      return subject.type === "Null";
    case "~true":
      return truth(subject) === true;
    case "~false":
      return subject.type === "Null" || truth(subject) === false;
    default:
      return undefined;
  }
}

function truth(subject: GjsonResult): boolean | undefined {
  switch (subject.type) {
    case "True":
    case "False":
      return subject.type === "True";
    case "String":
      return parseBool(textOf(subject).toLowerCase());
    case "Number":
      return asNumber(subject) !== 0;
    default:
      return undefined;
  }
}

function compareStrings(text: string, operator: string, value: string): boolean {
  switch (operator) {
    case "=":
      return text === value;
    case "!=":
      return text !== value;
    case "%":
      return matchesGlob(text, compileGlob(value));
    case "!%":
      return !matchesGlob(text, compileGlob(value));
    default:
      return compareNumbers(compareText(text, value), operator, 0);
  }
}

function compareNumbers(a: number, operator: string, b: number): boolean {
  switch (operator) {
    case "=":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
    default:
      return false;
  }
}

/** Against another word than `true` or `false`, `>=` holds for true and `<=` for false, as in gjson. */
function compareBooleans(truth: boolean, operator: string, value: string): boolean {
  const word = truth ? "true" : "false";
  switch (operator) {
    case "=":
      return value === word;
    case "!=":
      return value !== word;
    case ">":
      return truth && value === "false";
    case "<":
      return !truth && value === "true";
    case ">=":
      return truth;
    case "<=":
      return !truth;
    default:
      return false;
  }
}
