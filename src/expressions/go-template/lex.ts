import { isDigit, isLetter } from "../go-text.ts";

export type TokenType =
  | "assign"
  | "bool"
  | "char"
  | "charConstant"
  | "declare"
  | "dot"
  | "eof"
  | "error"
  | "field"
  | "identifier"
  | "keyword"
  | "leftDelim"
  | "leftParen"
  | "number"
  | "pipe"
  | "rawString"
  | "rightDelim"
  | "rightParen"
  | "space"
  | "string"
  | "text"
  | "variable";

export interface Token {
  readonly type: TokenType;
  readonly text: string;
  /** Offset in the template, UTF-16 units. */
  readonly pos: number;
}

const KEYWORDS: ReadonlySet<string> = new Set([
  "block",
  "break",
  "continue",
  "define",
  "else",
  "end",
  "if",
  "range",
  "nil",
  "template",
  "with",
]);

interface Lexer {
  readonly input: string;
  readonly tokens: Token[];
  at: number;
  parens: number;
}

/**
 * The tokens of a template, spaces inside actions included, ended by "eof" or "error" (whose text is the reason). Comments
 * are dropped and trim markers have done their work.
 */
export function lex(input: string): readonly Token[] {
  const lexer: Lexer = { input, tokens: [], at: 0, parens: 0 };
  let inside = false;
  for (;;) {
    const before = lexer.tokens.length;
    inside = inside ? lexAction(lexer) : lexText(lexer);
    const last = lexer.tokens[lexer.tokens.length - 1];
    if (lexer.tokens.length > before && (last?.type === "eof" || last?.type === "error")) return lexer.tokens;
  }
}

function emit(lexer: Lexer, type: TokenType, start: number): void {
  lexer.tokens.push({ type, text: lexer.input.slice(start, lexer.at), pos: start });
}

function fail(lexer: Lexer, reason: string, pos: number): boolean {
  lexer.tokens.push({ type: "error", text: reason, pos });
  return false;
}

function isGap(text: string, at: number): boolean {
  const unit = text.charAt(at);
  return unit === " " || unit === "\t" || unit === "\r" || unit === "\n";
}

/** Text up to the next `{{`, and the delimiter. Says whether an action has begun. */
function lexText(lexer: Lexer): boolean {
  const { input } = lexer;
  const start = lexer.at;
  const open = input.indexOf("{{", start);
  if (open < 0) {
    lexer.at = input.length;
    if (lexer.at > start) emit(lexer, "text", start);
    emit(lexer, "eof", lexer.at);
    return false;
  }
  const trims = input.charAt(open + 2) === "-" && isGap(input, open + 3);
  let end = open;
  if (trims) while (end > start && isGap(input, end - 1)) end -= 1;
  lexer.at = end;
  if (end > start) emit(lexer, "text", start);
  const inner = open + (trims ? 4 : 2);
  if (input.startsWith("/*", inner)) return lexComment(lexer, inner);
  lexer.at = open + 2;
  emit(lexer, "leftDelim", open);
  lexer.at = inner;
  lexer.parens = 0;
  return true;
}

function lexComment(lexer: Lexer, start: number): boolean {
  const { input } = lexer;
  const close = input.indexOf("*/", start + 2);
  if (close < 0) return fail(lexer, "unclosed comment", start);
  lexer.at = close + 2;
  const delim = rightDelimAt(input, lexer.at);
  if (delim === undefined) return fail(lexer, "comment ends before closing delimiter", start);
  skipRightDelim(lexer, delim);
  return false;
}

/** "trim" for ` -}}`, "plain" for `}}`. */
function rightDelimAt(input: string, at: number): "trim" | "plain" | undefined {
  if (isGap(input, at) && input.startsWith("-}}", at + 1)) return "trim";
  return input.startsWith("}}", at) ? "plain" : undefined;
}

function skipRightDelim(lexer: Lexer, delim: "trim" | "plain"): void {
  lexer.at += delim === "trim" ? 4 : 2;
  if (delim === "trim") while (isGap(lexer.input, lexer.at)) lexer.at += 1;
}

/** One token inside an action. Says whether the action goes on. */
function lexAction(lexer: Lexer): boolean {
  const { input } = lexer;
  const start = lexer.at;
  const delim = rightDelimAt(input, start);
  if (delim !== undefined) {
    if (lexer.parens > 0) return fail(lexer, "unclosed left paren", start);
    lexer.tokens.push({ type: "rightDelim", text: "}}", pos: start + (delim === "trim" ? 2 : 0) });
    skipRightDelim(lexer, delim);
    return false;
  }
  if (start >= input.length) return fail(lexer, "unclosed action", start);
  if (isGap(input, start)) {
    while (isGap(input, lexer.at) && rightDelimAt(input, lexer.at) !== "trim") lexer.at += 1;
    emit(lexer, "space", start);
    return true;
  }
  return lexTerm(lexer, start);
}

function lexTerm(lexer: Lexer, start: number): boolean {
  const { input } = lexer;
  const rune = String.fromCodePoint(input.codePointAt(start) ?? 0);
  const single: TokenType | undefined = rune === "=" ? "assign" : rune === "|" ? "pipe" : undefined;
  lexer.at += rune.length;
  if (single !== undefined) emit(lexer, single, start);
  else if (rune === ":") {
    if (input.charAt(lexer.at) !== "=") return fail(lexer, "expected :=", start);
    lexer.at += 1;
    emit(lexer, "declare", start);
  } else if (rune === '"' || rune === "'") return lexQuoted(lexer, start, rune);
  else if (rune === "`") {
    const close = input.indexOf("`", lexer.at);
    if (close < 0) return fail(lexer, "unterminated raw quoted string", start);
    lexer.at = close + 1;
    emit(lexer, "rawString", start);
  } else if (rune === "$") return lexName(lexer, start, "variable");
  else if (rune === "." && !/^[0-9]/.test(input.slice(lexer.at, lexer.at + 1)) && lexer.at < input.length) {
    return lexName(lexer, start, "field");
  } else if (/^[.+\-0-9]/.test(rune)) return lexNumber(lexer, start);
  else if (isAlphaNumeric(rune)) return lexName(lexer, start, "identifier");
  else return lexPunctuation(lexer, start, rune);
  return true;
}

function lexPunctuation(lexer: Lexer, start: number, rune: string): boolean {
  if (rune === "(") {
    lexer.parens += 1;
    emit(lexer, "leftParen", start);
  } else if (rune === ")") {
    lexer.parens -= 1;
    if (lexer.parens < 0) return fail(lexer, "unexpected right paren", start);
    emit(lexer, "rightParen", start);
  } else if (rune > " " && rune < "\x7f") emit(lexer, "char", start);
  else {
    const code = (rune.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return fail(lexer, `unrecognized character in action: U+${code} '${rune}'`, start);
  }
  return true;
}

function lexQuoted(lexer: Lexer, start: number, quote: string): boolean {
  const { input } = lexer;
  for (; lexer.at < input.length; lexer.at++) {
    const unit = input.charAt(lexer.at);
    if (unit === "\n") break;
    if (unit === "\\") {
      lexer.at += 1;
      if (lexer.at >= input.length || input.charAt(lexer.at) === "\n") break;
    } else if (unit === quote) {
      lexer.at += 1;
      emit(lexer, quote === '"' ? "string" : "charConstant", start);
      return true;
    }
  }
  return fail(lexer, quote === '"' ? "unterminated quoted string" : "unterminated character constant", start);
}

function isAlphaNumeric(rune: string): boolean {
  return rune === "_" || isLetter(rune) || isDigit(rune);
}

/** An identifier, keyword, `.field` or `$variable`; `.` and `$` alone too. */
function lexName(lexer: Lexer, start: number, type: "identifier" | "field" | "variable"): boolean {
  const { input } = lexer;
  for (;;) {
    const rune = runeAt(input, lexer.at);
    if (rune === "" || !isAlphaNumeric(rune)) break;
    lexer.at += rune.length;
  }
  const after = runeAt(input, lexer.at);
  const ended = after === "" || " \t\r\n.,|:)(".includes(after) || input.startsWith("}}", lexer.at);
  if (!ended) {
    const code = (after.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return fail(lexer, `bad character U+${code} '${after}'`, start);
  }
  const word = input.slice(start, lexer.at);
  if (type === "identifier" && KEYWORDS.has(word)) emit(lexer, "keyword", start);
  else if (word === "true" || word === "false") emit(lexer, "bool", start);
  else emit(lexer, word === "." ? "dot" : type, start);
  return true;
}

function runeAt(input: string, at: number): string {
  return at < input.length ? String.fromCodePoint(input.codePointAt(at) ?? 0) : "";
}

const NUMBER =
  /^[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/;

function lexNumber(lexer: Lexer, start: number): boolean {
  const run = /[^\s(){}|,]*/y;
  run.lastIndex = start;
  const text = NUMBER.exec(run.exec(lexer.input)?.[0] ?? "")?.[0] ?? "";
  lexer.at = start + text.length;
  const after = runeAt(lexer.input, lexer.at);
  if (after !== "" && (isAlphaNumeric(after) || after === "+" || after === "-")) {
    return fail(lexer, `bad number syntax: "${text}${after}"`, start);
  }
  emit(lexer, "number", start);
  return true;
}
