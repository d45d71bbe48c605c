import { quoteText } from "../go-quote.ts";
import { lex, type Token } from "./lex.ts";
import type { List, Node, Templates } from "./nodes.ts";
import {
  expect,
  type FindFunction,
  invalid,
  isKeyword,
  MAX_NESTING,
  next,
  nextNonSpace,
  type Parser,
  peek,
  peekNonSpace,
  peekPast,
  unexpected,
  unquote,
} from "./parser.ts";
import { pipeline } from "./pipeline.ts";

/** Parses a template with its definitions. A syntax error is an ExpressionError EXPRESSION_INVALID with its position. */
export function parse(name: string, source: string, find: FindFunction): Templates {
  const p: Parser = {
    name,
    source,
    find,
    tokens: lex(source),
    templates: new Map(),
    at: 0,
    variables: ["$"],
    ranges: 0,
    nesting: 0,
  };
  const root: Node[] = [];
  while (peek(p).type !== "eof") {
    if (peek(p).type === "leftDelim" && isKeyword(peekPast(p, 1), "define")) define(p);
    else {
      const node = textOrAction(p);
      if ("stop" in node) throw invalid(p, `unexpected {{${node.stop}}}`, node.pos);
      root.push(node);
    }
  }
  add(p, name, root);
  return p.templates;
}

/** What ends a list: `{{end}}` or `{{else`. */
interface Stop {
  readonly stop: "end" | "else";
  readonly pos: number;
}

function add(p: Parser, name: string, body: List): void {
  const isEmpty = (list: List): boolean => list.every((node) => node.kind === "text" && node.text.trim() === "");
  const before = p.templates.get(name);
  if (before === undefined || isEmpty(before)) p.templates.set(name, body);
  else if (!isEmpty(body)) {
    throw invalid(p, `template: multiple definition of template ${quoteText(name)}`, peek(p).pos);
  }
}

/** `{{define "x"}}…{{end}}`: variables and ranges outside are not seen inside. */
function define(p: Parser): void {
  const context = "define clause";
  next(p);
  nextNonSpace(p);
  const name = templateName(p, nextNonSpace(p), context);
  expect(p, "rightDelim", context);
  definition(p, name, context);
}

function definition(p: Parser, name: string, context: string): void {
  const { variables, ranges } = p;
  p.variables = ["$"];
  p.ranges = 0;
  const { list, stop } = itemList(p);
  if (stop.stop !== "end") throw invalid(p, `unexpected {{${stop.stop}}} in ${context}`, stop.pos);
  p.variables = variables;
  p.ranges = ranges;
  add(p, name, list);
}

function templateName(p: Parser, token: Token, context: string): string {
  if (token.type !== "string" && token.type !== "rawString") throw unexpected(p, token, context);
  return unquote(p, token);
}

function itemList(p: Parser): { list: Node[]; stop: Stop } {
  if (p.nesting >= MAX_NESTING) throw invalid(p, "nested too deeply", peek(p).pos);
  p.nesting += 1;
  const list: Node[] = [];
  while (peek(p).type !== "eof") {
    const node = textOrAction(p);
    if ("stop" in node) {
      p.nesting -= 1;
      return { list, stop: node };
    }
    list.push(node);
  }
  throw invalid(p, "unexpected EOF", peek(p).pos);
}

function textOrAction(p: Parser): Node | Stop {
  const token = nextNonSpace(p);
  if (token.type === "text") return { kind: "text", pos: token.pos, text: token.text };
  if (token.type !== "leftDelim") throw unexpected(p, token, "input");
  return action(p);
}

function action(p: Parser): Node | Stop {
  const token = peekNonSpace(p);
  const { pos } = token;
  if (token.type === "keyword" && token.text !== "nil" && token.text !== "define") {
    next(p);
    return control(p, token.text, pos);
  }
  return { kind: "action", pos, pipe: pipeline(p, "command", "rightDelim") };
}

function control(p: Parser, word: string, pos: number): Node | Stop {
  switch (word) {
    case "if":
    case "with":
    case "range":
      return branch(p, word, pos);
    case "end":
      expect(p, "rightDelim", "end");
      return { stop: "end", pos };
    case "else": {
      const after = peekNonSpace(p);
      if (!isKeyword(after, "if") && !isKeyword(after, "with")) expect(p, "rightDelim", "else");
      return { stop: "else", pos };
    }
    case "break":
    case "continue": {
      const after = nextNonSpace(p);
      if (after.type !== "rightDelim") throw unexpected(p, after, `{{${word}}}`);
      if (p.ranges === 0) throw invalid(p, `{{${word}}} outside {{range}}`, pos);
      return { kind: word, pos };
    }
    case "template": {
      const name = templateName(p, nextNonSpace(p), "template clause");
      if (peekNonSpace(p).type !== "rightDelim") {
        return { kind: "template", pos, name, pipe: pipeline(p, "template clause", "rightDelim") };
      }
      next(p);
      return { kind: "template", pos, name, pipe: undefined };
    }
    default: {
      const name = templateName(p, nextNonSpace(p), "block clause");
      const pipe = pipeline(p, "block clause", "rightDelim");
      definition(p, name, "block clause");
      return { kind: "template", pos, name, pipe };
    }
  }
}

function branch(p: Parser, kind: "if" | "with" | "range", pos: number): Node {
  const scope = p.variables.length;
  const pipe = pipeline(p, kind, "rightDelim");
  if (kind === "range") p.ranges += 1;
  const { list: body, stop } = itemList(p);
  if (kind === "range") p.ranges -= 1;
  const otherwise = stop.stop === "else" ? elseList(p, kind) : undefined;
  p.variables.length = scope;
  return { kind, pos, pipe, body, otherwise };
}

/** After `{{else`: a plain else has consumed its delimiter, `else if` and `else with` share the one `{{end}}`. */
function elseList(p: Parser, kind: "if" | "with" | "range"): List {
  const token = peek(p);
  if (kind !== "range" && isKeyword(token, kind)) {
    if (p.nesting >= MAX_NESTING) throw invalid(p, "nested too deeply", token.pos);
    p.nesting += 1;
    next(p);
    const chained = branch(p, kind, token.pos);
    p.nesting -= 1;
    return [chained];
  }
  const { list, stop } = itemList(p);
  if (stop.stop !== "end") throw invalid(p, `expected end; found {{${stop.stop}}}`, stop.pos);
  return list;
}
