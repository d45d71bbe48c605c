import { marshalJson } from "../go-json.ts";
import { CallFault, GoMap, type GoValue, list, MAX_DATA_DEPTH, Meter } from "../go-value.ts";
import type { Machine } from "./machine.ts";
import { plainText } from "./operations.ts";
import { LuaTable } from "./table.ts";
import { toGoText, toLua } from "./text.ts";
import { LuaFault, type LuaValue } from "./values.ts";

/** An event as Argo Events hands it over: nulls are left out, lists of lists too (reference 3.3, F3). */
export function fromJson(json: string): LuaTable {
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch {
    throw new LuaFault("the data are not valid JSON");
  }
  if (data !== null && (typeof data !== "object" || Array.isArray(data))) {
    throw new LuaFault("the data must be a JSON object");
  }
  return fromObject(data ?? {}, 0);
}

function fromObject(data: object, depth: number): LuaTable {
  if (depth > MAX_DATA_DEPTH) throw new LuaFault("the data are nested too deeply");
  const entries = new Map<LuaValue, LuaValue>();
  for (const key of Object.keys(data)) {
    const value: unknown = Reflect.get(data, key);
    const item = Array.isArray(value) ? fromList(value, depth + 1) : fromValue(value, depth);
    if (item !== undefined) entries.set(toLua(key), item);
  }
  return new LuaTable([], entries);
}

function fromList(data: readonly unknown[], depth: number): LuaTable {
  const items: LuaValue[] = [];
  for (const value of data) {
    const item = Array.isArray(value) ? undefined : fromValue(value, depth);
    if (item !== undefined) items.push(item);
  }
  return new LuaTable(items);
}

function fromValue(value: unknown, depth: number): LuaValue {
  switch (typeof value) {
    case "string":
      return toLua(value);
    case "number":
      if (!Number.isFinite(value)) throw new LuaFault("a number in the data does not fit a float64");
      return value;
    case "boolean":
      return value;
    default:
      return value === null || typeof value !== "object" ? undefined : fromObject(value, depth + 1);
  }
}

/**
 * The JSON of a table as Argo Events makes it: with items it is an array and its other keys are lost; without, an object
 * (`{}` when empty), unless its metatable says `__is_array = true`. Throws a LuaFault for what JSON cannot hold.
 */
export function toJson(machine: Machine, table: LuaTable): string {
  const value = toGoValue(machine, table, 0);
  try {
    return marshalJson(value, new Meter(Number.MAX_SAFE_INTEGER));
  } catch (thrown) {
    if (thrown instanceof CallFault) throw new LuaFault(thrown.reason);
    throw thrown;
  }
}

function toGoValue(machine: Machine, value: LuaValue, depth: number): GoValue {
  machine.spend(3);
  if (value === undefined) return null;
  if (typeof value === "string") {
    // Every place where a shared string stands makes a copy of it.
    machine.text(value.length * 2);
    return toGoText(value);
  }
  if (typeof value !== "object") return value;
  if (!(value instanceof LuaTable)) throw new LuaFault("json: unsupported type: lua.LGFunction");
  if (depth >= MAX_DATA_DEPTH) throw new LuaFault("the result is nested too deeply, or contains itself");
  machine.grow(128);
  machine.spend(8);
  const length = value.length(machine);
  if (length > 0 || value.meta?.hash?.get("__is_array") === true) {
    const items: GoValue[] = [];
    for (let i = 0; i < length; i++) {
      machine.grow(16);
      items.push(toGoValue(machine, value.array[i], depth + 1));
    }
    return list(items);
  }
  const own = new Map<string, GoValue>();
  const add = ([key, item]: readonly [LuaValue, LuaValue]): void => {
    if (item === undefined) return;
    machine.grow(64);
    own.set(toGoText(plainText(machine, key)), toGoValue(machine, item, depth + 1));
  };
  const entries = [...(value.hash ?? [])];
  machine.spend(entries.length / 4);
  // A number key that reads like a string key wins, as there.
  for (const entry of entries) if (typeof entry[0] === "string") add(entry);
  for (const entry of entries) if (typeof entry[0] !== "string") add(entry);
  return new GoMap("interface {}", { own });
}
