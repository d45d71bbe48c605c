import type { Block, Expression, FunctionNode, Statement, Target, Variable } from "./ast.ts";
import { ExpressionParser, type GlobalRead } from "./expression-parser.ts";
import { heightOf } from "./height.ts";
import { invalid, type Token } from "./lexer.ts";
import { FunctionScope } from "./scope.ts";

interface Chunk {
  readonly main: FunctionNode;
  /** Where globals are read: `name`, and `name.field` where the field is plain. */
  readonly globalReads: readonly GlobalRead[];
  readonly globalWrites: ReadonlySet<string>;
}

const NO_BLOCK: Block = { statements: [], labels: new Map(), height: 0, cost: 0 };
const blockEnds: ReadonlySet<string> = new Set(["end", "else", "elseif", "until", "end of text"]);

/** Parses a whole script; EXPRESSION_INVALID with its position where gopher-lua reports a syntax error. */
export function parse(text: string): Chunk {
  return new Parser(text).chunk();
}

class Parser {
  readonly #at: ExpressionParser;

  constructor(text: string) {
    this.#at = new ExpressionParser(text, (line, isMethod) => this.#function(line, isMethod));
  }

  chunk(): Chunk {
    const main: FunctionNode = { ...newFunction(0, true), params: [], arg: undefined };
    main.body = this.#body(main, []);
    if (this.#at.token.type !== "end of text") throw this.#at.unexpected("a statement");
    return { main, globalReads: this.#at.globalReads, globalWrites: this.#at.globalWrites };
  }

  #function(line: number, isMethod: boolean): FunctionNode {
    const at = this.#at;
    at.expect("(");
    const names: Token[] = [];
    let varargs = false;
    while (at.token.type !== ")") {
      if (at.accept("...")) {
        varargs = true;
        break;
      }
      names.push(at.expect("name"));
      if (at.accept(",") ? at.token.type === ")" : at.token.type !== ")") throw at.unexpected("')'");
    }
    at.expect(")");
    const position = at.token.start;
    const params = [...(isMethod ? ["self"] : []), ...names.map((name) => name.text)];
    const node = newFunction(line, varargs);
    node.body = this.#body(node, params, position);
    at.expect("end");
    return node;
  }

  #body(node: Draft, params: readonly string[], position = 0): Block {
    const at = this.#at;
    const outer = at.scope;
    const scope = new FunctionScope(outer, node);
    at.scope = scope;
    scope.enter(false);
    node.params = params.map((name) => scope.declare(name, position));
    if (node.varargs && outer !== undefined) node.arg = scope.declare("arg", position);
    const block = this.#statements([]);
    scope.leave();
    at.scope = outer;
    return block;
  }

  /** A block with its own scope. `extraCost` is what each turn of a loop evaluates besides. */
  #block(isLoop = false, extraCost = 0): Block {
    this.#at.scope?.enter(isLoop);
    const block = this.#statements([], extraCost);
    this.#at.scope?.leave();
    return block;
  }

  #statements(statements: Statement[], extraCost = 0): Block {
    const at = this.#at;
    const outerCost = at.cost;
    at.cost = 1 + extraCost;
    const labels = new Map<string, number>();
    let height = 0;
    while (!blockEnds.has(at.token.type)) {
      if (at.accept(";")) continue;
      if (at.token.type === "::") {
        this.#label(labels, statements.length);
        continue;
      }
      const last = at.token.type === "return" || at.token.type === "break";
      const statement = at.nested(() => this.#statement());
      at.cost += 1;
      height = Math.max(height, heightOf(statement));
      statements.push(statement);
      if (!last) continue;
      at.accept(";");
      if (!blockEnds.has(at.token.type)) throw at.unexpected("the end of the block");
    }
    const block = { statements, labels, height: height + 1, cost: at.cost };
    at.cost = outerCost;
    return block;
  }

  #label(labels: Map<string, number>, index: number): void {
    const at = this.#at;
    at.expect("::");
    const name = at.expect("name");
    at.expect("::");
    while (at.token.type === ";") at.advance();
    const isLast = blockEnds.has(at.token.type) && at.token.type !== "until";
    at.scope?.label(name.text, name.start, isLast);
    labels.set(name.text, index);
  }

  #statement(): Statement {
    const at = this.#at;
    const { token } = at;
    switch (token.type) {
      case "do": {
        at.advance();
        const block = this.#block();
        at.expect("end");
        return { kind: "do", block };
      }
      case "while":
        return this.#while();
      case "repeat":
        return this.#repeat();
      case "if":
        return this.#if();
      case "for":
        return this.#for();
      case "function":
        return this.#namedFunction();
      case "local":
        return this.#local();
      case "return":
        at.advance();
        return { kind: "return", values: blockEnds.has(at.token.type) || at.token.type === ";" ? [] : at.list() };
      case "break":
        at.advance();
        if (at.scope?.inLoop !== true) throw invalid("'break' outside of a loop", token.start);
        return { kind: "break" };
      case "goto": {
        at.advance();
        const label = at.expect("name");
        at.scope?.jump(label.text, token.start);
        return { kind: "goto", label: label.text };
      }
      default:
        return this.#callOrAssign();
    }
  }

  #while(): Statement {
    const at = this.#at;
    at.expect("while");
    const before = at.cost;
    const condition = at.expression();
    const cost = at.cost - before;
    at.expect("do");
    const block = this.#block(true, cost);
    at.expect("end");
    return { kind: "while", condition, block };
  }

  /** The condition sees the locals of the block. */
  #repeat(): Statement {
    const at = this.#at;
    at.expect("repeat");
    at.scope?.enter(true);
    const block = this.#statements([]);
    at.expect("until");
    const before = at.cost;
    const condition = at.expression();
    at.scope?.leave();
    return { kind: "repeat", block: { ...block, cost: block.cost + at.cost - before }, condition };
  }

  #if(): Statement {
    const at = this.#at;
    const branches = [];
    do {
      at.advance();
      const condition = at.expression();
      at.expect("then");
      branches.push({ condition, block: this.#block() });
    } while (at.token.type === "elseif");
    const otherwise = at.accept("else") ? this.#block() : undefined;
    at.expect("end");
    return { kind: "if", branches, otherwise };
  }

  #for(): Statement {
    const at = this.#at;
    const { line, start: position } = at.expect("for");
    const names = [at.expect("name")];
    const counted = at.accept("=");
    while (!counted && at.accept(",")) names.push(at.expect("name"));
    if (!counted) at.expect("in");
    const values = at.list();
    if (counted && (values.length < 2 || values.length > 3)) throw at.unexpected("two or three values");
    at.expect("do");
    at.scope?.enter(true);
    const variables = names.map((name) => at.scope?.declare(name.text, name.start)).filter((one) => one !== undefined);
    const block = this.#statements([], 2);
    at.scope?.leave();
    at.expect("end");
    const [from, to, step] = values;
    const [variable] = variables;
    if (!counted || from === undefined || to === undefined || variable === undefined) {
      return { kind: "iterate", variables, values, block, line, position };
    }
    return { kind: "for", variable, from, to, step, block, line, position };
  }

  #namedFunction(): Statement {
    const at = this.#at;
    const { line } = at.expect("function");
    const first = at.expect("name");
    let target = at.name(first);
    if (target.kind === "global" && at.token.type !== "." && at.token.type !== ":") at.globalWrites.add(target.name);
    while (at.accept(".")) target = at.field(target, at.expect("name"));
    const isMethod = at.accept(":");
    if (isMethod) target = at.field(target, at.expect("name"));
    const made = at.nested(() => this.#function(line, isMethod));
    const value: Expression = { kind: "function", made, line, position: first.start, height: 1 };
    return { kind: "assign", targets: [target as Target], values: [value] };
  }

  #local(): Statement {
    const at = this.#at;
    at.expect("local");
    const { scope } = at;
    if (scope === undefined) throw at.unexpected("a statement");
    if (at.token.type === "function") {
      const { line } = at.advance();
      const name = at.expect("name");
      const variable = scope.declare(name.text, name.start);
      const made = at.nested(() => this.#function(line, false));
      const value: Expression = { kind: "function", made, line, position: name.start, height: 1 };
      return { kind: "declare", variables: [variable], values: [value] };
    }
    const names = [at.expect("name")];
    while (at.accept(",")) names.push(at.expect("name"));
    const hasValues = at.accept("=");
    const variables: Variable[] = [];
    const declare = () => {
      for (const name of names) variables.push(scope.declare(name.text, name.start));
    };
    // In the peer a function sees the local that it is the value of, with `local f = function` too.
    const early = hasValues && names.length === 1 && at.token.type === "function";
    if (early) declare();
    const values = hasValues ? at.list() : [];
    if (!early) declare();
    return { kind: "declare", variables, values };
  }

  #callOrAssign(): Statement {
    const at = this.#at;
    const first = at.prefixed();
    if (at.token.type !== "=" && at.token.type !== ",") {
      if (first.expression.kind !== "call") throw at.unexpected("'=' or a call");
      return { kind: "call", call: first.expression };
    }
    const targets = [this.#target(first.expression, first.inParentheses)];
    while (at.accept(",")) {
      const { expression, inParentheses } = at.prefixed();
      targets.push(this.#target(expression, inParentheses));
    }
    at.expect("=");
    return { kind: "assign", targets, values: at.list() };
  }

  #target(expression: Expression, inParentheses: boolean): Target {
    const { kind } = expression;
    if (inParentheses || (kind !== "local" && kind !== "upvalue" && kind !== "global" && kind !== "index")) {
      throw invalid("nothing can be assigned to this", expression.position);
    }
    if (kind === "global") this.#at.globalWrites.add(expression.name);
    return expression;
  }
}

type Draft = { -readonly [K in keyof FunctionNode]: FunctionNode[K] };

function newFunction(line: number, varargs: boolean): Draft {
  return {
    line,
    params: [],
    varargs,
    arg: undefined,
    usesVarargs: false,
    captures: [],
    hasCells: false,
    body: NO_BLOCK,
  };
}
