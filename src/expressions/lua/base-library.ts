import { argAny, argFunction, argOf, argTable, optInt, optText } from "./arguments.ts";
import { ipairsStep, pairsStep } from "./iterators.ts";
import { isFunction, type Machine, typeOf } from "./machine.ts";
import { toInt, toNumber } from "./numbers.ts";
import { rawSet, toText } from "./operations.ts";
import { LuaTable } from "./table.ts";
import { isTrue, LuaFault, LuaNative, type LuaValue, type NativeCode, NOTHING } from "./values.ts";

function raiseError(machine: Machine, args: readonly LuaValue[]): never {
  const value = argAny(machine, args, 1);
  const level = optInt(machine, args, 2, 1);
  if (typeof value !== "string" || level <= 0) throw new LuaFault(value, machine.position());
  // In the peer level 2 is the same place as level 1: it counts `error` itself.
  throw new LuaFault(`${machine.where(Math.max(1, level - 1))} ${value}`, machine.position());
}

function protectedCall(machine: Machine, args: LuaValue[]): readonly LuaValue[] {
  const callee = argAny(machine, args, 1);
  if (!isFunction(callee) && !isFunction(machine.metamethod(callee, "__call"))) {
    return [false, `attempt to call a ${typeOf(callee)} value`];
  }
  return machine.protect(
    () => [true, ...machine.invoke(callee, args.slice(1))],
    (value) => [false, value],
  );
}

/** The handler runs when the stack is unwound already; an error in it takes the place of the first. */
function handledCall(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const callee = argFunction(machine, args, 1);
  const handler = argFunction(machine, args, 2);
  return machine.protect(
    () => [true, ...machine.invoke(callee, [])],
    (value) =>
      machine.protect(
        () => [false, machine.invoke(handler, [value])[0]],
        (worse) => [false, worse],
      ),
  );
}

function select(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const what = argOf(machine, args, 1, ["number", "string"]);
  if (typeof what !== "number") {
    if (what !== "#") machine.badArgument(1, `invalid string '${String(what)}'`);
    return [args.length - 1];
  }
  const position = toInt(what);
  const from = position < 0 ? args.length + position : Math.min(position, args.length);
  if (from < 1) machine.badArgument(1, "index out of range");
  machine.spend((args.length - from) / 8);
  return args.slice(from);
}

function setMetatable(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const meta = argOf(machine, args, 2, ["nil", "table"]);
  const [object] = args;
  if (object === undefined) machine.raise("cannot set metatable to a nil object.");
  if (machine.metamethod(object, "__metatable") !== undefined) machine.raise("cannot change a protected metatable");
  const table = meta instanceof LuaTable ? meta : undefined;
  if (object instanceof LuaTable) object.meta = table;
  else if (table === undefined) machine.typeMetas.delete(typeOf(object));
  else machine.typeMetas.set(typeOf(object), table);
  return [object];
}

function toNumberOf(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const base = optInt(machine, args, 2, 10);
  const value = argAny(machine, args, 1);
  if (typeof value !== "string") return [typeof value === "number" ? value : undefined];
  machine.spend(1 + value.length / 4);
  return [toNumber(value, args[1] === undefined ? undefined : base)];
}

function unpack(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const table = argTable(machine, args, 1);
  const start = optInt(machine, args, 2, 1);
  const end = args[2] === undefined ? table.length(machine) : optInt(machine, args, 3, 0);
  if (end < start) return NOTHING;
  machine.checkCount(end - start + 1);
  const values: LuaValue[] = [];
  for (let i = start; i <= end; i++) values.push(i > 0 ? table.array[i - 1] : undefined);
  return values;
}

function next(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const table = argTable(machine, args, 1);
  const key = table.next(args[1], machine);
  return key === undefined ? [undefined] : [key, table.get(key, machine)];
}

const functions: readonly (readonly [name: string, run: NativeCode])[] = [
  [
    "assert",
    (machine, args) => {
      if (!isTrue(args[0])) machine.raise(optText(machine, args, 2, "assertion failed!"));
      return args;
    },
  ],
  ["collectgarbage", () => NOTHING],
  ["error", raiseError],
  [
    "getmetatable",
    (machine, args) => {
      const value = argAny(machine, args, 1);
      return [machine.metamethod(value, "__metatable") ?? machine.metatable(value)];
    },
  ],
  ["ipairs", (machine, args) => [ipairsStep, argTable(machine, args, 1), 0]],
  ["next", next],
  ["pairs", (machine, args) => [pairsStep, argTable(machine, args, 1), undefined]],
  ["pcall", protectedCall],
  [
    // It goes nowhere, but the values' __tostring run.
    "print",
    (machine, args) => {
      for (const value of args) toText(machine, value);
      return NOTHING;
    },
  ],
  ["rawequal", (machine, args) => [argAny(machine, args, 1) === argAny(machine, args, 2)]],
  ["rawget", (machine, args) => [argTable(machine, args, 1).get(argAny(machine, args, 2), machine)]],
  [
    "rawset",
    (machine, args) => {
      rawSet(machine, argTable(machine, args, 1), argAny(machine, args, 2), argAny(machine, args, 3));
      return NOTHING;
    },
  ],
  ["select", select],
  ["setmetatable", setMetatable],
  ["tonumber", toNumberOf],
  ["tostring", (machine, args) => [toText(machine, argAny(machine, args, 1))]],
  ["type", (machine, args) => [typeOf(argAny(machine, args, 1))]],
  ["unpack", unpack],
  ["xpcall", handledCall],
];

export const baseLibrary: ReadonlyMap<string, LuaValue> = new Map<string, LuaValue>([
  ...functions.map(([name, run]) => [name, new LuaNative(run)] as const),
  ["_VERSION", "Lua 5.1"],
  ["_GOPHER_LUA_VERSION", "GopherLua 0.1"],
]);
