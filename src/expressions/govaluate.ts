import { ExpressionError } from "./fault.ts";
import { type GovaluateToken, type Kind, readTokens } from "./govaluate/lexer.ts";
import { asBool, asNumber, asText, binary, Pattern, toInt64 } from "./govaluate/operators.ts";
import {
  climb,
  failed,
  type Grammar,
  invalid,
  literalRegex,
  type Matcher,
  TokenReader,
  unsupported,
  valueRegex,
} from "./pratt.ts";

/** An expression of a sensor's `filters.exprs`, read and checked. */
export interface Govaluate {
  /** The parameters it names, each once, in the order of the text. */
  readonly names: readonly string[];
  /**
   * From here on the text is ignored, as govaluate does with what follows a complete expression such as `(a == 1) (b == 2)`.
   * Lint should warn of it.
   */
  readonly ignoredFrom: number | undefined;
  /** The value; a filter passes only on `true`. Throws EXPRESSION_FAILED when a parameter is missing or of a wrong type. */
  evaluate(parameters: ReadonlyMap<string, unknown>): unknown;
}

type Parameters = ReadonlyMap<string, unknown>;
type Evaluate = (parameters: Parameters) => unknown;
interface Plan {
  readonly evaluate: Evaluate;
}

const operand: readonly Kind[] = ["number", "bool", "name", "("];
const infix: readonly Kind[] = ["operator", "comparator", "logical", ")", "comma"];
const full: readonly Kind[] = [...operand, "prefix", "string", "time"];
const afterValue: readonly Kind[] = [...infix, "ternary"];

/** What may follow what; `(` may be followed by `)`, and `)` by a value that is then never read: both as govaluate has it. */
const follow: Readonly<Record<Kind | "start", readonly Kind[]>> = {
  start: full,
  "(": [...full, ")"],
  ")": [...afterValue, "number", "bool", "name", "string", "time", "("],
  number: afterValue,
  bool: afterValue,
  string: afterValue,
  time: infix,
  name: afterValue,
  operator: [...operand, "prefix", "string", ")"],
  comparator: [...full, ")"],
  logical: [...full, ")"],
  prefix: [...operand, ")"],
  ternary: [...full, "comma"],
  comma: full,
  end: [],
};
const mayEnd: ReadonlySet<Kind> = new Set<Kind>([")", "number", "bool", "string", "time", "name"]);

/** How tightly operators bind, from `,` to `**`; all of them join from the left, `**` too. */
const precedences: ReadonlyMap<string, number> = new Map(
  [
    [","],
    ["?", ":", "??"],
    ["||"],
    ["&&"],
    ["==", "!=", ">", "<", ">=", "<=", "=~", "!~", "in"],
    ["^", "&", "|"],
    [">>", "<<"],
    ["+", "-"],
    ["*", "/", "%"],
    ["**"],
  ].flatMap((level, index) => level.map((sign): [string, number] => [sign, index + 1])),
);

/**
 * Reads an expression of govaluate 9aa49832 as the Argo Events sensor uses it (reference 3.4, exprs): no functions, no
 * accessors. Throws EXPRESSION_INVALID or EXPRESSION_UNSUPPORTED with a position.
 */
export function compileGovaluate(text: string): Govaluate {
  const tokens = readTokens(text);
  const end: GovaluateToken = { kind: "end", text: "the end", at: text.length };
  const reader = new TokenReader(tokens, end);
  checkOrder(tokens, end);
  const plan = climb(grammar(reader, readPatterns(tokens)), 1) ?? missing;
  return {
    names: [...new Set(tokens.filter((token) => token.kind === "name").map((token) => token.text))],
    ignoredFrom: reader.current.kind === "end" ? undefined : reader.current.at,
    evaluate: (parameters) => guarded(plan, parameters),
  };
}

function guarded(plan: Plan, parameters: Parameters): unknown {
  try {
    return plan.evaluate(parameters);
  } catch (error) {
    if (error instanceof ExpressionError) throw error;
    throw failed("the expression could not be evaluated", { cause: error });
  }
}

function checkOrder(tokens: readonly GovaluateToken[], end: GovaluateToken): void {
  let depth = 0;
  for (const token of tokens) depth += token.kind === "(" ? 1 : token.kind === ")" ? -1 : 0;
  if (depth !== 0) throw invalid("the parentheses do not match", end.at);
  let before: GovaluateToken | undefined;
  for (const token of tokens) {
    if (!follow[before?.kind ?? "start"].includes(token.kind)) {
      if (before?.kind === "name" && token.kind === "(") {
        throw unsupported(`there are no functions, so ${before.text}(...) means nothing`, before.at);
      }
      throw invalid(`"${token.text}" cannot follow ${before ? `"${before.text}"` : "the start"}`, token.at);
    }
    before = token;
  }
  if (before === undefined || !mayEnd.has(before.kind)) throw invalid("the expression is not complete", end.at);
}

/** What stands where nothing was written, as in `(1 +)`: the type checks of the operators then refuse it. */
const missing: Plan = { evaluate: () => null };

type Patterns = ReadonlyMap<GovaluateToken, Pattern>;

/** A string literal straight behind `=~` or `!~` is a pattern, whatever operator follows it: `t =~ 'h' + 1` adds to it. */
function readPatterns(tokens: readonly GovaluateToken[]): Patterns {
  const patterns = new Map<GovaluateToken, Pattern>();
  for (const [index, token] of tokens.entries()) {
    const before = tokens[index - 1];
    if (token.kind !== "string" || before?.kind !== "comparator" || !/^[=!]~$/.test(before.text)) continue;
    patterns.set(token, new Pattern(token.text, literalRegex(token.text, token.at)));
  }
  return patterns;
}

function grammar(reader: TokenReader<GovaluateToken>, patterns: Patterns): Grammar<Plan> {
  const self: Grammar<Plan> = {
    operand: () => readOperand(reader, self, patterns),
    infix(least) {
      const { kind, text: name } = reader.current;
      const precedence = kind === "prefix" || kind === "name" || kind === "string" ? undefined : precedences.get(name);
      if (precedence === undefined || precedence < least) return undefined;
      reader.advance();
      return { name, rightPrecedence: precedence + 1, join: (left, right) => join(name, left, right()) };
    },
  };
  return self;
}

function readOperand(reader: TokenReader<GovaluateToken>, self: Grammar<Plan>, patterns: Patterns): Plan {
  const token = reader.current;
  if (token.kind === ")" || token.kind === "end") return missing;
  reader.advance();
  if (token.kind === "prefix") return prefix(token.text, readOperand(reader, self, patterns));
  if (token.kind === "name") return { evaluate: (parameters) => parameter(parameters, token.text) };
  if (token.kind === "(") {
    const { evaluate } = reader.nested(() => climb(self, 1));
    reader.advance();
    return { evaluate };
  }
  const value = patterns.get(token) ?? token.value;
  if (value === undefined) throw invalid(`"${token.text}" cannot stand here`, token.at);
  return { evaluate: () => value };
}

function parameter(parameters: Parameters, name: string): unknown {
  const value = parameters.get(name);
  if (value === undefined && !parameters.has(name)) throw failed(`there is no parameter "${name}"`);
  return value ?? null;
}

function prefix(sign: string, { evaluate }: Plan): Plan {
  if (sign === "!") return { evaluate: (parameters) => !asBool(evaluate(parameters), sign) };
  if (sign === "-") return { evaluate: (parameters) => -asNumber(evaluate(parameters), sign) };
  return { evaluate: (parameters) => Number(~toInt64(asNumber(evaluate(parameters), sign))) };
}

function join(sign: string, left: Plan, right: Plan): Plan {
  if (sign === "=~" || sign === "!~") return regex(sign, left, right);
  const lazy = decide(sign, left.evaluate, right.evaluate);
  if (lazy !== undefined) return { evaluate: lazy };
  const operator = binary.get(sign);
  if (operator === undefined) throw invalid(`"${sign}" is not an operator`, 0);
  return { evaluate: (parameters) => operator(left.evaluate(parameters), right.evaluate(parameters)) };
}

/**
 * The operators that leave their right side alone when the left decides. Both sides are evaluated before either is checked:
 * `5 && missing` complains of `missing`.
 */
function decide(sign: string, left: Evaluate, right: Evaluate): Evaluate | undefined {
  switch (sign) {
    case "&&":
    case "||":
      return (parameters) => {
        const first = left(parameters);
        if (first === (sign === "||")) return first;
        const second = right(parameters);
        asBool(first, sign);
        return asBool(second, sign);
      };
    case "?":
      return (parameters) => {
        const first = left(parameters);
        if (first === false) return null;
        const second = right(parameters);
        asBool(first, sign);
        return second;
      };
    // `a ? b : c` is `(a ? b) : c`, and `:` takes the right side when the left is nil, even if that was a value of b.
    case ":":
    case "??":
      return (parameters) => left(parameters) ?? right(parameters);
    default:
      return undefined;
  }
}

function regex(sign: string, left: Plan, right: Plan): Plan {
  const wanted = sign === "=~";
  return {
    evaluate(parameters) {
      const text = left.evaluate(parameters);
      const pattern = right.evaluate(parameters);
      const subject = asText(text, sign);
      const matches: Matcher = pattern instanceof Pattern ? pattern.matches : valueRegex(asText(pattern, sign));
      return matches(subject) === wanted;
    },
  };
}
