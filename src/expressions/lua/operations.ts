import { isFunction, type Machine, typeOf } from "./machine.ts";
import { modulo, numberText, parseNumber, power } from "./numbers.ts";
import { LuaTable } from "./table.ts";
import { isTrue, type LuaValue } from "./values.ts";

/** How many `__index` tables are followed. */
const MAX_CHAIN = 100;
const LONG_TEXT = 256;

/** `value[key]` with metamethods. */
export function index(machine: Machine, value: LuaValue, key: LuaValue): LuaValue {
  let object = value;
  for (let hop = 0; hop < MAX_CHAIN; hop++) {
    if (object instanceof LuaTable) {
      const found = object.get(key, machine);
      if (found !== undefined || object.meta === undefined) return found;
    }
    machine.spend(1);
    const handler = machine.metamethod(object, "__index");
    if (handler === undefined) {
      if (object instanceof LuaTable) return undefined;
      machine.raise(`attempt to index a non-table object(${typeOf(object)}) with key '${plainText(machine, key)}'`);
    }
    if (isFunction(handler)) return callMeta(machine, handler, [object, key]);
    object = handler;
  }
  machine.raise("too many recursions in gettable");
}

/** `object[key] = value` with metamethods. */
export function setIndex(machine: Machine, target: LuaValue, key: LuaValue, value: LuaValue): void {
  let object = target;
  for (let hop = 0; hop < MAX_CHAIN; hop++) {
    if (object instanceof LuaTable && (object.meta === undefined || object.get(key, machine) !== undefined)) {
      rawSet(machine, object, key, value);
      return;
    }
    machine.spend(1);
    const handler = machine.metamethod(object, "__newindex");
    if (handler === undefined) {
      if (!(object instanceof LuaTable)) {
        machine.raise(`attempt to index a non-table object(${typeOf(object)}) with key '${plainText(machine, key)}'`);
      }
      rawSet(machine, object, key, value);
      return;
    }
    if (isFunction(handler)) {
      callMeta(machine, handler, [object, key, value]);
      return;
    }
    object = handler;
  }
  machine.raise("too many recursions in settable");
}

export function rawSet(machine: Machine, table: LuaTable, key: LuaValue, value: LuaValue): void {
  if (key === undefined) machine.raise("table index is nil");
  if (typeof key === "number" && Number.isNaN(key)) machine.raise("table index is NaN");
  table.set(key, value, machine);
}

function callMeta(machine: Machine, handler: LuaValue, args: LuaValue[]): LuaValue {
  machine.spend(1);
  return machine.call(handler, args, machine.site())[0];
}

export type ArithmeticOperator = "add" | "sub" | "mul" | "div" | "mod" | "pow";

/** The metamethod if there is one, else strings are read as numbers. */
export function arithmetic(machine: Machine, operator: ArithmeticOperator, left: LuaValue, right: LuaValue): LuaValue {
  const event = `__${operator}`;
  const handler = machine.metamethod(left, event) ?? machine.metamethod(right, event);
  if (isFunction(handler)) return callMeta(machine, handler, [left, right]);
  const a = asOperand(machine, left);
  const b = asOperand(machine, right);
  if (typeof a === "number" && typeof b === "number") {
    if (operator === "pow") machine.spend(16);
    return compute(operator, a, b);
  }
  machine.raise(`cannot perform ${operator} operation between ${typeOf(a)} and ${typeOf(b)}`);
}

/** A string that reads as a number becomes one. */
function asOperand(machine: Machine, value: LuaValue): LuaValue {
  if (typeof value !== "string") return value;
  machine.spend(value.length / 4);
  return parseNumber(value) ?? value;
}

function compute(operator: ArithmeticOperator, a: number, b: number): number {
  switch (operator) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return a / b;
    case "mod":
      return modulo(a, b);
    case "pow":
      return power(a, b);
  }
}

export function negate(machine: Machine, value: LuaValue): LuaValue {
  const handler = machine.metamethod(value, "__unm");
  if (isFunction(handler)) return callMeta(machine, handler, [value]);
  const number = asOperand(machine, value);
  if (typeof number !== "number") machine.raise("__unm undefined");
  return -number;
}

export function lengthOf(machine: Machine, value: LuaValue): LuaValue {
  if (typeof value === "string") return value.length;
  const handler = machine.metamethod(value, "__len");
  if (isFunction(handler)) return callMeta(machine, handler, [value]);
  if (!(value instanceof LuaTable)) machine.raise("__len undefined");
  return value.length(machine);
}

/** `..` over several values, joined from the right as the peer does. */
export function concat(machine: Machine, values: readonly LuaValue[]): LuaValue {
  let at = values.length - 1;
  let right = values[at];
  while (at > 0) {
    const left = values[at - 1];
    if (isTextual(left) && isTextual(right)) {
      let from = at - 1;
      while (from > 0 && isTextual(values[from - 1])) from -= 1;
      const parts = values.slice(from, at).map(textOf);
      parts.push(textOf(right));
      right = parts.join("");
      machine.text(right.length);
      at = from;
      continue;
    }
    const handler = machine.metamethod(left, "__concat") ?? machine.metamethod(right, "__concat");
    if (!isFunction(handler)) {
      machine.raise(`cannot perform concat operation between ${typeOf(left)} and ${typeOf(right)}`);
    }
    right = callMeta(machine, handler, [left, right]);
    at -= 1;
  }
  return right;
}

export function isTextual(value: LuaValue): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

/** A string or number as a string; anything else is empty. */
export function textOf(value: LuaValue): string {
  if (typeof value === "string") return value;
  return typeof value === "number" ? numberText(value) : "";
}

/** What is shown of a value where no metamethod is asked. */
export function plainText(machine: Machine, value: LuaValue): string {
  if (value === undefined) return "nil";
  if (typeof value === "boolean") return String(value);
  return isTextual(value) ? textOf(value) : machine.addressOf(value);
}

/** tostring: `__tostring` may give any value. */
export function toText(machine: Machine, value: LuaValue): LuaValue {
  const handler = machine.metamethod(value, "__tostring");
  return isFunction(handler) ? machine.invoke(handler, [value])[0] : plainText(machine, value);
}

export function equals(machine: Machine, left: LuaValue, right: LuaValue): boolean {
  if (typeof left === "string" && typeof right === "string") {
    if (left.length > LONG_TEXT && left.length === right.length) machine.spend(left.length / 64);
    return left === right;
  }
  if (left === right) return true;
  if (!(left instanceof LuaTable && right instanceof LuaTable)) return false;
  return compareMeta(machine, "__eq", left, right) ?? false;
}

export function lessThan(machine: Machine, left: LuaValue, right: LuaValue): boolean {
  if (typeof left === "number" && typeof right === "number") return left < right;
  if (typeof left === "string" && typeof right === "string") {
    payForOrder(machine, left, right);
    return left < right;
  }
  const result = typeOf(left) === typeOf(right) ? compareMeta(machine, "__lt", left, right) : undefined;
  return result ?? incomparable(machine, left, right);
}

export function lessOrEqual(machine: Machine, left: LuaValue, right: LuaValue): boolean {
  if (typeof left === "number" && typeof right === "number") return left <= right;
  if (typeof left === "string" && typeof right === "string") {
    payForOrder(machine, left, right);
    return left <= right;
  }
  if (typeOf(left) !== typeOf(right)) incomparable(machine, left, right);
  const direct = compareMeta(machine, "__le", left, right);
  if (direct !== undefined) return direct;
  const reverse = compareMeta(machine, "__lt", right, left);
  return reverse === undefined ? incomparable(machine, right, left) : !reverse;
}

function payForOrder(machine: Machine, left: string, right: string): void {
  const length = Math.min(left.length, right.length);
  if (length > LONG_TEXT) machine.spend(length / 64);
}

function incomparable(machine: Machine, left: LuaValue, right: LuaValue): never {
  machine.raise(`attempt to compare ${typeOf(left)} with ${typeOf(right)}`);
}

/** Undefined unless both sides have the same metamethod. */
function compareMeta(machine: Machine, event: string, left: LuaValue, right: LuaValue): boolean | undefined {
  const handler = machine.metamethod(left, event);
  if (!isFunction(handler) || handler !== machine.metamethod(right, event)) return undefined;
  return isTrue(callMeta(machine, handler, [left, right]));
}
