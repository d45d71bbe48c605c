import { ExpressionError } from "../fault.ts";

/** The least that every lexer gives: what kind, which text, and where it starts in UTF-16 units. */
export interface Token {
  readonly kind: string;
  readonly text: string;
  readonly at: number;
}

/** Longest expression that is read; far above what manifests hold, and bounds every later walk. */
export const MAX_TEXT_LENGTH = 65_536;
/** An operator chain of n tokens makes a tree up to n / 2 deep, which must fit the stack when it is walked. */
export const MAX_TOKENS = 4_000;
/** Parentheses, brackets, closures and calls inside each other. */
const MAX_NESTING = 300;

export function refuseLongText(text: string): void {
  if (text.length <= MAX_TEXT_LENGTH) return;
  throw invalid(`the expression is longer than ${MAX_TEXT_LENGTH} characters`, MAX_TEXT_LENGTH);
}

/** An EXPRESSION_INVALID at a place of the text. */
export function invalid(message: string, position: number): ExpressionError {
  return new ExpressionError("EXPRESSION_INVALID", message, { position });
}

/** An EXPRESSION_UNSUPPORTED at a place of the text. */
export function unsupported(message: string, position: number): ExpressionError {
  return new ExpressionError("EXPRESSION_UNSUPPORTED", message, { position });
}

/** An EXPRESSION_FAILED: the expression is right, the data do not fit it. */
export function failed(message: string, options: { position?: number; cause?: unknown } = {}): ExpressionError {
  return new ExpressionError("EXPRESSION_FAILED", message, options);
}

/** A list of tokens being read. The last token is the end marker, and is never passed. */
export class TokenReader<T extends Token> {
  readonly #tokens: readonly T[];
  readonly #end: T;
  #index = 0;
  #nesting = 0;

  constructor(tokens: readonly T[], end: T) {
    if (tokens.length > MAX_TOKENS) {
      throw invalid(`the expression has more than ${MAX_TOKENS} words and signs`, tokens[MAX_TOKENS]?.at ?? 0);
    }
    this.#tokens = tokens;
    this.#end = end;
  }

  get current(): T {
    return this.#tokens[this.#index] ?? this.#end;
  }

  /** The current token, which is then behind. */
  advance(): T {
    const token = this.current;
    this.#index += 1;
    return token;
  }

  /** Reads something that may hold itself; too deep is EXPRESSION_INVALID rather than an exhausted stack. */
  nested<R>(read: () => R): R {
    if (this.#nesting >= MAX_NESTING) throw invalid(`nested more than ${MAX_NESTING} deep`, this.current.at);
    this.#nesting += 1;
    try {
      return read();
    } finally {
      this.#nesting -= 1;
    }
  }
}
