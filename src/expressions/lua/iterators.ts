import { argInt, argTable } from "./arguments.ts";
import { LuaNative, type LuaValue, NOTHING } from "./values.ts";

/** What `pairs` gives as its iterator; loops over it are run without a call (compile-statement.ts). */
export const pairsStep = new LuaNative((machine, args) => {
  const table = argTable(machine, args, 1);
  const key = table.next(args[1], machine);
  return key === undefined ? NOTHING : [key, table.get(key, machine)];
});

export const ipairsStep = new LuaNative((machine, args): readonly LuaValue[] => {
  const table = argTable(machine, args, 1);
  const position = argInt(machine, args, 2) + 1;
  const value = position > 0 ? table.array[position - 1] : undefined;
  return value === undefined ? NOTHING : [position, value];
});
