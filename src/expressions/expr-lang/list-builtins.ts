import { failed } from "../pratt.ts";
import type { Builtin } from "./call.ts";
import {
  AnyMap,
  compare,
  fetch,
  isMap,
  isNumeric,
  type MapValue,
  mapGet,
  mapHas,
  mapKeys,
  PairSlice,
  toList,
  toText,
  typeText,
} from "./values.ts";

function toMap(value: unknown): MapValue {
  if (isMap(value)) return value;
  throw failed(`a ${typeText(value)} is not a map`);
}

function numbers(value: unknown, what: string): (number | bigint)[] {
  return toList(value).map((item) => {
    if (isNumeric(item)) return item;
    throw failed(`${what} takes numbers, not a ${typeText(item)}`);
  });
}

/** An int as long as all elements are ints. */
function sum([list]: readonly unknown[]): number | bigint {
  let ints = 0n;
  let floats: number | undefined;
  for (const item of numbers(list, "sum")) {
    if (floats !== undefined) floats += Number(item);
    else if (typeof item === "number") floats = Number(BigInt.asIntN(64, ints)) + item;
    else ints += item;
  }
  return floats ?? BigInt.asIntN(64, ints);
}

function mean([list]: readonly unknown[]): number {
  const all = numbers(list, "mean");
  return all.length === 0 ? 0 : all.reduce<number>((total, item) => total + Number(item), 0) / all.length;
}

function median([list]: readonly unknown[]): number {
  const sorted = numbers(list, "median")
    .map(Number)
    .sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[sorted.length / 2 - 1] ?? 0) + upper) / 2;
}

/** `first`, `last` and `get` are nil where `[...]` fails. */
function softly(from: unknown, key: unknown): unknown {
  try {
    return fetch(from, key);
  } catch {
    return null;
  }
}

function take([list, count]: readonly unknown[]): unknown {
  const all = toList(list);
  if (typeof count !== "bigint") throw failed(`take takes an int, not a ${typeText(count)}`);
  if (count > BigInt(all.length)) return all;
  if (count < 0n) throw failed(`cannot take ${count} elements`);
  return all.slice(0, Number(count));
}

function fromPairs([list]: readonly unknown[]): AnyMap {
  const map = new AnyMap();
  for (const pair of toList(list)) {
    const [key, value] = toList(pair);
    if (toList(pair).length !== 2) throw failed("a pair has two elements");
    if (typeof key === "object" && key !== null) throw failed(`a ${typeText(key)} cannot be a key`);
    map.set(key, value);
  }
  return map;
}

function isDescending(direction: unknown): boolean {
  if (direction === undefined || direction === "asc") return false;
  if (direction === "desc") return true;
  throw failed('the order is "asc" or "desc"');
}

/** By the element itself or, for maps, by a field; all of one type. Equal elements keep their order. */
function sortBy(list: unknown, field: string, direction: unknown): unknown[] {
  const descending = isDescending(direction);
  const keyed = Array.from(toList(list), (item) => ({ item, key: sortKey(item, field) }));
  const [first] = keyed;
  for (const { key } of keyed) {
    if (typeText(key) !== typeText(first?.key)) {
      throw failed(`cannot sort different types (${typeText(key)} and ${typeText(first?.key)})`);
    }
  }
  const sortable = ["int", "float", "string", "time.Duration"].includes(typeText(first?.key));
  if (keyed.length > 1 && !sortable) throw failed(`cannot sort a ${typeText(first?.key)}`);
  const sign = descending ? -1 : 1;
  // One element is never compared: it may be anything.
  keyed.sort((a, b) => sign * (compare(a.key, b.key, "sort") || 0));
  return keyed.map(({ item }) => item);
}

function sortKey(item: unknown, field: string): unknown {
  if (!isMap(item)) return item;
  if (!mapHas(item, field)) throw failed(`cannot sort by "${field}": an element has no such key`);
  return mapGet(item, field);
}

export const listFunctions: readonly [string, Builtin][] = [
  ["sum", sum],
  ["mean", mean],
  ["median", median],
  ["first", ([list]) => softly(list, 0n)],
  ["last", ([list]) => softly(list, -1n)],
  ["get", ([from, key]) => softly(from, key)],
  ["take", take],
  ["keys", ([map]) => mapKeys(toMap(map))],
  ["values", ([map]) => mapKeys(toMap(map)).map((key) => mapGet(toMap(map), key))],
  ["toPairs", ([map]) => PairSlice.from(mapKeys(toMap(map)), (key) => PairSlice.from([key, mapGet(toMap(map), key)]))],
  ["fromPairs", fromPairs],
  ["sort", ([list, direction]) => sortBy(list, "", direction)],
  ["sortBy", ([list, field, direction]) => sortBy(list, toText(field), direction)],
];
