import { invalid, type TokenReader } from "../pratt.ts";
import type { JqToken } from "./lexer.ts";

/** A place among the tokens, and the small questions a parser asks there. */
export class Cursor {
  readonly tokens: TokenReader<JqToken>;

  constructor(tokens: TokenReader<JqToken>) {
    this.tokens = tokens;
  }

  variable(): JqToken {
    if (this.tokens.current.kind !== "variable" || this.tokens.current.text.includes("::")) throw this.unexpected();
    return this.tokens.advance();
  }

  is(sign: string): boolean {
    return this.tokens.current.kind === "sign" && this.tokens.current.text === sign;
  }
  isWord(word: string): boolean {
    return this.tokens.current.kind === "keyword" && this.tokens.current.text === word;
  }
  take(sign: string): boolean {
    if (!this.is(sign)) return false;
    this.tokens.advance();
    return true;
  }
  takeWord(word: string): boolean {
    if (!this.isWord(word)) return false;
    this.tokens.advance();
    return true;
  }
  expect(sign: string): void {
    if (!this.take(sign)) throw this.unexpected();
  }
  expectWord(word: string): void {
    if (!this.takeWord(word)) throw this.unexpected();
  }

  unexpected(): Error {
    const { kind, text, at } = this.tokens.current;
    return invalid(kind === "end" ? "unexpected EOF" : `unexpected token ${JSON.stringify(text)}`, at);
  }
}
