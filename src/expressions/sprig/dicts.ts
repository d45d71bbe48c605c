import {
  CallFault,
  fn,
  type GoFunction,
  GoMap,
  type GoValue,
  list,
  MAX_DATA_DEPTH,
  type Meter,
  mapOf,
  typedList,
  typeName,
  variadic,
} from "../go-value.ts";
import { both } from "./lists.ts";
import { isEmpty, isList, textOf } from "./values.ts";

/** Dictionaries. Where Go's order of keys is random (`keys`, `values`), the order here is that of the keys. */
export const dicts: readonly (readonly [string, GoFunction])[] = [
  ["dict", variadic([], "any", (args, cx) => dict(args, cx.meter))],
  ["get", fn(["dict", "string"], ([map, key]) => (map.has(key) ? map.get(key) : ""))],
  ["set", fn(["dict", "string", "any"], ([map, key, value]) => changed(map, () => map.set(key, value)))],
  ["unset", fn(["dict", "string"], ([map, key]) => changed(map, () => map.delete(key)))],
  ["hasKey", fn(["dict", "string"], ([map, key]) => map.has(key))],
  [
    "pluck",
    variadic(["string"], "dict", ([key, ...maps]) =>
      list(maps.filter((map) => map.has(key)).map((map) => map.get(key))),
    ),
  ],
  [
    "keys",
    variadic([], "dict", (maps) =>
      typedList(
        "string",
        maps.flatMap((map) => map.keys()),
      ),
    ),
  ],
  ["values", fn(["dict"], ([map]) => list(map.keys().map((key) => map.get(key))))],
  ["pick", variadic(["dict"], "string", ([map, ...keys]) => only(map, keys))],
  ["omit", variadic(["dict"], "string", ([map, ...keys]) => without(map, keys))],
  ...both(
    "merge",
    variadic(["dict"], "dict", ([map, ...sources], cx) =>
      mergeAll(map, sources, { overwrite: false, meter: cx.meter }),
    ),
  ),
  ...both(
    "mergeOverwrite",
    variadic(["dict"], "dict", ([map, ...sources], cx) => mergeAll(map, sources, { overwrite: true, meter: cx.meter })),
  ),
  ...both(
    "deepCopy",
    fn(["any"], ([value], cx) => deepCopy(value, cx.meter, 0)),
  ),
  ["dig", variadic([], "any", (args) => dig(args))],
];

function dict(args: readonly GoValue[], meter: Meter): GoMap {
  const map = mapOf([]);
  for (let i = 0; i < args.length; i += 2) map.set(textOf(args[i], meter), i + 1 < args.length ? args[i + 1] : "");
  return map;
}

function changed(map: GoMap, change: () => void): GoMap {
  change();
  return map;
}

function only(map: GoMap, keys: readonly string[]): GoMap {
  return mapOf(keys.filter((key) => map.has(key)).map((key) => [key, map.get(key)] as const));
}

function without(map: GoMap, keys: readonly string[]): GoMap {
  const omitted = new Set(keys);
  return mapOf(
    map
      .keys()
      .filter((key) => !omitted.has(key))
      .map((key) => [key, map.get(key)] as const),
  );
}

interface Merging {
  readonly overwrite: boolean;
  readonly meter: Meter;
}

function mergeAll(map: GoMap, sources: readonly GoMap[], how: Merging): GoMap {
  // A nil destination is replaced by a fresh map, which the template then gets.
  const target = map.isNil ? mapOf([]) : map;
  for (const source of sources) mergeInto(target, source, { ...how, depth: 0 });
  return target;
}

/**
 * mergo's rules for maps of any: nested maps merge, an empty value in the destination (false, 0, "" too) is filled, with
 * `overwrite` any value is replaced except that an empty one never replaces a nested map.
 */
function mergeInto(target: GoMap, source: GoMap, how: Merging & { readonly depth: number }): void {
  if (how.depth > MAX_DATA_DEPTH) throw new CallFault("data nested too deeply to merge");
  for (const key of source.keys()) {
    how.meter.spend(8);
    const value = source.get(key);
    const existing = target.get(key);
    if (value === null || value === undefined) {
      if (how.overwrite) target.set(key, null);
    } else if (value instanceof GoMap && existing instanceof GoMap) {
      if (existing !== value) mergeInto(existing, value, { ...how, depth: how.depth + 1 });
      if (existing.size === 0) target.set(key, value);
    } else if (how.overwrite || !target.has(key) || isEmpty(existing)) target.set(key, value);
  }
}

function deepCopy(value: GoValue, meter: Meter, depth: number): GoValue {
  meter.spend(4);
  if (depth === 0 && (value === null || value === undefined)) {
    throw new CallFault("reflect: call of reflect.Value.Type on zero Value");
  }
  if (depth > MAX_DATA_DEPTH) throw new CallFault("deepCopy error: nested too deeply");
  if (isList(value)) return { ...value, items: value.items.map((item) => deepCopy(item, meter, depth + 1)) };
  if (!(value instanceof GoMap)) return value;
  return mapOf(
    value.keys().map((key) => [key, deepCopy(value.get(key), meter, depth + 1)] as const),
    value.elem,
  );
}

/** `dig "a" "b" default dict`. */
function dig(args: readonly GoValue[]): GoValue {
  if (args.length < 3) throw new CallFault("dig needs at least three arguments");
  const keys = args.slice(0, -2).map((key) => {
    if (typeof key === "string") return key;
    throw new CallFault(`interface conversion: interface {} is ${typeName(key)}, not string`);
  });
  let current = args[args.length - 1];
  for (const key of keys) {
    if (!(current instanceof GoMap) || current.elem !== "interface {}") {
      throw new CallFault(`interface conversion: interface {} is ${typeName(current)}, not map[string]interface {}`);
    }
    if (!current.has(key)) return args[args.length - 2];
    current = current.get(key);
  }
  return current;
}
