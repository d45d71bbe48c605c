import { GO_TYPES, type GoInt, GoMap, type GoValue, int, type ParamType, typeName } from "../go-value.ts";
import { failure, type Run } from "./faults.ts";
import { type Operand, operandText } from "./nodes.ts";

export function failAt(run: Run, node: Operand, why: string): never {
  throw failure(run, { pos: node.pos, text: operandText(node) }, why);
}

type Literal = Operand & { readonly kind: "bool" | "string" | "number" };

/** A literal where any type will do. */
export function literalValue(run: Run, node: Literal): GoValue {
  if (node.kind !== "number") return node.value;
  if (node.ideal === "overflow") failAt(run, node, `${node.text} overflows int`);
  return node.ideal === "int" && node.int !== undefined ? int(node.int) : node.float;
}

/** A literal where a type is asked for. */
export function evalLiteral(run: Run, node: Literal, type: ParamType): GoValue {
  if (type === "any" || type === "value") return literalValue(run, node);
  const text = operandText(node);
  switch (type) {
    case "bool":
      return node.kind === "bool" ? node.value : failAt(run, node, `expected bool; found ${text}`);
    case "string":
      return node.kind === "string" ? node.value : failAt(run, node, `expected string; found ${text}`);
    case "float64":
      return node.kind === "number" ? node.float : failAt(run, node, `expected float; found ${text}`);
    case "int":
    case "int64":
    case "duration":
      if (node.kind !== "number" || node.int === undefined) return failAt(run, node, `expected integer; found ${text}`);
      return intArg(node.int, type);
    default:
      return failAt(run, node, `can't handle ${text} for arg of type ${GO_TYPES[type]}`);
  }
}

/** Functions take an int as a number and an int64 as a bigint; neither is a GoValue of its own. */
function intArg(value: bigint, type: "int" | "int64" | "duration"): GoValue {
  return type === "int" ? Number(value) : (value as unknown as GoValue);
}

/** Go's assignability, and the change of shape that functions expect. */
export function checkType(
  run: Run,
  node: Operand,
  given: { readonly value: GoValue; readonly type: ParamType },
): GoValue {
  const { value, type } = given;
  if (type === "any" || type === "value") return value ?? null;
  if (value === undefined) {
    if (type === "dict") return new GoMap("interface {}", { isNil: true });
    failAt(run, node, `invalid value; expected ${GO_TYPES[type]}`);
  }
  switch (type) {
    case "string":
      if (typeof value === "string") return value;
      break;
    case "float64":
      if (typeof value === "number") return value;
      break;
    case "bool":
      if (typeof value === "boolean") return value;
      break;
    case "dict":
      if (value instanceof GoMap && value.elem === "interface {}") return value;
      break;
    case "int":
    case "int64":
    case "duration":
      if (isInt(value) && value.type === GO_TYPES[type]) return intArg(value.value, type);
      break;
    default:
      if (typeName(value) === GO_TYPES[type]) return value;
  }
  return failAt(run, node, `wrong type for value; expected ${GO_TYPES[type]}; got ${typeName(value)}`);
}

function isInt(value: GoValue): value is GoInt {
  return typeof value === "object" && value !== null && value.go === "int";
}
