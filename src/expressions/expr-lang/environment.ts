import { compareText } from "../go-text.ts";
import { failed } from "../pratt.ts";
import type { FunctionValue } from "./values.ts";

/**
 * What an expression sees of the data of an event (reference 1.3): top-level keys with `-` as `_`; keys with dots become
 * nested maps, and a shorter key that is in the way of one is removed. Where two keys become one, the one that was written
 * so wins (upstream, whichever Go's map happens to give last).
 */
export function dataEnvironment(data: unknown): Map<string, unknown> {
  const renamed = new Map<string, unknown>();
  for (const [key, value] of topLevel(data)) {
    const name = key.replaceAll("-", "_");
    if (name === key || !renamed.has(name)) renamed.set(name, value ?? null);
  }
  if (![...renamed.keys()].some((key) => key.includes("."))) return renamed;
  return expand(withoutConflicts(renamed));
}

function topLevel(data: unknown): readonly (readonly [string, unknown])[] {
  if (data instanceof Map) return [...data].map(([key, value]) => [String(key), value]);
  if (typeof data === "object" && data !== null && !Array.isArray(data)) return Object.entries(data);
  throw failed("the data of the event is not a JSON object");
}

function withoutConflicts(entries: ReadonlyMap<string, unknown>): readonly (readonly [string, unknown])[] {
  const parents = new Set<string>();
  for (const key of entries.keys()) {
    for (let dot = key.indexOf("."); dot >= 0; dot = key.indexOf(".", dot + 1)) parents.add(key.slice(0, dot));
  }
  return [...entries].filter(([key]) => !parents.has(key)).sort(([a], [b]) => compareText(a, b));
}

function expand(entries: readonly (readonly [string, unknown])[]): Map<string, unknown> {
  const top = new Map<string, unknown>();
  const made = new Set<unknown>();
  for (const [key, value] of entries) {
    let map = top;
    const names = key.split(".");
    const last = names.pop() ?? "";
    for (const name of names) {
      const known = map.get(name);
      const next: Map<string, unknown> = known instanceof Map && made.has(known) ? known : new Map();
      made.add(next);
      map.set(name, next);
      map = next;
    }
    map.set(last, value);
  }
  return top;
}

/** The functions of the environment by name, those of sprig as `sprig.name`. */
export type Functions = ReadonlyMap<string, FunctionValue>;

/** The functions as an environment has them, made once: those of sprig are the members of a map. */
export function functionEntries(functions: Functions): ReadonlyMap<string, unknown> {
  const entries = new Map<string, unknown>();
  const sprig = new Map<string, FunctionValue>();
  for (const [name, value] of functions) {
    if (name.startsWith("sprig.")) sprig.set(name.slice("sprig.".length), value);
    else entries.set(name, value);
  }
  if (sprig.size > 0) entries.set("sprig", sprig);
  return entries;
}

/** The data, and functions under the names that the data leave free: in a filter the data's own keys win (design 3). */
export function withFunctions(
  env: Map<string, unknown>,
  entries: ReadonlyMap<string, unknown>,
): ReadonlyMap<string, unknown> {
  for (const [name, value] of entries) if (!env.has(name)) env.set(name, value);
  return env;
}
