import { isDigit, isLetter, isSpace } from "../go-text.ts";
import { invalid, refuseLongText, type Token, unsupported } from "../pratt.ts";
import { parseDateLiteral } from "./dates.ts";

export type Kind =
  | "prefix"
  | "number"
  | "bool"
  | "string"
  | "time"
  | "name"
  | "operator"
  | "comparator"
  | "logical"
  | "ternary"
  | "comma"
  | "("
  | ")"
  | "end";

export interface GovaluateToken extends Token {
  readonly kind: Kind;
  /** The value of a literal: number, bool, string; Unix seconds of a date. */
  readonly value?: number | boolean | string;
}

const prefixes = new Set(["-", "!", "~"]);
const signs: ReadonlyMap<string, Kind> = new Map([
  ...["+", "-", "*", "/", "%", "**", "&", "|", "^", ">>", "<<"].map((sign) => [sign, "operator"] as const),
  ...["&&", "||"].map((sign) => [sign, "logical"] as const),
  ...["==", "!=", ">", ">=", "<", "<=", "=~", "!~"].map((sign) => [sign, "comparator"] as const),
  ...["?", ":", "??"].map((sign) => [sign, "ternary"] as const),
]);

/** After these a sign that can be a prefix is one. */
const prefixMayFollow = new Set<Kind | undefined>([
  undefined,
  "(",
  "operator",
  "comparator",
  "logical",
  "ternary",
  "comma",
]);

/** The text as code points, as the peer reads it, with the UTF-16 offset of each. */
interface Reading {
  readonly runes: readonly string[];
  readonly offsets: readonly number[];
  position: number;
}

function isNumeric(rune: string): boolean {
  return rune === "." || isDigit(rune);
}
function isNamePart(rune: string): boolean {
  return rune === "_" || rune === "." || isLetter(rune) || isDigit(rune);
}
function isQuote(rune: string): boolean {
  return rune === "'" || rune === '"';
}
/** Everything else runs on as one sign: `a&&!b` holds the sign `&&!`, which there is not. */
function isSign(rune: string): boolean {
  return !(isDigit(rune) || isLetter(rune) || "()[]".includes(rune) || isQuote(rune));
}

function offsetAt(reading: Reading, position: number): number {
  return reading.offsets[position] ?? 0;
}

/**
 * Reads on while `accept` holds; a backslash takes the next character as it is. Without `withSpace`, leading white space is
 * skipped and later white space ends the run. `closed` tells whether something ended it before the text did.
 */
function readRun(
  reading: Reading,
  withSpace: boolean,
  accept: (rune: string) => boolean,
): { text: string; closed: boolean } {
  let text = "";
  while (reading.position < reading.runes.length) {
    const rune = reading.runes[reading.position] ?? "";
    reading.position += 1;
    if (rune === "\\") {
      const escaped = reading.runes[reading.position];
      if (escaped === undefined) throw invalid("a backslash at the very end", offsetAt(reading, reading.position - 1));
      text += escaped;
      reading.position += 1;
    } else if (isSpace(rune) && !withSpace) {
      if (text !== "") return { text, closed: true };
    } else if (accept(rune)) text += rune;
    else {
      reading.position -= 1;
      return { text, closed: true };
    }
  }
  return { text, closed: false };
}

/** Reads all tokens as govaluate's lexer does, including what it takes for one sign. */
export function readTokens(text: string): GovaluateToken[] {
  refuseLongText(text);
  const runes = Array.from(text);
  const offsets: number[] = [];
  let offset = 0;
  for (const rune of runes) {
    offsets.push(offset);
    offset += rune.length;
  }
  offsets.push(offset);
  const reading: Reading = { runes, offsets, position: 0 };
  const tokens: GovaluateToken[] = [];
  while (reading.position < runes.length) {
    const rune = runes[reading.position] ?? "";
    if (isSpace(rune)) reading.position += 1;
    else tokens.push(readToken(reading, rune, tokens.at(-1)?.kind));
  }
  return tokens;
}

function readToken(reading: Reading, rune: string, before: Kind | undefined): GovaluateToken {
  const at = offsetAt(reading, reading.position);
  if (isNumeric(rune)) return readNumber(reading, at);
  if (isLetter(rune)) return readName(reading, at);
  if (rune === "," || rune === "(" || rune === ")") {
    reading.position += 1;
    return { kind: rune === "," ? "comma" : rune, text: rune, at };
  }
  if (rune === "[") {
    reading.position += 1;
    const { text, closed } = readRun(reading, true, (next) => next !== "]");
    if (!closed) throw invalid("the bracket is not closed", at);
    reading.position += 1;
    return { kind: "name", text, at };
  }
  if (isQuote(rune)) return readString(reading, at);
  return readSign(reading, at, before);
}

function readString(reading: Reading, at: number): GovaluateToken {
  reading.position += 1;
  const { text, closed } = readRun(reading, true, (next) => !isQuote(next));
  if (!closed) throw invalid("the string is not closed", at);
  reading.position += 1;
  const seconds = parseDateLiteral(text);
  return seconds === undefined ? { kind: "string", text, at, value: text } : { kind: "time", text, at, value: seconds };
}

function readNumber(reading: Reading, at: number): GovaluateToken {
  const { runes, position } = reading;
  // A hexadecimal number needs something after the x; else the peer reads a 0 and a name.
  if (runes[position] === "0" && runes[position + 1] === "x" && position + 2 < runes.length) {
    reading.position += 2;
    const { text } = readRun(reading, false, (rune) => /^[\da-fA-F]$/.test(rune));
    if (!/^0*[\da-fA-F]{1,16}$/.test(text)) throw invalid(`not a hexadecimal number: 0x${text}`, at);
    return { kind: "number", text: `0x${text}`, at, value: Number(`0x${text}`) };
  }
  const { text } = readRun(reading, false, isNumeric);
  const value = /^(?:\d+(?:\.\d*)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw invalid(`not a number: ${text}`, at);
  return { kind: "number", text, at, value };
}

function readName(reading: Reading, at: number): GovaluateToken {
  const { text } = readRun(reading, false, isNamePart);
  if (text === "true" || text === "false") return { kind: "bool", text, at, value: text === "true" };
  if (text === "in" || text === "IN") return { kind: "comparator", text: "in", at };
  if (text.indexOf(".") > 0) {
    throw unsupported(
      `"${text}" reads a field of a Go structure, which event data never are; write [${text}] for a field named so`,
      at,
    );
  }
  return { kind: "name", text, at };
}

function readSign(reading: Reading, at: number, before: Kind | undefined): GovaluateToken {
  const { text } = readRun(reading, false, isSign);
  if (prefixMayFollow.has(before) && prefixes.has(text)) return { kind: "prefix", text, at };
  const kind = signs.get(text);
  if (kind !== undefined) return { kind, text, at };
  throw invalid(`"${text}" is not an operator${signHint(text)}`, at);
}

/** Signs that touch are read as one; that is the usual reason. */
function signHint(text: string): string {
  for (let size = text.length - 1; size > 0; size--) {
    const head = text.slice(0, size);
    const tail = text.slice(size);
    if (signs.has(head) && prefixes.has(tail)) return `; write a space between "${head}" and "${tail}"`;
  }
  if (text === "=") return '; write "==" to compare';
  return text.startsWith("_") ? "; a name that begins with _ is written in [brackets]" : "";
}
