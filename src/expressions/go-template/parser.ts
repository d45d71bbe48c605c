import { ExpressionError } from "../fault.ts";
import { quoteText, unquoteText } from "../go-quote.ts";
import type { GoFunction } from "../go-value.ts";
import type { Token, TokenType } from "./lex.ts";
import type { List } from "./nodes.ts";

/** Deeper nesting of parentheses or blocks than this is refused (Go allows 10000 parentheses, and has no such stack). */
export const MAX_NESTING = 100;

/** How names of functions are looked up; it throws for one that is known but not offered. */
export type FindFunction = (name: string, pos: number) => GoFunction | undefined;

export interface Parser {
  readonly name: string;
  readonly source: string;
  readonly tokens: readonly Token[];
  readonly find: FindFunction;
  readonly templates: Map<string, List>;
  at: number;
  variables: string[];
  ranges: number;
  nesting: number;
}

/** A syntax error at a place. */
export function invalid(
  p: { readonly name: string; readonly source: string },
  why: string,
  pos: number,
): ExpressionError {
  const line = p.source.slice(0, pos).split("\n").length;
  return new ExpressionError("EXPRESSION_INVALID", `template: ${p.name}:${line}: ${why}`, { position: pos });
}

const END: Token = { type: "eof", text: "", pos: 0 };

export function peek(p: Parser): Token {
  return p.tokens[p.at] ?? p.tokens[p.tokens.length - 1] ?? END;
}

/** The `n`th token from here that is not a space. */
export function peekPast(p: Parser, n: number): Token {
  let at = p.at;
  for (let left = n; ; at++) {
    const token = p.tokens[at];
    if (token === undefined) return peek(p);
    if (token.type === "space") continue;
    if (left === 0) return token;
    left -= 1;
  }
}

export function next(p: Parser): Token {
  const token = peek(p);
  if (p.at < p.tokens.length - 1) p.at += 1;
  return token;
}

export function skipSpace(p: Parser): void {
  while (peek(p).type === "space") p.at += 1;
}

export function nextNonSpace(p: Parser): Token {
  skipSpace(p);
  return next(p);
}

export function peekNonSpace(p: Parser): Token {
  skipSpace(p);
  return peek(p);
}

export function isKeyword(token: Token, word: string): boolean {
  return token.type === "keyword" && token.text === word;
}

export function unexpected(p: Parser, token: Token, context: string): ExpressionError {
  if (token.type === "error") return invalid(p, token.text, token.pos);
  const shown =
    token.type === "eof"
      ? "EOF"
      : token.type === "keyword"
        ? `<${token.text}>`
        : token.text.length > 10
          ? `${quoteText(token.text.slice(0, 10))}...`
          : quoteText(token.text);
  return invalid(p, `unexpected ${shown} in ${context}`, token.pos);
}

export function expect(p: Parser, type: TokenType, context: string): Token {
  const token = nextNonSpace(p);
  if (token.type !== type) throw unexpected(p, token, context);
  return token;
}

export function unquote(p: Parser, token: Token): string {
  const text = unquoteText(token.text);
  if (text === undefined) throw invalid(p, "invalid syntax", token.pos);
  return text;
}
