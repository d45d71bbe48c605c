import type { Native } from "./evaluate.ts";
import { notFor, wrapped } from "./faults.ts";
import type { Meter } from "./meter.ts";
import { compare, isArray, type Value } from "./value.ts";

type Table = readonly (readonly [name: string, native: Native])[];

interface Keyed {
  readonly key: Value;
  readonly value: Value;
}

/** The elements with the keys that were computed for them. */
function keyed(name: string, input: Value, given: Value): Keyed[] {
  if (!isArray(input) || !isArray(given)) throw notFor(name, input, given);
  if (input.length !== given.length) throw wrapped(name, input, { args: [given], reason: "length mismatch" });
  return input.map((value, i) => ({ key: given[i] ?? null, value }));
}

function sorted(items: Keyed[], meter: Meter): Keyed[] {
  meter.members(items.length * 2);
  return items.sort((a, b) => {
    meter.scan(16);
    return compare(a.key, b.key);
  });
}

function groups(items: readonly Keyed[]): Value[][] {
  const made: Value[][] = [];
  let last: Keyed | undefined;
  for (const item of items) {
    const open = made[made.length - 1];
    if (last === undefined || open === undefined || compare(last.key, item.key) !== 0) {
      made.push([item.value]);
      last = item;
    } else open.push(item.value);
  }
  return made;
}

function extreme(items: readonly Keyed[], sign: number): Value {
  let best: Keyed | undefined;
  for (const item of items) {
    const order = best === undefined ? -1 : compare(best.key, item.key);
    if (best === undefined || (sign > 0 ? order > 0 : order <= 0)) best = item;
  }
  return best?.value ?? null;
}

/** One native on the elements themselves and one on computed keys. */
function both(name: string, apply: (items: Keyed[], meter: Meter) => Value): Table {
  const plain: Native = (input, _args, m) => {
    if (!isArray(input)) throw notFor(name, input);
    return apply(keyed(name, input, input), m.meter);
  };
  const by: Native = (input, [given = null], m) => apply(keyed(`${name}_by`, input, given), m.meter);
  return [
    [`${name}/0`, plain],
    [`_${name}_by/1`, by],
  ];
}

export const sorting: Table = [
  ...both("sort", (items, meter) => sorted(items, meter).map(({ value }) => value)),
  ...both("unique", (items, meter) => groups(sorted(items, meter)).map(([first = null]) => first)),
  ...both("min", (items) => extreme(items, 1)),
  ...both("max", (items) => extreme(items, -1)),
  ["_group_by/1", (input, [given = null], m) => groups(sorted(keyed("group_by", input, given), m.meter))],
];
