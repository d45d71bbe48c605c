import { climb, type Infix, invalid, refuseLongText, TokenReader } from "../pratt.ts";
import { Cursor } from "./cursor.ts";
import { type JqToken, lex } from "./lexer.ts";
import { constantObject, objectTerm, patternsOf } from "./parse-objects.ts";
import type { Definition, Operator, Query, TextPart, UpdateOperator } from "./syntax.ts";
import { parseNumber } from "./value.ts";

const IDENTITY: Query = { type: "identity" };

/** Precedences, as in gojq's grammar; `//` alone binds to the right. */
const LEVELS: ReadonlyMap<string, number> = new Map([
  ["//", 1],
  ...["=", "|=", "+=", "-=", "*=", "/=", "%=", "//="].map((sign) => [sign, 2] as const),
  ["or", 3],
  ["and", 4],
  ...["==", "!=", "<", "<=", ">", ">="].map((sign) => [sign, 5] as const),
  ["+", 6],
  ["-", 6],
  ["*", 7],
  ["/", 7],
  ["%", 7],
]);
/** `1 == 2 == 3` and `.a = .b = 1` are no programs. */
const NOT_CHAINED: ReadonlySet<number> = new Set([2, 5]);

/** Reads a program; EXPRESSION_INVALID with the place where it is none, or where it asks for modules. */
export function parse(text: string): Query {
  refuseLongText(text);
  const tokens = lex(text);
  const end = tokens[tokens.length - 1] as JqToken;
  return new Parser(new TokenReader(tokens, end)).program();
}

/** Reads `def name(...): ...;` alone: the built-in functions that are written in jq. */
export function parseDefinition(text: string): Definition {
  const tokens = lex(text);
  return new Parser(new TokenReader(tokens, tokens[tokens.length - 1] as JqToken)).definition();
}

export class Parser extends Cursor {
  program(): Query {
    if (this.takeWord("module")) {
      constantObject(this);
      this.expect(";");
    }
    const { current } = this.tokens;
    if (this.isWord("import") || this.isWord("include")) {
      throw invalid(`${current.text}: a program cannot load modules here`, current.at);
    }
    if (current.kind === "end") throw invalid('missing query (try ".")', current.at);
    const query = this.query(true);
    if (this.tokens.current.kind !== "end") throw this.unexpected();
    return query;
  }

  /** Everything up to a closing sign. `top`: definitions alone are a program without a query, which has its own message. */
  query(top = false): Query {
    return this.tokens.nested(() => {
      const pipes: Query[] = [];
      for (;;) {
        const commas = [this.#commaOperand(top)];
        while (this.take(",")) commas.push(this.#commaOperand());
        pipes.push(commas.reduce((left, right): Query => ({ type: "comma", left, right })));
        if (!this.take("|")) return pipes.reduceRight((right, left): Query => ({ type: "pipe", left, right }));
      }
    });
  }

  /** What takes all that follows as its body, or an expression. */
  #commaOperand(top = false): Query {
    if (this.isWord("def")) {
      const func = this.definition();
      const { current } = this.tokens;
      if (top && current.kind === "end") throw invalid('missing query (try ".")', current.at);
      return { type: "define", func, body: this.query(top) };
    }
    if (this.takeWord("label")) {
      const name = this.variable().value;
      this.expect("|");
      return { type: "label", name, body: this.query() };
    }
    const source = this.expression();
    if (!this.takeWord("as")) return source;
    const patterns = patternsOf(this);
    this.expect("|");
    return { type: "bind", source, patterns, body: this.query() };
  }

  definition(): Definition {
    this.expectWord("def");
    const name = this.#plainName();
    const params: string[] = [];
    if (this.take("(")) {
      do params.push(this.tokens.current.kind === "variable" ? this.variable().value : this.#plainName());
      while (this.take(";"));
      this.expect(")");
    }
    this.expect(":");
    const body = this.query();
    this.expect(";");
    return { name, params, body };
  }

  #plainName(): string {
    const { current } = this.tokens;
    if (current.kind !== "name" || current.text.includes("::")) throw this.unexpected();
    return this.tokens.advance().text;
  }

  expression(): Query {
    return climb({ operand: () => this.term(), infix: (least, previous) => this.#infix(least, previous) }, 0);
  }

  #infix(least: number, previous: string | undefined): Infix<Query> | undefined {
    const { current } = this.tokens;
    const level = current.kind === "sign" || current.kind === "keyword" ? LEVELS.get(current.text) : undefined;
    if (level === undefined || level < least) return undefined;
    if (NOT_CHAINED.has(level) && previous !== undefined && LEVELS.get(previous) === level) throw this.unexpected();
    const name = this.tokens.advance().text;
    const rightPrecedence = level === 1 ? 1 : level + 1;
    return { name, rightPrecedence, join: (left, right) => joined(name, level, { left, right: this.#nested(right) }) };
  }

  #nested(read: () => Query): Query {
    return this.tokens.nested(read);
  }

  /** A term and its suffixes. */
  term(): Query {
    let term = this.#primary();
    for (;;) {
      const next = this.#suffix(term);
      if (next === undefined) return term;
      term = next;
    }
  }

  #suffix(term: Query): Query | undefined {
    const { current } = this.tokens;
    if (current.kind === "field") {
      return indexed(term, { type: "literal", value: this.tokens.advance().value });
    }
    if (this.take("?")) return optional(term);
    if (this.is("[")) return this.#bracket(term);
    if (!this.take(".")) return undefined;
    if (this.is("[")) return this.#bracket(term);
    return indexed(term, this.string());
  }

  #bracket(target: Query): Query {
    this.expect("[");
    if (this.take("]")) return { type: "iterate", target };
    if (this.take(":")) {
      const end = this.query();
      this.expect("]");
      return { type: "slice", target, start: undefined, end };
    }
    const key = this.query();
    if (this.take("]")) return indexed(target, key);
    this.expect(":");
    const end = this.is("]") ? undefined : this.query();
    this.expect("]");
    return { type: "slice", target, start: key, end };
  }

  #primary(): Query {
    const { current } = this.tokens;
    switch (current.kind) {
      case "number":
        return { type: "literal", value: parseNumber(this.tokens.advance().text) };
      case "string":
      case "string-start":
        return this.string();
      case "format": {
        const name = this.tokens.advance().text;
        const isText = this.tokens.current.kind === "string" || this.tokens.current.kind === "string-start";
        return isText ? this.string(name) : { type: "format", name };
      }
      case "field":
        return indexed(IDENTITY, { type: "literal", value: this.tokens.advance().value });
      case "variable":
        return { type: "variable", name: this.tokens.advance().text, at: current.at };
      case "name":
        return this.#call();
      case "keyword":
        return this.#keyword();
      case "sign":
        return this.#signed();
      default:
        throw this.unexpected();
    }
  }

  #signed(): Query {
    const sign = this.tokens.current.text;
    if (sign === "{") return this.tokens.nested(() => objectTerm(this));
    if (this.take("..")) return { type: "recurse" };
    if (this.take(".")) {
      if (this.is("[")) return this.#bracket(IDENTITY);
      const { kind } = this.tokens.current;
      return kind === "string" || kind === "string-start" ? indexed(IDENTITY, this.string()) : IDENTITY;
    }
    if (this.take("(")) {
      const query = this.query();
      this.expect(")");
      // Kept apart, so that a suffix and `?` see one term.
      return query.type === "index" || query.type === "iterate" || query.type === "slice" ? grouped(query) : query;
    }
    if (this.take("[")) {
      if (this.take("]")) return { type: "array", body: undefined };
      const body = this.query();
      this.expect("]");
      return { type: "array", body };
    }
    if (sign !== "+" && sign !== "-") throw this.unexpected();
    this.tokens.advance();
    return { type: "sign", sign, body: this.tokens.nested(() => this.term()) };
  }

  #call(): Query {
    const { text: name, at } = this.tokens.advance();
    const args: Query[] = [];
    if (this.take("(")) {
      do args.push(this.query());
      while (this.take(";"));
      this.expect(")");
    }
    return { type: "call", name, args, at };
  }

  #keyword(): Query {
    const { text, at } = this.tokens.current;
    if (this.takeWord("null")) return { type: "literal", value: null };
    if (this.takeWord("true")) return { type: "literal", value: true };
    if (this.takeWord("false")) return { type: "literal", value: false };
    if (this.takeWord("if")) return this.#nested(() => this.#condition());
    if (this.takeWord("try")) return this.#nested(() => this.#try());
    if (text === "reduce" || text === "foreach") return this.#nested(() => this.#fold());
    if (this.takeWord("break")) return { type: "break", name: this.variable().value, at };
    throw this.unexpected();
  }

  #condition(): Query {
    const condition = this.query();
    this.expectWord("then");
    const then = this.query();
    if (this.takeWord("elif")) return { type: "if", condition, then, else: this.#nested(() => this.#condition()) };
    const otherwise = this.takeWord("else") ? this.query() : undefined;
    this.expectWord("end");
    return { type: "if", condition, then, else: otherwise };
  }

  #try(): Query {
    const body = this.term();
    return { type: "try", body, handler: this.takeWord("catch") ? this.term() : undefined };
  }

  #fold(): Query {
    const type = this.tokens.advance().text === "reduce" ? "reduce" : "foreach";
    const source = this.expression();
    this.expectWord("as");
    const pattern = patternsOf(this, 1)[0];
    if (pattern === undefined) throw this.unexpected();
    this.expect("(");
    const start = this.query();
    this.expect(";");
    const update = this.query();
    if (type === "reduce") {
      this.expect(")");
      return { type, source, pattern, start, update };
    }
    const extract = this.take(";") ? this.query() : undefined;
    this.expect(")");
    return { type, source, pattern, start, update, extract };
  }

  /** A string literal, or one with interpolations. */
  string(format?: string): Query {
    const { current } = this.tokens;
    if (current.kind === "string") return { type: "literal", value: this.tokens.advance().value };
    if (current.kind !== "string-start") throw this.unexpected();
    this.tokens.advance();
    const parts: TextPart[] = [];
    while (this.tokens.current.kind !== "string-end") {
      const part = this.tokens.current;
      if (part.kind === "string") parts.push(this.tokens.advance().value);
      else {
        if (part.kind !== "query-start") throw this.unexpected();
        this.tokens.advance();
        parts.push(this.query());
        if (this.tokens.current.kind !== "query-end") throw this.unexpected();
        this.tokens.advance();
      }
    }
    this.tokens.advance();
    return { type: "text", parts, format };
  }
}

function indexed(target: Query, key: Query): Query {
  return { type: "index", target, key };
}

/** Hides the inside of parentheses from `optional`. */
function grouped(query: Query): Query {
  return { type: "pipe", left: query, right: IDENTITY };
}

/**
 * `?` guards the last suffix alone, not what it is applied to: as in gojq, `error("x").a?` fails. So in `.a[.k]?` the
 * key is looked up in `.a`, other than in `.a[.k]`.
 */
function optional(term: Query): Query {
  const isSuffixed = term.type === "index" || term.type === "iterate" || term.type === "slice";
  if (!isSuffixed || term.target.type === "identity") return { type: "try", body: term, handler: undefined };
  const last: Query = { ...term, target: IDENTITY };
  return { type: "pipe", left: term.target, right: { type: "try", body: last, handler: undefined } };
}

function joined(name: string, level: number, { left, right }: { left: Query; right: Query }): Query {
  if (level === 1) return { type: "alternative", left, right };
  if (name === "and" || name === "or") return { type: name, left, right };
  // The level says which of the two unions the sign belongs to.
  if (level === 2) return { type: "update", operator: name as UpdateOperator, left, right };
  return { type: "operator", operator: name as Operator, left, right };
}
