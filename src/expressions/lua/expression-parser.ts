import { ExpressionError } from "../fault.ts";
import type { CallNode, Comparison, Expression, FunctionNode, TableItem } from "./ast.ts";
import { invalid, Lexer, type Token } from "./lexer.ts";
import { arithmetic, bindings, comparisons } from "./operators.ts";
import type { FunctionScope } from "./scope.ts";

/** Levels of parentheses, functions and blocks in each other. */
const MAX_NESTING = 150;
/** Levels of an expression: `a + b + c` has three. Chains of `and`, `or` and `..` are one level. */
const MAX_HEIGHT = 400;
const UNARY_BINDING = 8;

/** What stands before `=`, or is called. */
interface Prefix {
  readonly expression: Expression;
  readonly inParentheses: boolean;
}

export interface GlobalRead {
  readonly name: string;
  readonly position: number;
}

/** Parses `(params) body end`; belongs to the statements' part of the parser. */
type ParseFunction = (line: number, isMethod: boolean) => FunctionNode;

/** The tokens, the function being parsed, and expressions. */
export class ExpressionParser {
  readonly #lexer: Lexer;
  readonly #parseFunction: ParseFunction;
  readonly globalReads: GlobalRead[] = [];
  readonly globalWrites = new Set<string>();
  token: Token;
  scope: FunctionScope | undefined;
  /** Nodes of the block being parsed. */
  cost = 0;
  #nesting = 0;

  constructor(text: string, parseFunction: ParseFunction) {
    this.#lexer = new Lexer(text);
    this.#parseFunction = parseFunction;
    this.token = this.#lexer.next();
  }

  advance(): Token {
    const { token } = this;
    this.token = this.#lexer.next();
    return token;
  }

  accept(type: string): boolean {
    if (this.token.type !== type) return false;
    this.advance();
    return true;
  }

  expect(type: string): Token {
    if (this.token.type !== type) throw this.unexpected(`'${type}'`);
    return this.advance();
  }

  unexpected(wanted: string): ExpressionError {
    const { type, text, start } = this.token;
    const met = type === "name" ? `'${text}'` : type.length < 4 && type !== "end" ? `'${type}'` : type;
    return invalid(`expected ${wanted}, found ${met}`, start);
  }

  nested<T>(parse: () => T): T {
    if (++this.#nesting > MAX_NESTING) throw tooDeep(this.token.start);
    const result = parse();
    this.#nesting -= 1;
    return result;
  }

  list(): Expression[] {
    const list = [this.expression()];
    while (this.accept(",")) list.push(this.expression());
    return list;
  }

  expression(): Expression {
    return this.nested(() => this.#operators(0));
  }

  #operators(binding: number): Expression {
    let left = this.#operand();
    for (;;) {
      const operator = this.token.type;
      const strength = bindings.get(operator);
      if (strength === undefined || strength[0] <= binding) return left;
      if (operator === ".." || operator === "and" || operator === "or") left = this.#chain(left, operator, strength[1]);
      else {
        this.advance();
        const right = this.nested(() => this.#operators(strength[1]));
        left = this.#binary(operator, left, right);
      }
    }
  }

  #chain(first: Expression, operator: ".." | "and" | "or", binding: number): Expression {
    const kind = operator === ".." ? "concat" : operator;
    const parts = kind !== "concat" && first.kind === kind ? [...first.parts] : [first];
    while (this.accept(operator)) parts.push(this.nested(() => this.#operators(binding)));
    const last = parts.at(-1);
    // `a .. (b .. c)` is `a .. b .. c`: joining goes from the right.
    if (kind === "concat" && last?.kind === "concat") parts.splice(-1, 1, ...last.parts);
    return this.#sized({ kind, parts, ...placeOf(first) }, parts);
  }

  #binary(operator: string, left: Expression, right: Expression): Expression {
    const place = placeOf(left);
    if (comparisons.has(operator)) {
      return this.#sized({ kind: "compare", operator: operator as Comparison, left, right, ...place }, [left, right]);
    }
    const name = arithmetic.get(operator) ?? "add";
    return this.#sized({ kind: "arithmetic", operator: name, left, right, ...place }, [left, right]);
  }

  #operand(): Expression {
    const { token } = this;
    const kind = token.type === "not" ? "not" : token.type === "-" ? "negate" : token.type === "#" ? "length" : "";
    if (kind === "") return this.#simple();
    this.advance();
    const operand = this.nested(() => this.#operators(UNARY_BINDING));
    return this.#sized({ kind, operand, line: operand.line, position: token.start, height: 0 }, [operand]);
  }

  #simple(): Expression {
    const { token } = this;
    const place = { line: token.line, position: token.start, height: 1 };
    switch (token.type) {
      case "nil":
      case "true":
      case "false":
        this.advance();
        return this.#constant(token.type === "nil" ? undefined : token.type === "true", place);
      case "number":
        this.advance();
        return this.#constant(token.number, place);
      case "string":
        this.advance();
        return this.#constant(token.text, place);
      case "...":
        this.advance();
        if (this.scope?.node.varargs !== true) throw invalid("'...' outside of a function that has it", token.start);
        this.scope.node.usesVarargs = true;
        return this.#sized({ kind: "vararg", single: false, ...place });
      case "function": {
        this.advance();
        const made = this.nested(() => this.#parseFunction(token.line, false));
        this.cost += made.captures.length;
        return this.#sized({ kind: "function", made, ...place });
      }
      case "{":
        return this.nested(() => this.#table());
      default:
        return this.prefixed().expression;
    }
  }

  #constant(value: undefined | boolean | number | string, place: Place): Expression {
    if (typeof value === "string") this.cost += value.length / 64;
    return this.#sized({ kind: "constant", value, ...place });
  }

  #table(): Expression {
    const start = this.expect("{");
    const items: TableItem[] = [];
    while (this.token.type !== "}") {
      items.push(this.#item());
      if (!this.accept(",") && !this.accept(";")) break;
      // gopher-lua takes any number of separators here.
      while (this.accept(",") || this.accept(";"));
    }
    if (this.token.type !== "}") throw this.unexpected("'}'");
    this.advance();
    const below = items.flatMap(({ key, value }) => (key === undefined ? [value] : [key, value]));
    this.cost += 2;
    return this.#sized({ kind: "table", items, line: start.line, position: start.start, height: 0 }, below);
  }

  #item(): TableItem {
    if (this.accept("[")) {
      const key = this.expression();
      this.expect("]");
      this.expect("=");
      return { key, value: this.expression() };
    }
    const { token } = this;
    const value = this.expression();
    // A name alone, followed by `=`, was the key.
    if (token.type !== "name" || this.token.type !== "=" || value.position !== token.start) {
      return { key: undefined, value };
    }
    if (value.kind !== "local" && value.kind !== "upvalue" && value.kind !== "global") throw this.unexpected("'}'");
    if (this.globalReads.at(-1)?.position === token.start) this.globalReads.pop();
    this.advance();
    const key = this.#constant(token.text, { line: token.line, position: token.start, height: 1 });
    return { key, value: this.expression() };
  }

  /** A name or an expression in parentheses, and what is called or taken from it. */
  prefixed(): Prefix {
    let { expression, inParentheses } = this.#primary();
    for (;;) {
      const { token } = this;
      const place = { line: expression.line, position: token.start, height: 0 };
      if (token.type === ".") {
        this.advance();
        const name = this.expect("name");
        const key = this.#constant(name.text, { line: name.line, position: name.start, height: 1 });
        expression = this.#index(expression, key);
      } else if (token.type === "[") {
        this.advance();
        const key = this.expression();
        this.expect("]");
        expression = this.#index(expression, key);
      } else if (token.type === ":") {
        this.advance();
        expression = this.#call(expression, this.expect("name").text, place);
      } else if (token.type === "(" || token.type === "string" || token.type === "{") {
        expression = this.#call(expression, undefined, place);
      } else {
        return { expression, inParentheses };
      }
      inParentheses = false;
    }
  }

  #index(object: Expression, key: Expression): Expression {
    if (object.kind === "global" && key.kind === "constant") {
      this.globalReads.push({ name: `${object.name}.${String(key.value)}`, position: object.position });
    }
    return this.#sized({ kind: "index", object, key, ...placeOf(object) }, [object, key]);
  }

  #call(callee: Expression, method: string | undefined, place: Place): CallNode {
    const args = this.#args();
    this.cost += 2;
    return this.#sized({ kind: "call", callee, method, args, single: false, ...place }, [callee, ...args]);
  }

  #args(): readonly Expression[] {
    if (this.token.type === "string" || this.token.type === "{") return [this.#simple()];
    if (!this.accept("(")) throw this.unexpected("arguments");
    if (this.accept(")")) return [];
    const args = this.list();
    this.expect(")");
    return args;
  }

  #primary(): Prefix {
    const { token } = this;
    if (token.type === "name") {
      this.advance();
      return { expression: this.name(token), inParentheses: false };
    }
    if (token.type !== "(") throw this.unexpected("an expression");
    this.advance();
    const inner = this.expression();
    this.expect(")");
    const single = inner.kind === "call" || inner.kind === "vararg" ? { ...inner, single: true } : inner;
    return { expression: { ...single, line: token.line, position: token.start }, inParentheses: true };
  }

  /** What a name means here. */
  name(token: Token): Expression {
    const place = { line: token.line, position: token.start, height: 1 };
    const variable = this.scope?.local(token.text);
    if (variable !== undefined) return this.#sized({ kind: "local", variable, ...place });
    const index = this.scope?.upvalue(token.text);
    if (index !== undefined) return this.#sized({ kind: "upvalue", index, name: token.text, ...place });
    this.globalReads.push({ name: token.text, position: token.start });
    return this.#sized({ kind: "global", name: token.text, ...place });
  }

  /** `object.name`, for the names of functions. */
  field(object: Expression, name: Token): Expression {
    return this.#index(object, this.#constant(name.text, { line: name.line, position: name.start, height: 1 }));
  }

  #sized<T extends Expression>(node: T, below: readonly Expression[] = []): T {
    let height = 0;
    for (const each of below) height = Math.max(height, each.height);
    if (height >= MAX_HEIGHT) throw tooDeep(node.position);
    this.cost += 1;
    return { ...node, height: height + 1 };
  }
}

type Place = { readonly line: number; readonly position: number; readonly height: number };

function placeOf(node: Expression): Place {
  return { line: node.line, position: node.position, height: 0 };
}

function tooDeep(position: number): ExpressionError {
  return new ExpressionError("EXPRESSION_UNSUPPORTED", "the script is nested too deeply", { position });
}
