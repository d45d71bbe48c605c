import { goPow, invalid, literalRegex } from "../pratt.ts";
import type { BinaryNode, BuiltinNode, Node } from "./nodes.ts";
import { rangeOf } from "./values.ts";

/**
 * Longest range of literals that is made at load and costs nothing later (expr: 1,000,000, which many ranges in one text
 * could make gigabytes of). A longer one meets the budget at evaluation, except on the right of `in`.
 */
const MAX_CONSTANT_RANGE = 10_000n;

/**
 * The rewritings of expr 1.15.5 that can be seen in a result: `x && false` is false without asking x, `filter(...)[0]` stops
 * at the first element, `#index` of a `map` over a `filter` counts the unfiltered list, a list of string literals is a set.
 * From the leaves up.
 */
export function optimize(node: Node): Node {
  switch (node.kind) {
    case "unary":
      return foldUnary(node.operator, { ...node, operand: optimize(node.operand) });
    case "binary":
      return optimizeBinary(node);
    case "chain":
      return { ...node, node: optimize(node.node) };
    case "member":
      return filterMember({ ...node, node: optimize(node.node), property: optimize(node.property) });
    case "slice":
      return {
        ...node,
        node: optimize(node.node),
        from: node.from && optimize(node.from),
        to: node.to && optimize(node.to),
      };
    case "call":
      return { ...node, callee: optimize(node.callee), args: node.args.map(optimize) };
    case "builtin":
      return optimizeBuiltin({ ...node, args: node.args.map(optimize) });
    case "let":
      return { ...node, value: optimize(node.value), body: optimize(node.body) };
    case "conditional":
      return { ...node, test: optimize(node.test), yes: optimize(node.yes), no: optimize(node.no) };
    case "array":
      return optimizeArray(node.items.map(optimize), node.at);
    case "map":
      return { ...node, pairs: node.pairs.map(({ key, value }) => ({ key: optimize(key), value: optimize(value) })) };
    default:
      return node;
  }
}

function optimizeArray(items: readonly Node[], at: number): Node {
  const literals = ["int", "float", "string", "bool"];
  const constant = items.length > 0 && items.every((item) => literals.includes(item.kind));
  return constant ? { kind: "array", at, items, constant } : { kind: "array", at, items };
}

function foldUnary(operator: string, node: Extract<Node, { kind: "unary" }>): Node {
  const { operand, at } = node;
  if (operator === "!" || operator === "not") {
    return operand.kind === "bool" ? { kind: "bool", at, value: !operand.value } : node;
  }
  if (operator === "+") return operand.kind === "int" || operand.kind === "float" ? operand : node;
  if (operand.kind === "int") return { kind: "int", at, value: BigInt.asIntN(64, -operand.value) };
  return operand.kind === "float" ? { kind: "float", at, value: -operand.value } : node;
}

function optimizeBinary(node: BinaryNode): Node {
  const { operator, at } = node;
  // Before folding: only what is written as a string literal counts.
  if (operator === "in" && node.right.kind === "array") {
    const strings = node.right.items.flatMap((item) => (item.kind === "string" ? [item.value] : []));
    if (strings.length > 0 && strings.length === node.right.items.length) {
      return { kind: "inStrings", at, left: optimize(node.left), values: new Set(strings) };
    }
  }
  const left = optimize(node.left);
  const right = optimize(node.right);
  if (operator === "matches" && node.right.kind === "string") {
    return { ...node, left, right, regex: literalRegex(node.right.value, node.right.at) };
  }
  if (operator === ".." && left.kind === "int" && right.kind === "int") {
    const isShort = right.value - left.value < MAX_CONSTANT_RANGE;
    return isShort ? { ...node, left, right, constant: rangeOf(left.value, right.value) } : { ...node, left, right };
  }
  return foldLogic(operator, left, right, at) ?? foldNumbers(operator, left, right, at) ?? { ...node, left, right };
}

function foldLogic(operator: string, left: Node, right: Node, at: number): Node | undefined {
  const a = left.kind === "bool" ? left.value : undefined;
  const b = right.kind === "bool" ? right.value : undefined;
  const isAnd = operator === "and" || operator === "&&";
  if (isAnd || operator === "or" || operator === "||") {
    if (a === isAnd) return right;
    if (b === isAnd) return left;
    return a === !isAnd || b === !isAnd ? { kind: "bool", at, value: !isAnd } : undefined;
  }
  if (operator === "+" && left.kind === "string" && right.kind === "string") {
    return { kind: "string", at, value: left.value + right.value };
  }
  if (operator !== "==") return undefined;
  if (left.kind === "int" && right.kind === "int") return { kind: "bool", at, value: left.value === right.value };
  if (left.kind === "string" && right.kind === "string") return { kind: "bool", at, value: left.value === right.value };
  return a === undefined || b === undefined ? undefined : { kind: "bool", at, value: a === b };
}

function foldNumbers(operator: string, left: Node, right: Node, at: number): Node | undefined {
  if (left.kind !== "int" && left.kind !== "float") return undefined;
  if (right.kind !== "int" && right.kind !== "float") return undefined;
  if (operator === "%" && left.kind === "int" && right.kind === "int") {
    if (right.value === 0n) throw invalid("division by zero", at);
    return { kind: "int", at, value: BigInt.asIntN(64, left.value % right.value) };
  }
  const [a, b] = [Number(left.value), Number(right.value)];
  if (operator === "/") return { kind: "float", at, value: a / b };
  if (operator === "**" || operator === "^") return { kind: "float", at, value: goPow(a, b) };
  if (operator !== "+" && operator !== "-" && operator !== "*") return undefined;
  if (left.kind === "int" && right.kind === "int") {
    return { kind: "int", at, value: BigInt.asIntN(64, compute(operator, left.value, right.value)) };
  }
  return { kind: "float", at, value: operator === "+" ? a + b : operator === "-" ? a - b : a * b };
}

function compute(operator: "+" | "-" | "*", a: bigint, b: bigint): bigint {
  return operator === "+" ? a + b : operator === "-" ? a - b : a * b;
}

function asFilter(node: Node | undefined): BuiltinNode | undefined {
  return node?.kind === "builtin" && node.name === "filter" ? node : undefined;
}

/** `filter(list, p)[0]` is `find`, `[-1]` is `findLast`; both fail where nothing is found. */
function filterMember(node: Extract<Node, { kind: "member" }>): Node {
  const filter = asFilter(node.node);
  if (filter === undefined || node.optional || node.property.kind !== "int") return node;
  if (node.property.value === 0n) return { ...filter, name: "find", throws: true };
  return node.property.value === -1n ? { ...filter, name: "findLast", throws: true } : node;
}

function optimizeBuiltin(node: BuiltinNode): Node {
  const filter = asFilter(node.args[0]);
  if (filter === undefined) return node;
  const [list, first] = filter.args;
  const [, second] = node.args;
  if (node.name === "filter" && list && first && second && filter.mapped === undefined) {
    return { ...node, args: [list, { kind: "binary", at: node.at, operator: "&&", left: first, right: second }] };
  }
  if (node.name === "map" && second && filter.mapped === undefined) return { ...filter, mapped: second };
  if (node.args.length !== 1) return node;
  if (node.name === "len") return { kind: "builtin", at: node.at, name: "count", args: filter.args };
  if (node.name === "first") return { ...filter, name: "find" };
  return node.name === "last" ? { ...filter, name: "findLast" } : node;
}
