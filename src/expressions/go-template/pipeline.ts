import { quoteText } from "../go-quote.ts";
import type { TokenType } from "./lex.ts";
import type { Operand, Pipe } from "./nodes.ts";
import { numberNode } from "./number.ts";
import {
  invalid,
  isKeyword,
  MAX_NESTING,
  next,
  nextNonSpace,
  type Parser,
  peek,
  peekNonSpace,
  peekPast,
  skipSpace,
  unexpected,
  unquote,
} from "./parser.ts";

/** A pipeline up to and with its end. */
export function pipeline(p: Parser, context: string, end: "rightDelim" | "rightParen"): Pipe {
  const { pos } = peekNonSpace(p);
  const { variables, assigns } = declarations(p, context);
  const commands: Operand[][] = [];
  for (;;) {
    const token = peekNonSpace(p);
    if (token.type === end) {
      next(p);
      break;
    }
    if (!STARTS.has(token.type) && !isKeyword(token, "nil")) throw unexpected(p, next(p), context);
    commands.push(command(p));
  }
  if (commands.length === 0) throw invalid(p, `missing value for ${context}`, pos);
  commands.slice(1).forEach(([first], i) => {
    if (first !== undefined && LITERALS.has(first.kind)) {
      throw invalid(p, `non executable command in pipeline stage ${i + 2}`, first.pos);
    }
  });
  return { kind: "pipe", pos, variables, assigns, commands };
}

const STARTS: ReadonlySet<TokenType> = new Set<TokenType>([
  "bool",
  "charConstant",
  "dot",
  "field",
  "identifier",
  "number",
  "rawString",
  "string",
  "variable",
  "leftParen",
]);
const LITERALS: ReadonlySet<Operand["kind"]> = new Set<Operand["kind"]>(["bool", "dot", "nil", "number", "string"]);

/** `$x :=`, `$x =`, and in a range `$i, $e :=`. */
function declarations(p: Parser, context: string): { variables: readonly string[]; assigns: boolean } {
  const variables: string[] = [];
  for (;;) {
    const token = peekNonSpace(p);
    if (token.type !== "variable") return { variables, assigns: false };
    const after = peekPast(p, 1);
    if (after.type === "assign" || after.type === "declare") {
      next(p);
      nextNonSpace(p);
      variables.push(token.text);
      p.variables.push(token.text);
      return { variables, assigns: after.type === "assign" };
    }
    if (after.type !== "char" || after.text !== ",") return { variables, assigns: false };
    next(p);
    nextNonSpace(p);
    variables.push(token.text);
    p.variables.push(token.text);
    if (context !== "range" || variables.length > 1) throw invalid(p, `too many declarations in ${context}`, token.pos);
    const { type } = peekNonSpace(p);
    if (type !== "variable" && type !== "rightDelim" && type !== "rightParen") {
      throw invalid(p, "range can only initialize variables", token.pos);
    }
  }
}

function command(p: Parser): Operand[] {
  const args: Operand[] = [];
  const { pos } = peekNonSpace(p);
  for (;;) {
    skipSpace(p);
    const node = operand(p);
    if (node !== undefined) args.push(node);
    const token = peek(p);
    if (token.type === "space") {
      next(p);
      continue;
    }
    if (token.type === "pipe") next(p);
    else if (token.type !== "rightDelim" && token.type !== "rightParen") throw unexpected(p, next(p), "operand");
    break;
  }
  if (args.length === 0) throw invalid(p, "empty command", pos);
  return args;
}

/** A term and the fields chained to it without a space. */
function operand(p: Parser): Operand | undefined {
  const node = term(p);
  if (node === undefined || peek(p).type !== "field") return node;
  const { pos } = peek(p);
  const names: string[] = [];
  while (peek(p).type === "field") names.push(next(p).text.slice(1));
  if (node.kind === "field" || node.kind === "variable") return { ...node, pos, names: [...node.names, ...names] };
  if (LITERALS.has(node.kind)) throw invalid(p, "unexpected . after term", pos);
  return { kind: "chain", pos, of: node, names };
}

function term(p: Parser): Operand | undefined {
  const token = peekNonSpace(p);
  const { pos, text } = token;
  if (!STARTS.has(token.type) && !isKeyword(token, "nil")) return undefined;
  next(p);
  switch (token.type) {
    case "identifier": {
      const fn = p.find(text, pos);
      if (fn === undefined) throw invalid(p, `function ${quoteText(text)} not defined`, pos);
      return { kind: "function", pos, name: text, fn };
    }
    case "dot":
      return { kind: "dot", pos };
    case "keyword":
      return { kind: "nil", pos };
    case "variable":
      if (!p.variables.includes(text)) throw invalid(p, `undefined variable ${quoteText(text)}`, pos);
      return { kind: "variable", pos, name: text, names: [] };
    case "field":
      return { kind: "field", pos, names: [text.slice(1)] };
    case "bool":
      return { kind: "bool", pos, value: text === "true" };
    case "leftParen":
      return parenthesized(p, pos);
    case "string":
    case "rawString":
      return { kind: "string", pos, quoted: text, value: unquote(p, token) };
    default: {
      const number = numberNode(text, pos);
      if (typeof number === "string") throw invalid(p, number, pos);
      return number;
    }
  }
}

function parenthesized(p: Parser, pos: number): Operand {
  if (p.nesting >= MAX_NESTING) throw invalid(p, "max expression depth exceeded", pos);
  p.nesting += 1;
  const pipe = pipeline(p, "parenthesized pipeline", "rightParen");
  p.nesting -= 1;
  return pipe;
}
