import { didYouMean } from "../lib/did-you-mean.ts";
import { climb, type Grammar, invalid, refuseLongText, type Token, TokenReader } from "./pratt.ts";

/** A condition as a tree, for display. */
export type ConditionNode =
  | { readonly kind: "dependency"; readonly name: string }
  | { readonly kind: "and" | "or"; readonly left: ConditionNode; readonly right: ConditionNode };

/** The conditions of one sensor trigger, read and checked. */
export interface Conditions {
  /** As written; for empty conditions, all dependencies joined with `&&`. */
  readonly text: string;
  /** The dependencies that occur, each once, in the order of the text: only these concern the trigger. */
  readonly names: readonly string[];
  /** Whether there is an `&&`: without one every event fires at once and nothing is kept. */
  readonly needsState: boolean;
  readonly tree: ConditionNode;
  /** Whether the condition holds when these dependencies have an event. */
  satisfied(have: (name: string) => boolean): boolean;
}

interface ConditionToken extends Token {
  readonly kind: "name" | "sign" | "end";
}

const precedences: Readonly<Record<string, number>> = { "||": 1, "&&": 2 };
const hints: Readonly<Record<string, string>> = {
  and: 'write "&&"',
  or: 'write "||"',
  "&": 'write "&&"',
  "|": 'write "||"',
  "!": 'a condition joins dependencies with "&&" and "||"; there is no "not"',
  not: 'a condition joins dependencies with "&&" and "||"; there is no "not"',
  ",": 'write "&&" or "||"',
};

/**
 * Reads `conditions` of a sensor trigger (reference 3.5): names of dependencies, `&&` (binds tighter), `||`, parentheses;
 * empty means all dependencies. Unlike the peer, any dependency name works, also with points, spaces, a leading digit or an
 * operator's word, and names that differ only by `-` and `_` are two (F5). Throws EXPRESSION_INVALID with a position.
 */
export function parseConditions(text: string | undefined, names: readonly string[]): Conditions {
  const written = text === undefined || text.trim() === "" ? undefined : text;
  const tree = written === undefined ? allOf(names) : parse(written, names);
  const occurring = new Set<string>();
  collectNames(tree, occurring);
  return {
    text: written ?? names.join(" && "),
    names: [...occurring],
    needsState: hasAnd(tree),
    tree,
    satisfied: (have) => holds(tree, have),
  };
}

function allOf(names: readonly string[]): ConditionNode {
  const [first, ...rest] = names;
  if (first === undefined) throw invalid("there are no dependencies to join", 0);
  // A tree rather than a chain: its depth stays small however many there are.
  if (rest.length === 0) return { kind: "dependency", name: first };
  const middle = Math.ceil(names.length / 2);
  return { kind: "and", left: allOf(names.slice(0, middle)), right: allOf(names.slice(middle)) };
}

function parse(text: string, names: readonly string[]): ConditionNode {
  refuseLongText(text);
  const end: ConditionToken = { kind: "end", text: "the end", at: text.length };
  const reader = new TokenReader(readTokens(text, names), end);
  const grammar: Grammar<ConditionNode> = {
    operand: () => readOperand(reader, grammar, names),
    infix(least) {
      const token = reader.current;
      const precedence =
        token.kind === "sign" && Object.hasOwn(precedences, token.text) ? precedences[token.text] : undefined;
      if (precedence === undefined || precedence < least) return undefined;
      reader.advance();
      const kind = token.text === "&&" ? "and" : "or";
      return {
        name: token.text,
        rightPrecedence: precedence + 1,
        join: (left, right) => ({ kind, left, right: right() }),
      };
    },
  };
  const tree = climb(grammar, 0);
  if (reader.current.kind !== "end") throw unexpected(reader.current, 'an "&&" or "||" is missing before');
  return tree;
}

/** The longest dependency name that stands here, if it ends where a word ends; so names may hold any sign. */
function knownName(text: string, at: number, names: readonly string[]): string | undefined {
  const found = names.filter((name) => name !== "" && text.startsWith(name, at) && isBoundary(text, at + name.length));
  return found.sort((a, b) => b.length - a.length)[0];
}

function isBoundary(text: string, at: number): boolean {
  return /^(?:$|[\s()&|!,])/.test(text.slice(at, at + 1));
}

function readTokens(text: string, names: readonly string[]): ConditionToken[] {
  const tokens: ConditionToken[] = [];
  const sign = /&&|\|\||[()&|!,]/y;
  const word = /[^\s()&|!,]+/y;
  for (let at = 0; at < text.length; ) {
    sign.lastIndex = at;
    word.lastIndex = at;
    const name = knownName(text, at, names);
    const found = name ?? sign.exec(text)?.[0] ?? word.exec(text)?.[0];
    if (found === undefined) at += 1;
    else {
      const isSign = name === undefined && /^[()&|!,]/.test(found);
      tokens.push({ kind: isSign ? "sign" : "name", text: found, at });
      at += found.length;
    }
  }
  return tokens;
}

function readOperand(
  reader: TokenReader<ConditionToken>,
  grammar: Grammar<ConditionNode>,
  names: readonly string[],
): ConditionNode {
  const token = reader.advance();
  if (token.kind === "name") {
    return { kind: "dependency", name: resolve(token, names) };
  }
  if (token.text !== "(") throw unexpected(token, "a dependency is missing before");
  const inner = reader.nested(() => climb(grammar, 0));
  if (reader.current.text !== ")" || reader.current.kind !== "sign")
    throw unexpected(reader.current, 'a ")" is missing before');
  reader.advance();
  return inner;
}

/** The name itself, or else the only one that it is with `_` for `-`: the peer takes one for the other. */
function resolve(token: ConditionToken, names: readonly string[]): string {
  if (names.includes(token.text)) return token.text;
  const plain = token.text.replaceAll("-", "_");
  const [found, ...more] = names.filter((name) => name.replaceAll("-", "_") === plain);
  if (found !== undefined && more.length === 0) return found;
  throw unknownName(token, names);
}

function hintFor(text: string): string | undefined {
  const key = text.toLowerCase();
  return Object.hasOwn(hints, key) ? hints[key] : undefined;
}

function unexpected(token: ConditionToken, complaint: string): Error {
  const hint = hintFor(token.text);
  if (hint !== undefined) return invalid(`"${token.text}" is no operator of conditions: ${hint}`, token.at);
  return invalid(`${complaint} ${token.kind === "end" ? token.text : `"${token.text}"`}`, token.at);
}

function unknownName(token: ConditionToken, names: readonly string[]): Error {
  const hint = hintFor(token.text);
  if (hint !== undefined) return invalid(`"${token.text}" is no operator of conditions: ${hint}`, token.at);
  const meant = didYouMean(token.text, names);
  return invalid(
    `there is no dependency "${token.text}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`,
    token.at,
  );
}

function collectNames(node: ConditionNode, into: Set<string>): void {
  if (node.kind === "dependency") into.add(node.name);
  else {
    collectNames(node.left, into);
    collectNames(node.right, into);
  }
}

function hasAnd(node: ConditionNode): boolean {
  return node.kind === "and" || (node.kind === "or" && (hasAnd(node.left) || hasAnd(node.right)));
}

function holds(node: ConditionNode, have: (name: string) => boolean): boolean {
  if (node.kind === "dependency") return have(node.name);
  if (node.kind === "and") return holds(node.left, have) && holds(node.right, have);
  return holds(node.left, have) || holds(node.right, have);
}
