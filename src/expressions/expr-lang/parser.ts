import { climb, type Grammar, type Infix, invalid, TokenReader } from "../pratt.ts";
import { type ExprToken, readTokens } from "./lexer.ts";
import { readNumber } from "./literals.ts";
import type { Node } from "./nodes.ts";
import { closureBuiltins, isBuiltin } from "./signatures.ts";

const unary: Readonly<Record<string, number>> = { not: 50, "!": 50, "-": 90, "+": 90 };
const binary: ReadonlyMap<string, number> = new Map(
  (
    [
      [0, "|"],
      [10, "or", "||"],
      [15, "and", "&&"],
      [20, "==", "!=", "<", ">", ">=", "<=", "in", "matches", "contains", "startsWith", "endsWith"],
      [25, ".."],
      [30, "+", "-"],
      [60, "*", "/", "%"],
      [100, "**", "^"],
      [500, "??"],
    ] as const
  ).flatMap(([precedence, ...signs]) => signs.map((sign) => [sign, precedence] as const)),
);

interface Parser {
  readonly reader: TokenReader<ExprToken>;
  readonly grammar: Grammar<Node>;
  /** How many closures are open: `#` means something only inside one. */
  closures: number;
}

/** Reads an expression of expr 1.15.5 with that parser's own corners (cited at each). Throws EXPRESSION_INVALID. */
export function parseExpr(text: string): Node {
  const end: ExprToken = { kind: "end", text: "the end", at: text.length };
  const reader = new TokenReader(readTokens(text), end);
  const grammar: Grammar<Node> = {
    operand: () => reader.nested(() => readPrimary(parser)),
    infix: (least, previous) => readInfix(parser, least, previous),
  };
  const parser: Parser = { reader, grammar, closures: 0 };
  const node = readExpression(parser);
  if (reader.current.kind !== "end") unexpected(reader.current);
  return node;
}

function unexpected(token: ExprToken): never {
  throw invalid(
    token.kind === "end" ? "the expression is not complete" : `"${token.text}" cannot stand here`,
    token.at,
  );
}

function is(parser: Parser, kind: ExprToken["kind"], text: string): boolean {
  return parser.reader.current.kind === kind && parser.reader.current.text === text;
}

function take(parser: Parser, kind: ExprToken["kind"], text?: string): ExprToken {
  const token = parser.reader.current;
  if (token.kind !== kind || (text !== undefined && token.text !== text)) return unexpected(token);
  return parser.reader.advance();
}

function takeIf(parser: Parser, kind: ExprToken["kind"], text: string): boolean {
  if (!is(parser, kind, text)) return false;
  parser.reader.advance();
  return true;
}

/** A whole expression: `let`, operators, then `? :`. */
function readExpression(parser: Parser): Node {
  return parser.reader.nested(() => {
    if (is(parser, "operator", "let")) return readLet(parser);
    let node = climb(parser.grammar, 0);
    while (is(parser, "operator", "?")) {
      const { at } = parser.reader.advance();
      if (takeIf(parser, "operator", ":")) {
        node = { kind: "conditional", at, test: node, yes: node, no: readExpression(parser) };
        continue;
      }
      const yes = readExpression(parser);
      take(parser, "operator", ":");
      node = { kind: "conditional", at, test: node, yes, no: readExpression(parser) };
    }
    return node;
  });
}

function readLet(parser: Parser): Node {
  take(parser, "operator", "let");
  const { text: name, at } = take(parser, "identifier");
  take(parser, "operator", "=");
  const value = readExpression(parser);
  take(parser, "operator", ";");
  return { kind: "let", at, name, value, body: readExpression(parser) };
}

/**
 * A `not` before an operator is taken even when the operator itself binds too loosely for this level, and is then lost:
 * `1 + 2 not in [3]` means `1 + 2 in [3]`. That is what expr 1.15.5 does, and filters decide as upstream.
 */
function readInfix(parser: Parser, least: number, previous: string | undefined): Infix<Node> | undefined {
  const { reader } = parser;
  const first = reader.current;
  if (first.kind !== "operator") return undefined;
  const negated = first.text === "not";
  if (negated) reader.advance();
  const { kind, text: name, at } = reader.current;
  const precedence = kind === "operator" || negated ? binary.get(name) : undefined;
  if (precedence === undefined || precedence < least) return undefined;
  reader.advance();
  if (name === "|") return { name, rightPrecedence: 0, join: (left) => readPipe(parser, left) };
  if (previous === "??" && name !== "??") throw invalid(`"${name}" after ?? needs parentheses`, at);
  const rightPrecedence = name === "**" || name === "^" ? precedence : precedence + 1;
  return {
    name,
    rightPrecedence,
    join(left, right) {
      const node: Node = { kind: "binary", at, operator: name, left, right: right() };
      return negated ? { kind: "unary", at: first.at, operator: "not", operand: node } : node;
    },
  };
}

function readPrimary(parser: Parser): Node {
  const { reader } = parser;
  const token = reader.current;
  const precedence = token.kind === "operator" && Object.hasOwn(unary, token.text) ? unary[token.text] : undefined;
  if (precedence !== undefined) {
    reader.advance();
    const operand = climb(parser.grammar, precedence);
    return readPostfix(parser, { kind: "unary", at: token.at, operator: token.text, operand });
  }
  if (takeIf(parser, "bracket", "(")) {
    const node = readExpression(parser);
    take(parser, "bracket", ")");
    return readPostfix(parser, node);
  }
  if (token.kind === "operator" && (token.text === "#" || token.text === ".")) return readPointer(parser, token);
  return readSecondary(parser, token);
}

function readPointer(parser: Parser, token: ExprToken): Node {
  if (parser.closures === 0) throw invalid(`"${token.text}" means something only inside a closure`, token.at);
  let name = "";
  if (takeIf(parser, "operator", "#") && parser.reader.current.kind === "identifier")
    name = parser.reader.advance().text;
  return readPostfix(parser, { kind: "pointer", at: token.at, name });
}

function readSecondary(parser: Parser, token: ExprToken): Node {
  const { at } = token;
  if (is(parser, "bracket", "[")) return readPostfix(parser, readArray(parser));
  if (is(parser, "bracket", "{")) return readPostfix(parser, readMap(parser));
  if (token.kind === "operator" || token.kind === "bracket" || token.kind === "end") return unexpected(token);
  parser.reader.advance();
  // Nothing can be fetched from these without parentheses: "abc"[0] is a syntax error.
  if (token.kind === "number") return readNumber(token);
  if (token.kind === "string") return { kind: "string", at, value: token.text };
  if (token.text === "true" || token.text === "false") return { kind: "bool", at, value: token.text === "true" };
  if (token.text === "nil") return { kind: "nil", at };
  if (!is(parser, "bracket", "(")) return readPostfix(parser, { kind: "identifier", at, name: token.text });
  return readPostfix(parser, readCall(parser, token, undefined));
}

/** A call by name; `piped` is what stands before the `|`. */
function readCall(parser: Parser, { text: name, at }: ExprToken, piped: Node | undefined): Node {
  const first = piped === undefined ? [] : [piped];
  if (closureBuiltins.has(name)) {
    take(parser, "bracket", "(");
    const args = [...first];
    if (piped === undefined) {
      args.push(readExpression(parser));
      take(parser, "operator", ",");
    }
    args.push(readClosure(parser));
    if (name === "reduce" && takeIf(parser, "operator", ",")) args.push(readExpression(parser));
    take(parser, "bracket", ")");
    return { kind: "builtin", at, name, args };
  }
  const args = [...first, ...readArguments(parser)];
  if (isBuiltin(name)) return { kind: "builtin", at, name, args };
  return { kind: "call", at, callee: { kind: "identifier", at, name }, args };
}

function readPipe(parser: Parser, left: Node): Node {
  const name = take(parser, "identifier");
  return readCall(parser, name, left);
}

function readClosure(parser: Parser): Node {
  const braced = takeIf(parser, "bracket", "{");
  parser.closures += 1;
  const node = readExpression(parser);
  parser.closures -= 1;
  if (braced) take(parser, "bracket", "}");
  return node;
}

function readArguments(parser: Parser): Node[] {
  take(parser, "bracket", "(");
  const args: Node[] = [];
  while (!is(parser, "bracket", ")")) {
    if (args.length > 0) take(parser, "operator", ",");
    args.push(readExpression(parser));
  }
  parser.reader.advance();
  return args;
}

function readArray(parser: Parser): Node {
  const { at } = take(parser, "bracket", "[");
  const items: Node[] = [];
  while (!takeIf(parser, "bracket", "]")) {
    if (items.length > 0) {
      take(parser, "operator", ",");
      if (takeIf(parser, "bracket", "]")) break;
    }
    items.push(readExpression(parser));
  }
  return { kind: "array", at, items };
}

function readMap(parser: Parser): Node {
  const { at } = take(parser, "bracket", "{");
  const pairs: { key: Node; value: Node }[] = [];
  while (!takeIf(parser, "bracket", "}")) {
    if (pairs.length > 0) {
      take(parser, "operator", ",");
      if (takeIf(parser, "bracket", "}")) break;
    }
    const key = readKey(parser);
    take(parser, "operator", ":");
    pairs.push({ key, value: readExpression(parser) });
  }
  return { kind: "map", at, pairs };
}

function readKey(parser: Parser): Node {
  const token = parser.reader.current;
  if (token.kind === "bracket" && token.text === "(") return readExpression(parser);
  if (token.kind !== "number" && token.kind !== "string" && token.kind !== "identifier") {
    throw invalid("a key is a name, a string, a number or an expression in parentheses", token.at);
  }
  parser.reader.advance();
  return { kind: "string", at: token.at, value: token.text };
}

function readPostfix(parser: Parser, first: Node): Node {
  let node = first;
  for (;;) {
    const token = parser.reader.current;
    if (token.kind === "operator" && (token.text === "." || token.text === "?.")) node = readMember(parser, node);
    else if (token.kind === "bracket" && token.text === "[") node = readIndex(parser, node);
    else return node;
  }
}

/** `.name`, `?.name`, and a call of it; words that are operators are names here too. */
function readMember(parser: Parser, before: Node): Node {
  const optional = parser.reader.advance().text === "?.";
  const name = parser.reader.advance();
  const isWord = name.kind === "identifier" || (name.kind === "operator" && /^[a-zA-Z]+$/.test(name.text));
  if (!isWord) throw invalid("a name is missing after the dot", name.at);
  const inner = before.kind === "chain" ? before.node : before;
  const property: Node = { kind: "string", at: name.at, value: name.text };
  let node: Node = { kind: "member", at: name.at, node: inner, property, optional };
  if (is(parser, "bracket", "(")) node = { kind: "call", at: name.at, callee: node, args: readArguments(parser) };
  return optional || before.kind === "chain" ? { kind: "chain", at: name.at, node } : node;
}

function readIndex(parser: Parser, node: Node): Node {
  const { at } = parser.reader.advance();
  const from = is(parser, "operator", ":") ? undefined : readExpression(parser);
  if (takeIf(parser, "operator", ":")) {
    const to = is(parser, "bracket", "]") ? undefined : readExpression(parser);
    take(parser, "bracket", "]");
    return { kind: "slice", at, node, from, to };
  }
  take(parser, "bracket", "]");
  return from === undefined
    ? unexpected(parser.reader.current)
    : { kind: "member", at, node, property: from, optional: false };
}
