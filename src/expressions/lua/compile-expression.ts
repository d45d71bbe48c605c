import type { CallNode, Expression, FunctionNode, TableItem } from "./ast.ts";
import { compileArithmetic, compileComparison, siteOf } from "./compile-operator.ts";
import type { Eval, EvalAll, Frame } from "./frame.ts";
import { concat, index, lengthOf, negate, rawSet } from "./operations.ts";
import { LuaTable } from "./table.ts";
import { type Cell, isTrue, LuaFunction, type LuaValue, type Prototype } from "./values.ts";

/** How the body of a function becomes code; the statements' side gives it. */
export type MakePrototype = (node: FunctionNode) => Prototype;

/** Code for one value of an expression. Nodes become closures, names are slots: nothing is looked up while it runs. */
export function compileExpression(node: Expression, make: MakePrototype): Eval {
  const compile = (each: Expression): Eval => compileExpression(each, make);
  switch (node.kind) {
    case "constant": {
      const { value } = node;
      return () => value;
    }
    case "local": {
      const { slot, captured } = node.variable;
      return captured ? (frame) => frame.cells[slot]?.value : (frame) => frame.slots[slot];
    }
    case "upvalue": {
      const at = node.index;
      return (frame) => frame.upvalues[at]?.value;
    }
    case "global":
      return compileGlobal(node.name, node);
    case "index":
      return compileIndex(node, make);
    case "call": {
      const all = compileCall(node, make);
      return (frame) => all(frame)[0];
    }
    case "vararg":
      return (frame) => frame.varargs[0];
    case "function":
      return compileClosure(node.made, make);
    case "table":
      return compileTable(node.items, node, make);
    case "arithmetic":
      return compileArithmetic(node, compile);
    case "compare":
      return compileComparison(node, compile);
    case "and":
    case "or":
      return compileLogic(node.kind, node.parts.map(compile));
    case "concat": {
      const parts = node.parts.map(compile);
      const site = siteOf(node);
      return (frame) => {
        const values: LuaValue[] = [];
        for (const part of parts) values.push(part(frame));
        frame.machine.at(site);
        return concat(frame.machine, values);
      };
    }
    default:
      return compileUnary(node.kind, node.operand, compile);
  }
}

function compileUnary(
  kind: "not" | "negate" | "length",
  operand: Expression,
  compile: (node: Expression) => Eval,
): Eval {
  const inner = compile(operand);
  if (kind === "not") return (frame) => !isTrue(inner(frame));
  if (kind === "negate" && operand.kind === "constant" && typeof operand.value === "number") {
    const value = -operand.value;
    return () => value;
  }
  const site = siteOf(operand);
  const slow = kind === "negate" ? negate : lengthOf;
  return (frame) => {
    const value = inner(frame);
    if (kind === "negate" && typeof value === "number") return -value;
    frame.machine.at(site);
    return slow(frame.machine, value);
  };
}

function compileGlobal(name: string, node: Expression): Eval {
  const site = siteOf(node);
  return ({ machine }) => {
    const value = machine.globals.hash?.get(name);
    if (value !== undefined || machine.globals.meta === undefined) return value;
    machine.at(site);
    return index(machine, machine.globals, name);
  };
}

function compileIndex(node: Expression & { kind: "index" }, make: MakePrototype): Eval {
  const object = compileExpression(node.object, make);
  const site = siteOf(node);
  if (node.key.kind === "constant" && typeof node.key.value === "string") {
    const name = node.key.value;
    return (frame) => {
      const value = object(frame);
      if (value instanceof LuaTable) {
        const found = value.hash?.get(name);
        if (found !== undefined || value.meta === undefined) return found;
      }
      frame.machine.at(site);
      return index(frame.machine, value, name);
    };
  }
  const key = compileExpression(node.key, make);
  // A local is read when it is needed, after the key: the key's calls may have changed it.
  const late = node.object.kind === "local";
  return (frame) => {
    const early = late ? undefined : object(frame);
    const at = key(frame);
    const value = late ? object(frame) : early;
    if (value instanceof LuaTable && value.meta === undefined) return value.get(at, frame.machine);
    frame.machine.at(site);
    return index(frame.machine, value, at);
  };
}

function compileLogic(kind: "and" | "or", parts: readonly Eval[]): Eval {
  const stopsAt = kind === "or";
  const [first, second] = parts;
  if (first !== undefined && second !== undefined && parts.length === 2) {
    return (frame) => {
      const value = first(frame);
      return isTrue(value) === stopsAt ? value : second(frame);
    };
  }
  return (frame) => {
    let value: LuaValue;
    for (const part of parts) {
      value = part(frame);
      if (isTrue(value) === stopsAt) return value;
    }
    return value;
  };
}

function compileClosure(node: FunctionNode, make: MakePrototype): Eval {
  const proto = make(node);
  const { captures } = node;
  const bytes = 64 + 16 * captures.length;
  return (frame) => {
    frame.machine.grow(bytes);
    const cells: Cell[] = [];
    for (const capture of captures) {
      const cell = "local" in capture ? frame.cells[capture.local.slot] : frame.upvalues[capture.upvalue];
      cells.push(cell ?? { value: undefined });
    }
    return new LuaFunction(proto, cells);
  };
}

/** As in the peer, entries with a key are set at once, items all together at the end (nil items count). */
function compileTable(items: readonly TableItem[], node: Expression, make: MakePrototype): Eval {
  const listed = items.filter((item) => item.key === undefined).map((item) => item.value);
  const bytes = 96 + listed.length * 16;
  const site = siteOf(node);
  if (listed.length === items.length) {
    const values = compileList(listed, make);
    return (frame) => {
      frame.machine.grow(bytes);
      return new LuaTable(values(frame));
    };
  }
  const last = items.at(-1);
  const rest = last === undefined || last.key !== undefined ? undefined : compileMulti(last.value, make);
  const steps = items.slice(0, rest === undefined ? items.length : -1).map(({ key, value }) => ({
    key: key === undefined ? undefined : compileExpression(key, make),
    value: compileExpression(value, make),
  }));
  const doubled = last?.key === undefined || !isMulti(last.value) ? undefined : last.key;
  return (frame) => {
    const { machine } = frame;
    machine.grow(bytes);
    const table = new LuaTable();
    const array: LuaValue[] = [];
    for (const step of steps) {
      const key = step.key?.(frame);
      const value = step.value(frame);
      machine.at(site);
      if (step.key === undefined) {
        array.push(value);
        continue;
      }
      rawSet(machine, table, key, value);
      if (doubled === undefined || array.length === 0 || step !== steps.at(-1)) continue;
      // In the peer `{1, x = f()}` has the value of f as its second item too, and the key where it had to be computed.
      if (doubled.kind !== "local" && (doubled.kind !== "constant" || typeof key === "boolean")) array.push(key);
      array.push(value);
    }
    for (const value of rest?.(frame) ?? []) array.push(value);
    if (table.array.length === 0) table.array = array;
    else for (let i = 0; i < array.length; i++) table.setItem(i + 1, array[i], machine);
    return table;
  };
}

function isMulti(node: Expression | undefined): boolean {
  return (node?.kind === "call" || node?.kind === "vararg") && !node.single;
}

/** All values of a call or of `...`. */
export function compileMulti(node: Expression, make: MakePrototype): EvalAll | undefined {
  if (node.kind === "call" && !node.single) return compileCall(node, make);
  if (node.kind === "vararg" && !node.single) return (frame) => frame.varargs;
  return undefined;
}

/** The values of a list, in a new array: the last one may be several. */
export function compileList(nodes: readonly Expression[], make: MakePrototype): (frame: Frame) => LuaValue[] {
  const last = nodes.at(-1);
  const rest = last === undefined ? undefined : compileMulti(last, make);
  const [first, second, third] = nodes.map((node) => compileExpression(node, make));
  if (rest === undefined) {
    if (first === undefined) return () => [];
    if (second === undefined) return (frame) => [first(frame)];
    if (third === undefined) return (frame) => [first(frame), second(frame)];
  }
  const singles = (isMulti(last) ? nodes.slice(0, -1) : nodes).map((node) => compileExpression(node, make));
  return (frame) => {
    const values: LuaValue[] = [];
    for (const single of singles) values.push(single(frame));
    if (rest === undefined) return values;
    const more = rest(frame);
    frame.machine.checkCount(more.length);
    for (const value of more) values.push(value);
    return values;
  };
}

/** The function and the arguments of a call, without the call. */
export function compileCallee(node: CallNode, make: MakePrototype): (frame: Frame) => [LuaValue, LuaValue[]] {
  const callee = compileExpression(node.callee, make);
  const args = compileList(node.args, make);
  const { method } = node;
  if (method === undefined) return (frame) => [callee(frame), args(frame)];
  const site = siteOf(node);
  return (frame) => {
    const object = callee(frame);
    frame.machine.at(site);
    const found = index(frame.machine, object, method);
    return [found, [object, ...args(frame)]];
  };
}

function compileCall(node: CallNode, make: MakePrototype): EvalAll {
  const site = siteOf(node, node.method ?? nameOf(node.callee));
  if (node.method !== undefined) {
    const both = compileCallee(node, make);
    return (frame) => {
      const [callee, args] = both(frame);
      return frame.machine.call(callee, args, site);
    };
  }
  const callee = compileExpression(node.callee, make);
  const args = compileList(node.args, make);
  return (frame) => {
    const called = callee(frame);
    return frame.machine.call(called, args(frame), site);
  };
}

/** What an error calls the called function. */
export function nameOf(node: Expression): string {
  if (node.kind === "local") return node.variable.name;
  if (node.kind === "upvalue" || node.kind === "global") return node.name;
  return node.kind === "index" && node.key.kind === "constant" ? String(node.key.value ?? "?") : "?";
}
