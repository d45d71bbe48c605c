import {
  CallFault,
  fn,
  type GoFunction,
  type GoValue,
  kindName,
  list,
  type Meter,
  nilList,
  typedList,
  variadic,
} from "../go-value.ts";
import { toInt64 } from "./numbers.ts";
import { deepEqual, isEmpty, isList, itemsOf, nilFault } from "./values.ts";

/** Lists. Each makes a new one; the `must` forms differ only in how Go reports a fault. */
export const lists: readonly (readonly [string, GoFunction])[] = [
  ["list", variadic([], "any", (args) => list([...args]))],
  ["tuple", variadic([], "any", (args) => list([...args]))],
  ...both(
    "append",
    fn(["any", "any"], ([value, item]) => list([...itemsOf(value, "push on type"), item])),
  ),
  ...both(
    "push",
    fn(["any", "any"], ([value, item]) => list([...itemsOf(value, "push on type"), item])),
  ),
  ...both(
    "prepend",
    fn(["any", "any"], ([value, item]) => list([item, ...itemsOf(value, "prepend on type")])),
  ),
  ...both(
    "first",
    fn(["any"], ([value]) => itemsOf(value, "find first on type")[0] ?? null),
  ),
  ...both(
    "last",
    fn(["any"], ([value]) => itemsOf(value, "find last on type").at(-1) ?? null),
  ),
  ...both(
    "rest",
    fn(["any"], ([value]) => part(itemsOf(value, "find rest on type"), 1, undefined)),
  ),
  ...both(
    "initial",
    fn(["any"], ([value]) => part(itemsOf(value, "find initial on type"), 0, -1)),
  ),
  ...both(
    "reverse",
    fn(["any"], ([value]) => list(itemsOf(value, "find reverse on type").toReversed())),
  ),
  ...both(
    "compact",
    fn(["any"], ([value]) => list(itemsOf(value, "compact on type").filter((item) => !isEmpty(item)))),
  ),
  ...both(
    "uniq",
    fn(["any"], ([value], cx) => list(unique(itemsOf(value, "find uniq on type"), cx.meter))),
  ),
  ...both(
    "without",
    variadic(["any"], "any", ([value, ...omitted], cx) =>
      list(itemsOf(value, "find without on type").filter((item) => !holds(omitted, item, cx.meter))),
    ),
  ),
  ...both(
    "has",
    fn(["any", "any"], ([needle, value], cx) =>
      value === null || value === undefined ? false : holds(itemsOf(value, "find has on type"), needle, cx.meter),
    ),
  ),
  ...both(
    "slice",
    variadic(["any"], "any", ([value, ...bounds]) => slice(value, bounds)),
  ),
  ...both(
    "chunk",
    fn(["int", "any"], ([size, value]) => chunk(size, itemsOf(value, "chunk type"))),
  ),
  ["concat", variadic([], "any", (args, cx) => concat(args, cx.meter))],
];

/** A function under its name and its `must` name. */
export function both(name: string, made: GoFunction): readonly (readonly [string, GoFunction])[] {
  return [
    [name, made],
    [`must${name.charAt(0).toUpperCase()}${name.slice(1)}`, made],
  ];
}

/** Of an empty list, a nil slice. */
function part(items: readonly GoValue[], start: number, end: number | undefined): GoValue {
  return items.length === 0 ? nilList() : list(items.slice(start, end));
}

function holds(items: readonly GoValue[], needle: GoValue, meter: Meter): boolean {
  return items.some((item) => deepEqual(needle, item, meter));
}

function unique(items: readonly GoValue[], meter: Meter): GoValue[] {
  const kept: GoValue[] = [];
  for (const item of items) if (!holds(kept, item, meter)) kept.push(item);
  return kept;
}

function slice(value: GoValue, bounds: readonly GoValue[]): GoValue {
  if (value === undefined || value === null) throw nilFault();
  if (!isList(value)) throw new CallFault(`list should be type of slice or array but ${kindName(value)}`);
  const { items } = value;
  if (items.length === 0) return null;
  const start = bounds.length > 0 ? Number(toInt64(bounds[0])) : 0;
  const end = bounds.length > 1 ? Number(toInt64(bounds[1])) : items.length;
  if (start < 0 || end < start || end > items.length)
    throw new CallFault("reflect.Value.Slice: slice index out of bounds");
  return typedList(value.elem, items.slice(start, end));
}

function chunk(size: number, items: readonly GoValue[]): GoValue {
  // Go counts the chunks first, and of a negative size comes to none where the list is short enough.
  const none = size < 0 && Math.floor((items.length - 1) / size) === -1;
  if (size <= 0 && !none) throw new CallFault("runtime error: makeslice: len out of range");
  if (none) return typedList("[]interface {}", []);
  const chunks: GoValue[] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(list(items.slice(at, at + size)));
  return typedList("[]interface {}", chunks);
}

function concat(values: readonly GoValue[], meter: Meter): GoValue {
  const all: GoValue[] = [];
  for (const value of values) {
    if (value === undefined || value === null) throw nilFault();
    if (!isList(value)) throw new CallFault(`Cannot concat type ${kindName(value)} as list`);
    meter.spend(value.items.length * 4);
    for (const item of value.items) all.push(item);
  }
  return all.length === 0 ? nilList() : list(all);
}
