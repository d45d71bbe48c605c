import { ExpressionError } from "../fault.ts";
import { failed, valueRegex } from "../pratt.ts";
import { builtins } from "./builtins.ts";
import { callWithClosure } from "./closures.ts";
import type { BinaryNode, CallNode, MemberNode, Node } from "./nodes.ts";
import { binary } from "./operators.ts";
import { type Run, test } from "./run.ts";
import { GoDuration, GoTime, method } from "./times.ts";
import { FunctionValue, fetch, isMap, isNil, lengthOf, rangeOf, slice, toInt, toText, typeText } from "./values.ts";

/** Where a `?.` met nil: everything up to the end of the chain is nil. */
const broken = Symbol("nil in a chain");

export function evaluate(node: Node, run: Run): unknown {
  run.budget.step();
  switch (node.kind) {
    case "nil":
      return null;
    case "bool":
    case "int":
    case "float":
    case "string":
      return node.value;
    case "identifier":
      return identifier(node.name, run);
    case "unary":
      return unary(node.operator, evaluate(node.operand, run));
    case "binary":
      return evaluateBinary(node, run);
    case "inStrings": {
      const needle = evaluate(node.left, run);
      if (needle !== null && typeof needle !== "string")
        throw failed(`a ${typeText(needle)} cannot be in a list of strings`);
      return node.values.has(needle ?? "");
    }
    case "chain": {
      const value = evaluate(node.node, run);
      return value === broken ? null : value;
    }
    case "member":
      return member(node, run);
    case "slice": {
      const from = evaluate(node.node, run);
      const end = node.to === undefined ? BigInt(lengthOf(from)) : evaluate(node.to, run);
      return sized(slice(from, node.from === undefined ? 0n : evaluate(node.from, run), end), run);
    }
    default:
      return evaluateLarge(node, run);
  }
}

function evaluateLarge(node: Node, run: Run): unknown {
  switch (node.kind) {
    case "call":
      return call(node, run);
    case "builtin": {
      const builtin = builtins.get(node.name);
      if (builtin === undefined) return callWithClosure(node, run, evaluate);
      const args = node.args.map((arg) => scanned(evaluate(arg, run), run));
      return sized(builtin(args, run), run);
    }
    case "pointer":
      return pointer(node.name, run);
    case "let": {
      run.variables.push({ name: node.name, value: evaluate(node.value, run) });
      const value = evaluate(node.body, run);
      run.variables.pop();
      return value;
    }
    case "conditional":
      return evaluate(test(evaluate(node.test, run), "?") ? node.yes : node.no, run);
    case "array":
      if (!node.constant) run.budget.elements(node.items.length);
      return node.items.map((item) => evaluate(item, run));
    case "map":
      return mapLiteral(node.pairs, run);
    default:
      throw failed(`${node.kind} cannot be evaluated`);
  }
}

/** Looking through a long text costs by its length. */
function scanned(value: unknown, { budget }: Run): unknown {
  if (typeof value === "string" || Array.isArray(value)) budget.scan(value.length);
  else if (isMap(value)) budget.scan(lengthOf(value));
  return value;
}

function sized(value: unknown, { budget }: Run): unknown {
  if (typeof value === "string") budget.text(value.length);
  else if (Array.isArray(value)) budget.scan(value.length);
  return value;
}

/** A variable, then the environment, in which the data's own keys hide functions; anything else is nil. */
function identifier(name: string, run: Run): unknown {
  const variable = run.variables.findLast((candidate) => candidate.name === name);
  if (variable !== undefined) return variable.value;
  return name === "$env" ? run.env : (run.env.get(name) ?? null);
}

function unary(operator: string, value: unknown): unknown {
  if (operator === "!" || operator === "not") return !test(value, operator);
  if (operator === "+") return value;
  if (typeof value === "bigint") return BigInt.asIntN(64, -value);
  if (typeof value === "number") return -value;
  if (value instanceof GoDuration) return new GoDuration(-value.ns);
  throw failed(`- cannot be used with a ${typeText(value)}`);
}

function evaluateBinary(node: BinaryNode, run: Run): unknown {
  const { operator } = node;
  const left = evaluate(node.left, run);
  switch (operator) {
    // The right side is the result as it is: expr does not ask whether it is a bool.
    case "and":
    case "&&":
      return test(left, operator) ? evaluate(node.right, run) : false;
    case "or":
    case "||":
      return test(left, operator) || evaluate(node.right, run);
    case "??":
      return isNil(left) ? evaluate(node.right, run) : left;
    case "matches": {
      const text = toText(scanned(left, run));
      if (node.regex !== undefined) return node.regex(text);
      return valueRegex(toText(scanned(evaluate(node.right, run), run)))(text);
    }
    case "..":
      return node.constant ?? range(toInt(left), toInt(evaluate(node.right, run)), run);
    default: {
      const inRange = operator === "in" ? inLiteralRange(left, node) : undefined;
      if (inRange !== undefined) return inRange;
      return compute(operator, scanned(left, run), scanned(evaluate(node.right, run), run), run);
    }
  }
}

function compute(operator: string, left: unknown, right: unknown, run: Run): unknown {
  const operation = binary.get(operator);
  if (operation === undefined) throw failed(`there is no operator ${operator}`);
  return sized(operation(left, right), run);
}

function range(from: bigint, to: bigint, { budget }: Run): readonly bigint[] {
  // Go's size of the range wraps around: from 1 to the least integer there is no empty range but too large a one.
  budget.elements(Math.max(Number(BigInt.asIntN(64, to - from + 1n)), 0));
  return rangeOf(from, to);
}

/** `x in 1..1000000` without making the range; undefined where the right side is anything else. */
function inLiteralRange(value: unknown, { right }: BinaryNode): boolean | undefined {
  if (right.kind !== "binary" || right.operator !== ".." || right.left.kind !== "int" || right.right.kind !== "int") {
    return undefined;
  }
  if (typeof value !== "bigint" && !(typeof value === "number" && Number.isInteger(value))) return false;
  return value >= right.left.value && value <= right.right.value;
}

function member(node: MemberNode, run: Run): unknown {
  const from = evaluate(node.node, run);
  if (from === broken || (node.optional && isNil(from))) return broken;
  const key = evaluate(node.property, run);
  if (!(from instanceof GoTime || from instanceof GoDuration)) return sizedByte(from, key, run);
  const found = typeof key === "string" ? method(from, key) : undefined;
  if (found === undefined) throw failed(`a ${typeText(from)} has no method ${String(key)}() here`);
  return new FunctionValue(found);
}

/** An index into a string has to look at all of its bytes. */
function sizedByte(from: unknown, key: unknown, run: Run): unknown {
  if (typeof from === "string") run.budget.scan(from.length);
  return fetch(from, key);
}

function call(node: CallNode, run: Run): unknown {
  const callee = calledFunction(node.callee, run);
  if (callee === broken) return broken;
  if (!(callee instanceof FunctionValue)) throw failed(`a ${typeText(callee)} cannot be called`);
  const args = node.args.map((arg) => scanned(evaluate(arg, run), run));
  try {
    return sized(callee.call(args) ?? null, run);
  } catch (error) {
    if (error instanceof ExpressionError) throw error;
    throw failed("the function failed", { cause: error });
  }
}

function calledFunction(callee: Node, run: Run): unknown {
  if (callee.kind === "identifier" && !run.variables.some(({ name }) => name === callee.name)) {
    const found = run.functions.get(callee.name);
    if (found !== undefined) return found;
  }
  if (callee.kind === "member" && callee.node.kind === "identifier" && callee.property.kind === "string") {
    const found = run.functions.get(`${callee.node.name}.${callee.property.value}`);
    if (found !== undefined) return found;
  }
  return evaluate(callee, run);
}

function pointer(name: string, run: Run): unknown {
  const turn = run.turns.at(-1);
  if (turn === undefined) throw failed("# means something only inside a closure");
  if (name === "index") return BigInt(turn.index);
  return name === "acc" ? turn.accumulator : turn.at(turn.index);
}

/** Of two equal keys the first stays, as in expr. */
function mapLiteral(pairs: readonly { readonly key: Node; readonly value: Node }[], run: Run): Map<string, unknown> {
  run.budget.elements(pairs.length);
  const map = new Map<string, unknown>();
  for (const pair of pairs) {
    const key = toText(evaluate(pair.key, run));
    const value = evaluate(pair.value, run);
    if (!map.has(key)) map.set(key, value);
  }
  return map;
}
