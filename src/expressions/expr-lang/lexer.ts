import { isSpace } from "../go-text.ts";
import { invalid, refuseLongText, type Token } from "../pratt.ts";

export type Kind = "identifier" | "number" | "string" | "operator" | "bracket" | "end";

export interface ExprToken extends Token {
  readonly kind: Kind;
}

const WORD = /[\p{L}\p{Nd}_$]+/uy;
const wordOperators = new Set(["not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let"]);
const simpleEscapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Reads all tokens of expr 1.15.5; there are no backtick strings in it yet. */
export function readTokens(text: string): ExprToken[] {
  refuseLongText(text);
  const tokens: ExprToken[] = [];
  let at = 0;
  while (at < text.length) {
    const sign = text.charAt(at);
    const skipped = isSpace(sign) ? 1 : skipComment(text, at);
    if (skipped > 0) {
      at += skipped;
      continue;
    }
    const token = sign === "'" || sign === '"' ? undefined : readToken(text, at);
    if (token === undefined) {
      const string = readString(text, at);
      tokens.push({ kind: "string", text: string.value, at });
      at = string.end;
    } else {
      tokens.push(token);
      at += token.text.length;
    }
  }
  return tokens;
}

function skipComment(text: string, at: number): number {
  if (text.startsWith("//", at)) {
    const end = text.indexOf("\n", at);
    return (end < 0 ? text.length : end) - at;
  }
  if (!text.startsWith("/*", at)) return 0;
  const end = text.indexOf("*/", at + 2);
  if (end < 0) throw invalid("the comment is not closed", at);
  return end + 2 - at;
}

function readToken(text: string, at: number): ExprToken {
  const sign = text.charAt(at);
  if (/^\.?\d/.test(text.slice(at, at + 2))) return readNumber(text, at);
  if ("([{}])".includes(sign)) return { kind: "bracket", text: sign, at };
  const operator = match(/\?[.?]?|\|\|?|##?|\.\.?|[,:;%+\-^/]|[&!=*<>][&=*]?/y, text, at);
  if (operator !== undefined) return { kind: "operator", text: operator, at };
  const word = match(WORD, text, at);
  if (word !== undefined) return { kind: wordOperators.has(word) ? "operator" : "identifier", text: word, at };
  throw invalid(`"${String.fromCodePoint(text.codePointAt(at) ?? 0)}" means nothing here`, at);
}

function readNumber(text: string, at: number): ExprToken {
  const prefix = match(/0[xX][\da-fA-F_]*|0[oO][0-7_]*|0[bB][01_]*/y, text, at);
  // A point that is followed by another one belongs to a range.
  const number =
    (prefix ?? "") +
    (match(
      prefix === undefined ? /[\d_]*(?:\.(?!\.)[\d_]*)?/y : /(?:\.(?!\.)[\d_a-fA-F]*)?/y,
      text,
      at + (prefix?.length ?? 0),
    ) ?? "");
  const exponent = match(/[eE][+-]?[\d_]*/y, text, at + number.length) ?? "";
  const all = number + exponent;
  if (match(WORD, text, at + all.length) !== undefined) throw invalid(`not a number: ${all}...`, at);
  return { kind: "number", text: all, at };
}

/** A quoted string; what is escaped follows Go, but only the string's own quote can be escaped. */
function readString(text: string, start: number): { value: string; end: number } {
  const quote = text.charAt(start);
  let value = "";
  let at = start + 1;
  for (;;) {
    const sign = text.charAt(at);
    if (sign === "" || sign === "\n") throw invalid("the string is not closed", start);
    if (sign === quote) return { value, end: at + 1 };
    if (sign === "\\") {
      const escaped = readEscape(text, at + 1, quote);
      value += escaped.value;
      at = escaped.end;
    } else if (sign === "\r") {
      value += "\n";
      at += text.charAt(at + 1) === "\n" ? 2 : 1;
    } else {
      value += sign;
      at += 1;
    }
  }
}

function readEscape(text: string, at: number, quote: string): { value: string; end: number } {
  const sign = text.charAt(at);
  if (sign !== "" && sign === quote) return { value: quote, end: at + 1 };
  const simple = simpleEscapes[sign];
  if (simple !== undefined) return { value: simple, end: at + 1 };
  const octal = match(/[0-3][0-7]{2}/y, text, at);
  if (octal !== undefined) return { value: String.fromCodePoint(Number.parseInt(octal, 8)), end: at + 3 };
  const hex = match(/x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}/y, text, at);
  const code = hex === undefined ? Number.POSITIVE_INFINITY : Number.parseInt(hex.slice(1), 16);
  if (hex === undefined || code > 0x10ffff) throw invalid("not an escape that strings have", at - 1);
  const isSurrogate = code >= 0xd800 && code < 0xe000;
  return { value: isSurrogate ? "\ufffd" : String.fromCodePoint(code), end: at + hex.length };
}
