import { didYouMean } from "../lib/did-you-mean.ts";
import { Budget } from "./expr-lang/budget.ts";
import { floatOf, intOf } from "./expr-lang/builtins.ts";
import { checkTypes } from "./expr-lang/check.ts";
import { dataEnvironment, type Functions, functionEntries, withFunctions } from "./expr-lang/environment.ts";
import { evaluate } from "./expr-lang/evaluate.ts";
import { toGoJson } from "./expr-lang/json.ts";
import { childrenOf, type Node } from "./expr-lang/nodes.ts";
import { optimize } from "./expr-lang/optimize.ts";
import { parseExpr } from "./expr-lang/parser.ts";
import { builtinNames, closureBuiltins } from "./expr-lang/signatures.ts";
import { FunctionValue, print, toText, typeText } from "./expr-lang/values.ts";
import { ExpressionError } from "./fault.ts";
import { queryJsonPath } from "./jsonpath.ts";
import { failed, invalid, unsupported } from "./pratt.ts";

export interface ExprOptions {
  /**
   * The functions behind `sprig.name(...)`, without `env` and `expandenv`. Arguments and results are decoded JSON, with
   * bigints for Go's integers and Maps or plain objects for maps. Absent: `sprig` is EXPRESSION_UNSUPPORTED at load.
   */
  readonly sprig?: ReadonlyMap<string, (args: readonly unknown[]) => unknown>;
  /** Functions of sprig that are known and not offered: a call is EXPRESSION_UNSUPPORTED at load. */
  readonly unsupportedSprig?: ReadonlySet<string>;
  /** Unix milliseconds for `now()`. Absent: `now()` is EXPRESSION_UNSUPPORTED at load. */
  readonly nowMs?: () => number;
}

/** An expression of an event source's `filter.expression`, read and checked. */
export interface Expr {
  /**
   * Whether the event passes. `data` is the decoded JSON object: own keys of an object of any prototype, or a Map; numbers
   * are float64. Throws EXPRESSION_FAILED, also when the result is no bool or a budget is used up.
   */
  evaluate(data: unknown): boolean;
  /** The value itself: integers are bigints. */
  evaluateAny(data: unknown): unknown;
}

/**
 * Reads an expression of antonmedv/expr 1.15.5 as Argo Events evaluates it (reference 1.3). A plain identifier is always the
 * data's, also where a built-in has its name (`values.x` of a Redis stream, which upstream never evaluates); only a call is
 * a built-in. Throws EXPRESSION_INVALID or EXPRESSION_UNSUPPORTED with a position.
 */
export function compileExpr(text: string, options: ExprOptions = {}): Expr {
  const functions = environmentFunctions(options);
  const parsed = parseExpr(text);
  checkCalls(parsed, functions, options);
  checkTypes(parsed);
  const node = optimize(parsed);
  const compiled: Compiled = { node, functions, entries: functionEntries(functions), nowMs: options.nowMs };
  const evaluateAny = (data: unknown): unknown => run(compiled, data);
  return {
    evaluateAny,
    evaluate(data) {
      const result = evaluateAny(data);
      if (typeof result === "boolean") return result;
      throw failed(`the result is not a bool but a ${typeText(result)}: ${print(result).slice(0, 80)}`);
    },
  };
}

interface Compiled {
  readonly node: Node;
  readonly functions: Functions;
  readonly entries: ReadonlyMap<string, unknown>;
  readonly nowMs: (() => number) | undefined;
}

function run({ node, functions, entries, nowMs }: Compiled, data: unknown): unknown {
  try {
    const env = withFunctions(dataEnvironment(data), entries);
    return evaluate(node, { env, functions, budget: new Budget(), nowMs, variables: [], turns: [] });
  } catch (error) {
    if (error instanceof ExpressionError) throw error;
    // Data so deeply nested that walking them ends the stack.
    throw failed("the expression could not be evaluated", { cause: error });
  }
}

function environmentFunctions({ sprig }: ExprOptions): Functions {
  const functions = new Map<string, FunctionValue>([
    ["asInt", fixed("asInt", 1, ([value]) => intOf(value))],
    ["asFloat", fixed("asFloat", 1, ([value]) => floatOf(value))],
    ["toJson", fixed("toJson", 1, ([value]) => compactJson(value))],
    ["jsonpath", fixed("jsonpath", 2, ([json, path]) => queryJsonPath(toText(json), toText(path)))],
  ]);
  for (const [name, call] of sprig ?? []) functions.set(`sprig.${name}`, new FunctionValue(call));
  return functions;
}

function fixed(name: string, count: number, call: (args: readonly unknown[]) => unknown): FunctionValue {
  return new FunctionValue((args) => {
    if (args.length !== count)
      throw failed(`${name} takes ${count} argument${count === 1 ? "" : "s"}, not ${args.length}`);
    return call(args);
  });
}

/** Empty where the value has no JSON form, as in Argo Events. */
function compactJson(value: unknown): string {
  try {
    return toGoJson(value, "");
  } catch {
    return "";
  }
}

/** Finds calls that can never work before the first event comes: data hold no functions. */
function checkCalls(root: Node, functions: Functions, options: ExprOptions): void {
  const variables = new Set<string>();
  const pending: Node[] = [root];
  const calls: Extract<Node, { kind: "call" }>[] = [];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.kind === "let") variables.add(node.name);
    if (node.kind === "call") calls.push(node);
    if (node.kind === "builtin" && node.name === "now" && options.nowMs === undefined) {
      throw unsupported("now() is not available here: a filter decides the same way at every time", node.at);
    }
    pending.push(...childrenOf(node));
  }
  for (const { callee, at } of calls) checkCallee(callee, at, { functions, variables, options });
}

interface Known {
  readonly functions: Functions;
  readonly variables: ReadonlySet<string>;
  readonly options: ExprOptions;
}

function checkCallee(callee: Node, at: number, { functions, variables, options }: Known): void {
  if (callee.kind === "identifier") {
    if (functions.has(callee.name) || variables.has(callee.name)) return;
    throw unknownFunction(callee.name, [...functions.keys(), ...builtinNames(), ...closureBuiltins], at);
  }
  if (callee.kind !== "member" || callee.node.kind !== "identifier" || callee.node.name !== "sprig") return;
  if (variables.has("sprig") || callee.property.kind !== "string") return;
  const { value: name } = callee.property;
  if (options.sprig === undefined) throw unsupported(`sprig.${name} is not available here`, callee.node.at);
  if (name === "env" || name === "expandenv" || options.unsupportedSprig?.has(name)) {
    throw unsupported(`sprig.${name} is not available in filters`, at);
  }
  if (!functions.has(`sprig.${name}`)) throw unknownFunction(`sprig.${name}`, functions.keys(), at);
}

function unknownFunction(name: string, known: Iterable<string>, at: number): ExpressionError {
  const hint = didYouMean(name, known);
  return invalid(`there is no function ${name}${hint === undefined ? "" : `; did you mean ${hint}?`}`, at);
}
