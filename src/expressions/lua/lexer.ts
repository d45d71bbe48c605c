import { ExpressionError } from "../fault.ts";
import { parseNumber } from "./numbers.ts";
import { type LuaText, toLua } from "./text.ts";

export interface Token {
  /** `name`, `string`, `number`, `end of text`, or the keyword or symbol itself. */
  readonly type: string;
  /** The name, or the string's bytes. */
  readonly text: LuaText;
  readonly number: number;
  readonly line: number;
  readonly start: number;
}

const keywords: ReadonlySet<string> = new Set(
  (
    "and break do else elseif end false for function if in local nil not or repeat return then true until while " +
    "goto"
  ).split(" "),
);
const symbols3 = "...";
const symbols2: ReadonlySet<string> = new Set(["..", "==", "~=", "<=", ">=", "::"]);
const symbols1 = "+-*/%^#<>=(){}[];:,.";
const escapes: ReadonlyMap<string, string> = new Map([
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
]);
const identifier = /[A-Za-z_]\w*/y;
const digits = /\d*/y;

/** Cuts the text into tokens as gopher-lua does (its oddities of number literals included). Linear. */
export class Lexer {
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Token {
    this.#skip();
    const start = this.#at;
    const line = this.#line;
    const made = (type: string, text = "", number = 0): Token => ({ type, text, number, line, start });
    if (start >= this.#text.length) return made("end of text");
    const name = this.#take(identifier);
    if (name !== "") return keywords.has(name) ? made(name) : made("name", name);
    const first = this.#text.charAt(start);
    const second = this.#text.charAt(start + 1);
    if (isDigit(first) || (first === "." && isDigit(second))) return made("number", "", this.#number());
    if (first === '"' || first === "'") return made("string", this.#string(first));
    if (first === "[" && (second === "[" || second === "=")) return made("string", this.#longText("string"));
    if (this.#text.startsWith(symbols3, start)) return this.#symbol(made(symbols3));
    if (symbols2.has(first + second)) return this.#symbol(made(first + second));
    if (symbols1.includes(first)) return this.#symbol(made(first));
    throw invalid(`unexpected character '${String.fromCodePoint(this.#text.codePointAt(start) ?? 0)}'`, start);
  }

  #symbol(token: Token): Token {
    this.#at += token.type.length;
    return token;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  /** Over one line end; CR LF and LF CR are one. */
  #newline(): void {
    const other = this.#text.charAt(this.#at) === "\n" ? "\r" : "\n";
    this.#at += this.#text.charAt(this.#at + 1) === other ? 2 : 1;
    this.#line += 1;
  }

  #skip(): void {
    for (;;) {
      const char = this.#text.charAt(this.#at);
      if (char === " " || char === "\t") this.#at += 1;
      else if (char === "\n" || char === "\r") this.#newline();
      else if (char === "-" && this.#text.charAt(this.#at + 1) === "-") this.#comment();
      else return;
    }
  }

  #comment(): void {
    this.#at += 2;
    const second = this.#text.charAt(this.#at + 1);
    if (this.#text.charAt(this.#at) === "[" && (second === "[" || second === "=")) {
      this.#longText("comment");
      return;
    }
    while (this.#at < this.#text.length && !isLineEnd(this.#text.charAt(this.#at))) this.#at += 1;
  }

  /**
   * As in the peer a zero before further digits is dropped, and what is left may be octal: `017` is 17, `0017` is 15.
   * After an `e` any character belongs to the number; what then is no number is NaN.
   */
  #number(): number {
    const start = this.#at;
    if (/^0[xX]/.test(this.#text.slice(start, start + 2))) {
      const hex = /^[\da-fA-F]*/.exec(this.#text.slice(start + 2, start + 400))?.[0] ?? "";
      if (hex === "") throw invalid("a hexadecimal number without digits", start);
      this.#at += 2 + hex.length;
      return parseNumber(`0x${hex}`) ?? Number.NaN;
    }
    if (/^0\d/.test(this.#text.slice(start, start + 2))) this.#at += 1;
    let text = this.#text.charAt(this.#at++) + this.#take(digits);
    if (this.#text.charAt(this.#at) === ".") text += this.#text.charAt(this.#at++) + this.#take(digits);
    if (/[eE]/.test(this.#text.charAt(this.#at))) {
      text += this.#text.charAt(this.#at++);
      if (/[+-]/.test(this.#text.charAt(this.#at))) text += this.#text.charAt(this.#at++);
      if (this.#at < this.#text.length) {
        if (isLineEnd(this.#text.charAt(this.#at))) this.#newline();
        else text += this.#text.charAt(this.#at++);
        text += this.#take(digits);
      }
    }
    return parseNumber(text) ?? Number.NaN;
  }

  #string(quote: string): LuaText {
    const start = this.#at++;
    let out = "";
    for (;;) {
      const from = this.#at;
      let char = this.#text.charAt(this.#at);
      while (char !== quote && char !== "\\" && char !== "" && !isLineEnd(char)) char = this.#text.charAt(++this.#at);
      out += toLua(this.#text.slice(from, this.#at));
      if (char === quote) {
        this.#at += 1;
        return out;
      }
      if (char !== "\\") throw invalid("unfinished string", start);
      this.#at += 1;
      out += this.#escape(start);
    }
  }

  #escape(start: number): LuaText {
    const char = this.#text.charAt(this.#at);
    if (char === "") throw invalid("unfinished string", start);
    if (isLineEnd(char)) {
      this.#newline();
      return "\n";
    }
    const number = /^\d{1,3}/.exec(this.#text.slice(this.#at, this.#at + 3))?.[0];
    if (number !== undefined) {
      this.#at += number.length;
      return String.fromCharCode(Number(number) & 0xff);
    }
    const whole = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    this.#at += whole.length;
    return escapes.get(char) ?? toLua(whole);
  }

  /** From the first `[` of `[[`, `[=[`...; a line end right after it is dropped, others become LF. */
  #longText(what: "string" | "comment"): LuaText {
    const start = this.#at;
    let level = 0;
    while (this.#text.charAt(start + 1 + level) === "=") level += 1;
    if (this.#text.charAt(start + 1 + level) !== "[") throw invalid(`invalid start of a long ${what}`, start);
    const close = `]${"=".repeat(level)}]`;
    const end = this.#text.indexOf(close, start + 2 + level);
    if (end < 0) throw invalid(`unfinished long ${what}`, start);
    this.#at = start + 2 + level;
    if (isLineEnd(this.#text.charAt(this.#at))) this.#newline();
    const parts: string[] = [];
    for (let from = this.#at; ; from = this.#at) {
      while (this.#at < end && !isLineEnd(this.#text.charAt(this.#at))) this.#at += 1;
      parts.push(this.#text.slice(from, this.#at));
      if (this.#at >= end) break;
      this.#newline();
    }
    this.#at = end + close.length;
    return toLua(parts.join("\n"));
  }
}

function isDigit(char: string): boolean {
  return char >= "0" && char <= "9";
}

function isLineEnd(char: string): boolean {
  return char === "\n" || char === "\r";
}

export function invalid(message: string, position: number): ExpressionError {
  return new ExpressionError("EXPRESSION_INVALID", message, { position });
}
