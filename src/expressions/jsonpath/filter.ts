import {
  climb,
  failed,
  type Grammar,
  goPow,
  goPrint,
  invalid,
  type Token,
  TokenReader,
  unsupported,
  valueRegex,
} from "../pratt.ts";
import { type Filter, parseSteps, quoteEnd, type Step } from "./parse.ts";

interface FilterToken extends Token {
  readonly kind: "path" | "text" | "word" | "sign" | "end";
  readonly steps?: readonly Step[];
}

/** From loose to tight; the library splits at the first operator of the loosest kind, so all of them join from the right. */
const operators = ["||", "&&", "==", "!=", "<=", ">=", "<", ">", "=~", "!", "+", "-", "**", "*", "/", "%"];
const NOT = operators.indexOf("!");

/** Reads the inside of `[?(...)]` or `[(...)]`. */
export function parseFilter(text: string, inside: number): Filter {
  const end: FilterToken = { kind: "end", text: "the end", at: text.length };
  const reader = new TokenReader(readTokens(text, inside), end);
  const grammar: Grammar<Filter> = {
    operand: () => reader.nested(() => readOperand(reader, grammar)),
    infix(least) {
      const { kind, text: name } = reader.current;
      const precedence = operators.indexOf(name);
      if (kind !== "sign" || name === "!" || precedence < least) return undefined;
      reader.advance();
      return { name, rightPrecedence: precedence, join: (left, right) => operation(name, left, right()) };
    },
  };
  const filter = climb(grammar, 0);
  if (reader.current.kind !== "end") throw invalid(`"${reader.current.text}" cannot stand here`, reader.current.at);
  return filter;
}

function readTokens(text: string, inside: number): FilterToken[] {
  const tokens: FilterToken[] = [];
  const pattern = /\|\||&&|[=!<>]=|=~|\*\*|[<>!+*/%()-]|[\p{L}\p{N}_.]+/uy;
  for (let at = 0; at < text.length; ) {
    const sign = text.charAt(at);
    pattern.lastIndex = at;
    if (/\s/.test(sign)) at += 1;
    else if (sign === "@" || sign === "$") {
      const { steps, end } = parseSteps(text, at, { depth: inside, readFilter: parseFilter });
      tokens.push({ kind: "path", text: text.slice(at, end), at, steps });
      at = end;
    } else if (sign === "'" || sign === '"') {
      const end = quoteEnd(text, at);
      tokens.push({ kind: "text", text: `'${text.slice(at + 1, end)}'`, at });
      at = end + 1;
    } else {
      const found = pattern.exec(text)?.[0];
      if (found === undefined) throw unsupported(`"${sign}" in a filter`, at);
      if (found === "in" || found === "not") throw unsupported('"in" and "not in" in a filter', at);
      tokens.push({ kind: /^[\p{L}\p{N}_.]/u.test(found) ? "word" : "sign", text: found, at });
      at += found.length;
    }
  }
  return tokens;
}

function readOperand(reader: TokenReader<FilterToken>, grammar: Grammar<Filter>): Filter {
  const token = reader.advance();
  if (token.kind === "path") {
    const { steps = [] } = token;
    const fromRoot = token.text.startsWith("$");
    return ({ root, current, follow }) => quoted(follow(steps, fromRoot ? root : current));
  }
  if (token.kind === "text") return () => token.text;
  if (token.kind === "word") return word(token.text);
  if (token.text === "!") {
    const inner = climb(grammar, NOT);
    return (scene) => !toBool(inner(scene));
  }
  if (token.text === "-" && reader.current.kind === "word") return word(`-${reader.advance().text}`);
  if (token.text !== "(") throw invalid(`"${token.text}" cannot stand here`, token.at);
  const inner = climb(grammar, 0);
  if (reader.advance().text !== ")") throw invalid("the parenthesis is not closed", token.at);
  return inner;
}

function word(text: string): Filter {
  return text === "nil" || text === "null" ? () => null : () => text;
}

/** Strings of the data carry quotes from here on, which tells `'1'` from `1`. */
function quoted(value: unknown): unknown {
  if (typeof value !== "string") return value;
  return value.length > 1 && value.startsWith("'") && value.endsWith("'") ? value : `'${value}'`;
}

function plain(text: string): string {
  return text.length > 1 && text.startsWith("'") && text.endsWith("'") ? text.slice(1, -1) : text;
}

function printed(value: unknown): string {
  return typeof value === "string" ? value : goPrint(value);
}

/** The number that the printed value is, or undefined. */
function numberIn(value: unknown): number | undefined {
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  if (typeof value !== "string" || !/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(value)) return undefined;
  return Number(value);
}

function toNumber(value: unknown): number {
  const found = numberIn(value);
  if (found === undefined) throw failed(`${printed(value).slice(0, 60)} is not a number`);
  return found;
}

/** `strconv.ParseBool` of the printed value; nil is false. */
function toBool(value: unknown): boolean {
  if (value === null) return false;
  const text = printed(value);
  if (/^(?:1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(?:0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw failed(`${text.slice(0, 60)} is not a bool`);
}

function isEqual(a: unknown, b: unknown): boolean {
  const [x, y] = [numberIn(a), numberIn(b)];
  return x !== undefined && y !== undefined ? x === y : printed(a) === printed(b);
}

const numeric: Readonly<Record<string, (a: number, b: number) => unknown>> = {
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "**": goPow,
  "%": modulo,
};

function modulo(a: number, b: number): number {
  if (!Number.isInteger(a) || !Number.isInteger(b) || b === 0) throw failed("% takes integers, and not 0 on the right");
  return a % b;
}

/** Both sides are always evaluated: an element without the field of either side is left out, also of an `||`. */
function operation(sign: string, left: Filter, right: Filter): Filter {
  const compute = numeric[sign];
  if (compute !== undefined) return (scene) => compute(toNumber(left(scene)), toNumber(right(scene)));
  return (scene) => {
    const [a, b] = [left(scene), right(scene)];
    if (sign === "==") return isEqual(a, b);
    if (sign === "!=") return !isEqual(a, b);
    if (sign === "=~") return valueRegex(plain(printed(b)))(plain(printed(a)));
    const [x, y] = [toBool(a), toBool(b)];
    return sign === "||" ? x || y : x && y;
  };
}

/** Whether a filter's value keeps the element: nothing empty, no zero. */
export function keeps(value: unknown): boolean {
  if (value === null || value === undefined) return false;
  if (typeof value === "boolean") return value;
  if (typeof value === "string") return literal(value);
  if (Array.isArray(value)) return value.length > 0;
  return typeof value === "object" ? Object.keys(value).length > 0 : Number(value) !== 0;
}

/** A word that stands alone is a number or a bool where it reads like one. */
function literal(text: string): boolean {
  const found = numberIn(text);
  if (found !== undefined) return found !== 0;
  return /^(?:f|F|false|FALSE|False)$/.test(text) ? false : plain(text) !== "";
}
