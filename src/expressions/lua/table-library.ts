import { argAny, argFunction, argInt, argTable, optInt, optText } from "./arguments.ts";
import { type Machine, typeOf } from "./machine.ts";
import { isTextual, lessThan, textOf } from "./operations.ts";
import { sortItems } from "./sort.ts";
import { isTrue, LuaNative, type LuaValue, type NativeCode, NOTHING } from "./values.ts";

function concat(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const table = argTable(machine, args, 1);
  const separator = optText(machine, args, 2, "");
  const from = optInt(machine, args, 3, 1);
  const length = table.length(machine);
  const to = args[3] === undefined ? length : optInt(machine, args, 4, 0);
  if (args.length === 3 && (from > length || from < 1)) return [""];
  const first = Math.max(Math.min(from, length), 1);
  const last = Math.min(to, length);
  if (first > last) return [""];
  const only = table.array[first - 1];
  // One number alone stays a number, as in the peer.
  if (first === last && isTextual(only)) return [only];
  const parts: string[] = [];
  let size = separator.length * (last - first);
  machine.text(size);
  for (let i = first; i <= last; i++) {
    const value = table.array[i - 1];
    if (!isTextual(value)) machine.raise(`invalid value (${typeOf(value)}) at index ${i} in table for concat`);
    const text = textOf(value);
    machine.spend(0.5);
    machine.grow(text.length);
    size += text.length;
    parts.push(text);
  }
  machine.text(size);
  return [parts.join(separator)];
}

function insert(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const table = argTable(machine, args, 1);
  if (args.length === 1) machine.raise("wrong number of arguments");
  if (args.length === 2) table.append(args[1], machine);
  else table.insert(argInt(machine, args, 2), argAny(machine, args, 3), machine);
  return NOTHING;
}

function remove(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const table = argTable(machine, args, 1);
  return [table.remove(args.length === 1 ? -1 : argInt(machine, args, 2), machine)];
}

function sort(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const table = argTable(machine, args, 1);
  const items = table.array;
  if (args.length === 1) {
    sortItems(items, (a, b) => {
      machine.spend(1);
      return lessThan(machine, a, b);
    });
    return NOTHING;
  }
  const compare = argFunction(machine, args, 2);
  sortItems(items, (a, b) => isTrue(machine.invoke(compare, [a, b])[0]));
  return NOTHING;
}

const functions: readonly (readonly [name: string, run: NativeCode])[] = [
  ["concat", concat],
  ["getn", (machine, args) => [argTable(machine, args, 1).length(machine)]],
  ["insert", insert],
  ["maxn", (machine, args) => [argTable(machine, args, 1).length(machine)]],
  ["remove", remove],
  ["sort", sort],
];

export const tableLibrary: ReadonlyMap<string, LuaValue> = new Map(
  functions.map(([name, run]) => [name, new LuaNative(run)]),
);
