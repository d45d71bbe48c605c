import { index } from "./access.ts";
import type { Native } from "./evaluate.ts";
import { badKey, noIteration, notAnArray } from "./faults.ts";
import { has, keys } from "./lists.ts";
import { emptyDraft, isArray, isObject, isTrue, type JqObject, member, put, type Value, valuesOf } from "./value.ts";

const toEntries: Native = (input, args, m) => {
  const names = keys(input, args, m);
  if (!isArray(names)) return [];
  m.meter.members(names.length * 3);
  return names.map((key) => entryOf(key, isArray(input) || isObject(input) ? index(input, key, m.meter) : null));
};

function entryOf(key: Value, value: Value): JqObject {
  return { key, value };
}

const KEY_NAMES = ["key", "Key", "name", "Name"];

/** The name is the first of `key`, `Key`, `name` and `Name` that is true; `value` or else `Value`. */
const fromEntries: Native = (input, _args, m) => {
  const items = valuesOf(input);
  if (items === undefined) throw noIteration(input);
  const made = emptyDraft(items.length);
  m.meter.keys(items.length);
  for (const item of items) {
    let name: Value = null;
    for (const alias of KEY_NAMES) {
      name = index(item, alias, m.meter);
      if (isTrue(name)) break;
    }
    const value = index(item, has(item, "value") ? "value" : "Value", m.meter);
    if (typeof name !== "string") throw badKey(name);
    put(made, name, value);
  }
  return made;
};

/** The strings of named groups. */
const captures: Native = (input) => {
  if (!isArray(input)) throw notAnArray(input);
  const made = emptyDraft();
  for (const capture of input) {
    if (!isObject(capture)) continue;
    const name = member(capture, "name");
    if (typeof name === "string") put(made, name, member(capture, "string"));
  }
  return made;
};

export const entries: readonly (readonly [name: string, native: Native])[] = [
  ["to_entries/0", toEntries],
  ["from_entries/0", fromEntries],
  ["_captures/0", captures],
];
