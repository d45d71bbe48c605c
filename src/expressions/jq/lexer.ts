import { invalid, type Token } from "../pratt.ts";

/**
 * `text` is the whole token; `value` what it means: the name without its sign, the decoded string. A string with
 * interpolations is `string-start`, then `string` and `query-start ... query-end` in turn, then `string-end`.
 */
export interface JqToken extends Token {
  readonly kind:
    | "name"
    | "keyword"
    | "variable"
    | "field"
    | "format"
    | "number"
    | "string"
    | "string-start"
    | "string-end"
    | "query-start"
    | "query-end"
    | "sign"
    | "end";
  readonly value: string;
}

const KEYWORDS: ReadonlySet<string> = new Set(
  "or and module import include def as label break null true false if then elif else end try catch reduce foreach".split(
    " ",
  ),
);

const SPACE = /(?:[ \t\r\n]+|#(?:\\\r\n|\\[\\\r\n]|\\|[^\\\r\n])*)+/y;
const NAME = /[A-Za-z_]\w*(?:::[A-Za-z_]\w*)?/y;
const MARKED: readonly (readonly ["variable" | "field" | "format", RegExp])[] = [
  ["variable", /\$[A-Za-z_]\w*(?:::[A-Za-z_]\w*)?/y],
  ["field", /\.[A-Za-z_]\w*/y],
  ["format", /@\w+/y],
];
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const SIGN = /\?\/\/|\/\/=|\.\.|\/\/|[|+\-*/%=!<>]=|[.[\](){}|,:;=<>+\-*/%?]/y;
const PLAIN = /[^"\\]+/y;

/** Reads a whole program. Throws EXPRESSION_INVALID where gojq's lexer would. */
export function lex(text: string): JqToken[] {
  return new Lexer(text).read();
}

class Lexer {
  readonly #text: string;
  readonly #tokens: JqToken[] = [];
  /** Open parentheses inside each interpolation that is being read. */
  readonly #open: number[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): JqToken[] {
    for (;;) {
      this.#take(SPACE);
      const at = this.#at;
      if (at >= this.#text.length) {
        this.#add("end", "", at);
        return this.#tokens;
      }
      this.#one(at);
    }
  }

  #one(at: number): void {
    const text = this.#text;
    const word = this.#take(NAME);
    if (word !== undefined) this.#add(KEYWORDS.has(word) ? "keyword" : "name", word, at);
    else if (text.charAt(at) === '"') this.#string(at);
    else if (!this.#number(at) && !this.#marked(at)) {
      const sign = this.#take(SIGN);
      if (sign === undefined) throw invalid(`unexpected token ${JSON.stringify(this.#character(at))}`, at);
      this.#sign(sign, at);
    }
  }

  /** What its first sign tells apart: a variable, a field, a format. */
  #marked(at: number): boolean {
    for (const [kind, pattern] of MARKED) {
      const found = this.#take(pattern);
      if (found === undefined) continue;
      this.#add(kind, found, at, kind === "field" ? found.slice(1) : found);
      return true;
    }
    return false;
  }

  #sign(sign: string, at: number): void {
    const depth = this.#open.length - 1;
    const open = this.#open[depth];
    if (open !== undefined && sign === ")" && open === 0) {
      this.#open.pop();
      this.#add("query-end", sign, at);
      this.#stringParts(at);
      return;
    }
    if (open !== undefined && sign === "(") this.#open[depth] = open + 1;
    if (open !== undefined && sign === ")") this.#open[depth] = open - 1;
    this.#add("sign", sign, at);
  }

  #number(at: number): boolean {
    const number = this.#take(NUMBER);
    if (number === undefined) return false;
    const next = this.#text.charAt(this.#at);
    if (/[A-Za-z_]/.test(next) || (next === "." && number.includes(".") && !/[eE]/.test(number))) {
      throw invalid(`invalid token ${JSON.stringify(number + next)}`, at);
    }
    this.#add("number", number, at);
    return true;
  }

  /** Reads a string: one token, or its start and what follows. */
  #string(at: number): void {
    this.#at += 1;
    const first = this.#piece(at);
    if (first.ended) {
      this.#add("string", this.#text.slice(at, this.#at), at, first.text);
      return;
    }
    this.#add("string-start", '"', at, "");
    this.#open.push(0);
    if (first.text !== "") this.#add("string", first.text, at + 1);
    this.#add("query-start", "\\(", this.#at - 2);
  }

  /** After an interpolation: the rest of the string up to the next one or its end. */
  #stringParts(start: number): void {
    const at = this.#at;
    const piece = this.#piece(start);
    if (piece.text !== "") this.#add("string", piece.text, at);
    if (piece.ended) {
      this.#add("string-end", '"', this.#at - 1);
      return;
    }
    this.#open.push(0);
    this.#add("query-start", "\\(", this.#at - 2);
  }

  #piece(start: number): { text: string; ended: boolean } {
    let text = "";
    for (;;) {
      text += this.#take(PLAIN) ?? "";
      if (this.#at >= this.#text.length) throw invalid("unterminated string literal", start);
      const sign = this.#text.charAt(this.#at);
      if (sign === '"') {
        this.#at += 1;
        return { text: text.replace(/\p{Cs}/gu, "\ufffd"), ended: true };
      }
      if (this.#text.charAt(this.#at + 1) === "(") {
        this.#at += 2;
        return { text: text.replace(/\p{Cs}/gu, "\ufffd"), ended: false };
      }
      text += this.#escape();
    }
  }

  #escape(): string {
    const found = this.#take(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y);
    if (found !== undefined) return JSON.parse(`"${found}"`) as string;
    const part = this.#text.slice(this.#at, this.#at + 2);
    throw invalid(`invalid escape sequence "${part}" in string literal`, this.#at);
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #character(at: number): string {
    return String.fromCodePoint(this.#text.codePointAt(at) ?? 0);
  }

  #add(kind: JqToken["kind"], text: string, at: number, value = text): void {
    this.#tokens.push({ kind, text, at, value });
  }
}
