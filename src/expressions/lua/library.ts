import { baseLibrary } from "./base-library.ts";
import { type Limits, Machine } from "./machine.ts";
import { mathLibrary } from "./math-library.ts";
import { osLibrary } from "./os-library.ts";
import { stringLibrary } from "./string-library.ts";
import { LuaTable } from "./table.ts";
import { tableLibrary } from "./table-library.ts";
import type { LuaValue } from "./values.ts";

/** Globals of the peer that are not here; a script that names one is refused when it is loaded. */
const absent: ReadonlySet<string> = new Set([
  ...["channel", "coroutine", "debug", "io", "package"],
  ...["_printregs", "dofile", "getfenv", "load", "loadfile", "loadstring", "module", "newproxy", "require", "setfenv"],
]);
const osAbsent = ["execute", "exit", "getenv", "remove", "rename", "setenv", "setlocale", "tmpname"];
const fieldsAbsent: ReadonlySet<string> = new Set(["string.dump", ...osAbsent.map((name) => `os.${name}`)]);

/** Whether the peer has this global, or this `library.field`, and scripts here do not. */
export function isAbsent(name: string): boolean {
  return absent.has(name) || fieldsAbsent.has(name);
}

/** A run with globals of its own: 90 entries are copied, which takes 3 µs. */
export function newMachine(limits: Limits): Machine {
  const globals = new LuaTable([], new Map<LuaValue, LuaValue>(baseLibrary));
  const library = (entries: ReadonlyMap<LuaValue, LuaValue>): LuaTable => new LuaTable([], new Map(entries));
  const strings = library(stringLibrary);
  strings.hash?.set("__index", strings);
  const entries: readonly [string, LuaTable][] = [
    ["_G", globals],
    ["string", strings],
    ["table", library(tableLibrary)],
    ["math", library(mathLibrary)],
    ["os", library(osLibrary)],
  ];
  for (const [name, table] of entries) globals.hash?.set(name, table);
  const machine = new Machine(limits, globals);
  machine.typeMetas.set("string", strings);
  return machine;
}
