import type { Expression, Variable } from "./ast.ts";
import type { Eval, Frame, Site } from "./frame.ts";
import { modulo } from "./numbers.ts";
import { arithmetic, equals, lessOrEqual, lessThan } from "./operations.ts";
import { LuaTable } from "./table.ts";
import type { LuaValue } from "./values.ts";

/** Where an operation stands, for its errors. */
export function siteOf(node: { readonly line: number; readonly position: number }, name = "(anonymous)"): Site {
  return { line: node.line, position: node.position, name };
}

/** Gives a local its value; one that closures hold on to gets a new cell each time its declaration runs. */
export function declaring(variable: Variable): (frame: Frame, value: LuaValue) => void {
  const { slot } = variable;
  if (!variable.captured) {
    return (frame, value) => {
      frame.slots[slot] = value;
    };
  }
  return (frame, value) => {
    frame.machine.grow(32);
    frame.cells[slot] = { value };
  };
}

type ArithmeticNode = Expression & { kind: "arithmetic" };
type Compile = (node: Expression) => Eval;

/**
 * Both sides. The peer keeps locals in registers: one that is the left side of an operation is read when the operation
 * runs, after the right side, whose calls may have changed it.
 */
function sides(node: { readonly left: Expression; readonly right: Expression }, compile: Compile) {
  const left = compile(node.left);
  const right = compile(node.right);
  const late = node.left.kind === "local" && node.left.variable.captured && node.right.kind !== "constant";
  return { left, right, late };
}

export function compileArithmetic(node: ArithmeticNode, compile: Compile): Eval {
  const { left, right, late } = sides(node, compile);
  const site = siteOf(node);
  const { operator } = node;
  const slow: (frame: Frame, a: LuaValue, b: LuaValue) => LuaValue = (frame, a, b) => {
    frame.machine.at(site);
    return arithmetic(frame.machine, operator, a, b);
  };
  if (late) {
    return (frame) => {
      const b = right(frame);
      return slow(frame, left(frame), b);
    };
  }
  switch (operator) {
    case "add":
      return (frame) => {
        const a = left(frame);
        const b = right(frame);
        return typeof a === "number" && typeof b === "number" ? a + b : slow(frame, a, b);
      };
    case "sub":
      return (frame) => {
        const a = left(frame);
        const b = right(frame);
        return typeof a === "number" && typeof b === "number" ? a - b : slow(frame, a, b);
      };
    case "mul":
      return (frame) => {
        const a = left(frame);
        const b = right(frame);
        return typeof a === "number" && typeof b === "number" ? a * b : slow(frame, a, b);
      };
    case "mod":
      return (frame) => {
        const a = left(frame);
        const b = right(frame);
        return typeof a === "number" && typeof b === "number" ? modulo(a, b) : slow(frame, a, b);
      };
    default:
      return (frame) => {
        const a = left(frame);
        return slow(frame, a, right(frame));
      };
  }
}

export function compileComparison(node: Expression & { kind: "compare" }, compile: Compile): Eval {
  const { left, right, late } = sides(node, compile);
  const site = siteOf(node);
  const { operator } = node;
  if (operator === "==" || operator === "~=") {
    const wanted = operator === "==";
    if (node.right.kind === "constant" && String(node.right.value).length < 256) {
      const { value } = node.right;
      return (frame) => (left(frame) === value) === wanted;
    }
    return (frame) => {
      const early = late ? undefined : left(frame);
      const b = right(frame);
      const a = late ? left(frame) : early;
      if (typeof a !== "string" && !(a instanceof LuaTable)) return (a === b) === wanted;
      frame.machine.at(site);
      return equals(frame.machine, a, b) === wanted;
    };
  }
  const swapped = operator === ">" || operator === ">=";
  const compare = operator === "<" || operator === ">" ? lessThan : lessOrEqual;
  return (frame) => {
    const early = late ? undefined : left(frame);
    const b = right(frame);
    const a = late ? left(frame) : early;
    frame.machine.at(site);
    return swapped ? compare(frame.machine, b, a) : compare(frame.machine, a, b);
  };
}
