import { invalid, literalRegex } from "../pratt.ts";
import type { BinaryNode, BuiltinNode, MemberNode, Node } from "./nodes.ts";
import { callType, closureBuiltins, isBuiltin } from "./signatures.ts";
import { methodNames } from "./times.ts";
import {
  any,
  array,
  bool,
  duration,
  float,
  int,
  isAny,
  isAssignable,
  isComparable,
  isNumber,
  map,
  nil,
  string,
  type Type,
  time,
  typeName,
} from "./types.ts";

/** A type, and for an array literal what all its elements are. */
interface Checked {
  readonly type: Type;
  readonly elem?: Type;
}

interface Scopes {
  readonly variables: ReadonlyMap<string, Checked>;
  readonly closures: readonly { readonly elem: Type; readonly names: readonly string[] }[];
}

const top: Scopes = { variables: new Map(), closures: [] };

/**
 * expr's checker without a declared environment: identifiers are `any`, literals and results of built-ins have types, and
 * what cannot work is EXPRESSION_INVALID at load. Arguments of calls that are not built-ins stay unchecked, as there.
 */
export function checkTypes(node: Node): void {
  visit(node, top);
}

function typeOf(node: Node, scopes: Scopes): Type {
  return visit(node, scopes).type;
}

function visit(node: Node, scopes: Scopes): Checked {
  switch (node.kind) {
    case "nil":
      return { type: nil };
    case "bool":
    case "int":
    case "float":
    case "string":
      return { type: { kind: node.kind } };
    case "identifier":
      return scopes.variables.get(node.name) ?? { type: node.name === "$env" ? map : any };
    case "unary":
      return { type: unaryType(node.operator, typeOf(node.operand, scopes), node.at) };
    case "binary":
      return { type: binaryType(node, scopes) };
    case "chain":
      return visit(node.node, scopes);
    case "member":
      return { type: memberType(node, scopes) };
    case "slice":
      return { type: sliceType(node, scopes) };
    case "call":
      return { type: calleeType(node.callee, scopes) };
    case "builtin":
      return { type: isBuiltin(node.name) ? simpleCall(node, scopes) : closureCall(node, scopes) };
    case "pointer":
      return { type: pointerType(node.name, scopes, node.at) };
    case "let":
      return letType(node, scopes);
    case "conditional":
      return { type: conditionalType(node, scopes) };
    case "array":
      return arrayType(node.items, scopes);
    case "map":
      for (const { key, value } of node.pairs) {
        visit(key, scopes);
        visit(value, scopes);
      }
      return { type: map };
    case "inStrings":
      return { type: bool };
  }
}

function unaryType(operator: string, type: Type, at: number): Type {
  if (operator === "!" || operator === "not") {
    if (type.kind === "bool" || isAny(type)) return bool;
  } else if (isNumber(type) || isAny(type)) return type;
  throw invalid(`${operator} cannot be used with ${typeName(type)}`, at);
}

/** One side is `any` and the other fits, or both are `any`. */
function loose(left: Type, right: Type, ...kinds: Type["kind"][]): boolean {
  if (isAny(left)) return isAny(right) || kinds.includes(right.kind);
  return isAny(right) && kinds.includes(left.kind);
}

function binaryType(node: BinaryNode, scopes: Scopes): Type {
  const left = typeOf(node.left, scopes);
  const right = visit(node.right, scopes);
  if (node.operator === "matches" && node.right.kind === "string") literalRegex(node.right.value, node.right.at);
  const type =
    node.operator === "in"
      ? containment(left, right, node.at)
      : (comparison(node.operator, left, right.type) ?? arithmetic(node.operator, left, right.type));
  if (type !== undefined) return type;
  throw invalid(`${node.operator} cannot be used with ${typeName(left)} and ${typeName(right.type)}`, node.at);
}

function both(left: Type, right: Type, kind: Type["kind"]): boolean {
  return left.kind === kind && right.kind === kind;
}

function comparison(operator: string, left: Type, right: Type): Type | undefined {
  switch (operator) {
    case "==":
    case "!=":
      return isComparable(left, right) ? bool : undefined;
    case "or":
    case "||":
    case "and":
    case "&&":
      return both(left, right, "bool") || loose(left, right, "bool") ? bool : undefined;
    case "<":
    case ">":
    case ">=":
    case "<=": {
      const same = (isNumber(left) && isNumber(right)) || both(left, right, "string") || both(left, right, "time");
      return same || loose(left, right, "int", "float", "string", "time", "duration") ? bool : undefined;
    }
    case "matches":
    case "contains":
    case "startsWith":
    case "endsWith":
      return both(left, right, "string") || loose(left, right, "string") ? bool : undefined;
    case "??":
      if (left.kind === "nil") return right;
      return right.kind === "nil" || isAssignable(right, left) ? left : any;
    default:
      return undefined;
  }
}

function combined(left: Type, right: Type): Type {
  if (left.kind === right.kind) return left;
  return left.kind === "float" || right.kind === "float" ? float : int;
}

function arithmetic(operator: string, left: Type, right: Type): Type | undefined {
  const numbers = isNumber(left) && isNumber(right);
  const pair = `${left.kind} ${right.kind}`;
  switch (operator) {
    case "+":
      if (numbers) return combined(left, right);
      if (pair === "string string") return string;
      if (pair === "time duration" || pair === "duration time") return time;
      return loose(left, right, "int", "float", "string", "time", "duration") ? any : undefined;
    case "-":
      if (numbers) return combined(left, right);
      if (pair === "time time") return duration;
      if (pair === "time duration") return time;
      return loose(left, right, "int", "float", "time", "duration") ? any : undefined;
    case "*":
      if (numbers) return combined(left, right);
      return loose(left, right, "int", "float", "duration") ? any : undefined;
    case "/":
    case "**":
    case "^":
      return numbers || loose(left, right, "int", "float", "duration") ? float : undefined;
    case "%":
      if (numbers && left.kind !== "float" && right.kind !== "float") return int;
      return loose(left, right, "int", "duration") ? any : undefined;
    case "..":
      return pair === "int int" || loose(left, right, "int") ? { kind: "array", elem: int } : undefined;
    default:
      return undefined;
  }
}

function containment(left: Type, { type, elem }: Checked, at: number): Type | undefined {
  if (type.kind === "map") {
    if (left.kind === "nil" || isAny(left) || type.key === "any" || left.kind === "string") return bool;
    throw invalid(`a key cannot be a ${typeName(left)}`, at);
  }
  if (type.kind === "array") {
    if (isComparable(left, type.elem) && (elem === undefined || isComparable(left, elem))) return bool;
    throw invalid(`a ${typeName(left)} is never in this list`, at);
  }
  if (isAny(type) || (isAny(left) && type.kind === "string")) return bool;
  return undefined;
}

/** All other methods give whole numbers. */
const methodResults: Readonly<Record<string, Type>> = {
  Hours: float,
  Minutes: float,
  Seconds: float,
  Abs: duration,
  String: string,
  UTC: time,
};

function memberType(node: MemberNode, scopes: Scopes): Type {
  const base = typeOf(node.node, scopes);
  const property = typeOf(node.property, scopes);
  const fits = isAny(property) || property.kind === "nil";
  if (base.kind === "any") return any;
  if (base.kind === "map" && (fits || base.key === "any" || property.kind === "string")) return base.elem;
  if (base.kind === "array" && (isAny(property) || property.kind === "int")) return base.elem;
  const method = node.property.kind === "string" ? node.property.value : undefined;
  if ((base.kind === "time" || base.kind === "duration") && method && methodNames(base.kind).includes(method))
    return { kind: "method", result: methodResults[method] ?? int };
  throw invalid(`nothing can be fetched from a ${typeName(base)} with a ${typeName(property)}`, node.at);
}

function sliceType(node: Extract<Node, { kind: "slice" }>, scopes: Scopes): Type {
  const type = typeOf(node.node, scopes);
  if (type.kind !== "any" && type.kind !== "string" && type.kind !== "array") {
    throw invalid(`a ${typeName(type)} cannot be sliced`, node.at);
  }
  for (const bound of [node.from, node.to]) {
    if (bound === undefined) continue;
    const found = typeOf(bound, scopes);
    if (!isAny(found) && found.kind !== "int") throw invalid(`a bound cannot be a ${typeName(found)}`, bound.at);
  }
  return type;
}

function calleeType(callee: Node, scopes: Scopes): Type {
  const type = typeOf(callee, scopes);
  if (isAny(type)) return any;
  if (type.kind === "method") return type.result;
  throw invalid(`a ${typeName(type)} cannot be called`, callee.at);
}

function simpleCall(node: BuiltinNode, scopes: Scopes): Type {
  const args = node.args.map((arg) => typeOf(arg, scopes));
  const type = callType(node.name, args);
  if (typeof type === "string") throw invalid(`${node.name} ${type}`, node.at);
  const [from, key] = args;
  if (node.name !== "get" || from === undefined || key === undefined || isAny(key)) return type;
  const wanted = from.kind === "array" ? "int" : from.kind === "map" && from.key === "string" ? "string" : key.kind;
  if (!isAny(from) && key.kind !== wanted) throw invalid(`get does not take a ${typeName(key)} here`, node.at);
  return type;
}

const withNames: Readonly<Record<string, readonly string[]>> = { map: ["index"], reduce: ["index", "acc"] };

function closureCall(node: BuiltinNode, scopes: Scopes): Type {
  const [source, closure, initial] = node.args;
  if (source === undefined || closure === undefined) throw invalid(`${node.name} takes a list and a closure`, node.at);
  const list = typeOf(source, scopes);
  if (list.kind !== "array" && !isAny(list))
    throw invalid(`${node.name} takes a list, not a ${typeName(list)}`, source.at);
  const elem = list.kind === "array" ? list.elem : any;
  const names = Object.hasOwn(withNames, node.name) ? (withNames[node.name] ?? []) : [];
  const result = typeOf(closure, { ...scopes, closures: [...scopes.closures, { elem, names }] });
  if (result.kind === "nil") throw invalid("a closure cannot be nil", closure.at);
  if (initial !== undefined) visit(initial, scopes);
  if (node.name === "map") return { kind: "array", elem: result };
  if (node.name === "reduce") return result;
  if (node.name === "groupBy") return { kind: "map", key: "any", elem: array };
  if (result.kind !== "bool" && !isAny(result))
    throw invalid(`the closure must be a bool, not a ${typeName(result)}`, closure.at);
  if (node.name === "filter") return { kind: "array", elem };
  if (node.name === "find" || node.name === "findLast") return elem;
  return node.name === "count" || node.name.endsWith("Index") ? int : bool;
}

function pointerType(name: string, scopes: Scopes, at: number): Type {
  const closure = scopes.closures.at(-1);
  if (closure === undefined) throw invalid("# means something only inside a closure", at);
  if (name === "") return closure.elem;
  if (!closure.names.includes(name)) throw invalid(`there is no #${name} here`, at);
  return name === "index" ? int : any;
}

function letType(node: Extract<Node, { kind: "let" }>, scopes: Scopes): Checked {
  if (isBuiltin(node.name) || closureBuiltins.has(node.name)) throw invalid(`${node.name} is a built-in`, node.at);
  if (scopes.variables.has(node.name)) throw invalid(`${node.name} is already set`, node.at);
  const value = visit(node.value, scopes);
  return visit(node.body, { ...scopes, variables: new Map([...scopes.variables, [node.name, value]]) });
}

function conditionalType(node: Extract<Node, { kind: "conditional" }>, scopes: Scopes): Type {
  const test = typeOf(node.test, scopes);
  if (test.kind !== "bool" && !isAny(test))
    throw invalid(`a condition must be a bool, not a ${typeName(test)}`, node.test.at);
  const yes = typeOf(node.yes, scopes);
  const no = typeOf(node.no, scopes);
  if (yes.kind === "nil") return no;
  return no.kind === "nil" || isAssignable(yes, no) ? yes : any;
}

function arrayType(items: readonly Node[], scopes: Scopes): Checked {
  const types = items.map((item) => typeOf(item, scopes));
  const [first] = types;
  const last = types.at(-1);
  const same = types.every((type) => type.kind === first?.kind && (types.length === 1 || type.kind !== "nil"));
  return last !== undefined && same && last.kind !== "nil" ? { type: array, elem: last } : { type: array };
}
