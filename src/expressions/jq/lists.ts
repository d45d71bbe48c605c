import { add } from "./arithmetic.ts";
import { deletePaths, setPath } from "./assign.ts";
import { preview } from "./encode.ts";
import type { Native } from "./evaluate.ts";
import { fault, Halt, JqError, notFor, raised } from "./faults.ts";
import type { Meter } from "./meter.ts";
import { numberLength } from "./numbers.ts";
import {
  compare,
  copyObject,
  type Draft,
  hasKey,
  isArray,
  isNumber,
  isObject,
  isTrue,
  putAll,
  reckon,
  sortedKeys,
  toFloat,
  toInt,
  toPlace,
  typeName,
  type Value,
  valuesOf,
} from "./value.ts";

type Table = readonly (readonly [name: string, native: Native])[];

const length: Native = (input, args, m) => {
  if (input === null) return 0n;
  if (typeof input === "string") {
    m.meter.scan(input.length);
    let count = 0n;
    if (!/[\ud800-\udfff]/.test(input)) return BigInt(input.length);
    for (const _rune of input) count += 1n;
    return count;
  }
  if (isArray(input)) return BigInt(input.length);
  if (isObject(input)) return BigInt(Object.keys(input).length);
  return numberLength(input, args, m);
};

export const keys: Native = (input, _args, m) => {
  if (isArray(input)) {
    m.meter.members(input.length);
    return input.map((_item, i) => BigInt(i));
  }
  if (!isObject(input)) throw notFor("keys", input);
  const found = sortedKeys(input);
  m.meter.members(found.length);
  return found;
};

export function has(input: Value, key: Value): boolean {
  if (isArray(input)) {
    const place = toPlace(key);
    if (place !== undefined) return place >= 0 && place < input.length;
  }
  if (isObject(input) && typeof key === "string") return hasKey(input, key);
  if (input === null) return false;
  throw notFor("has", input, key);
}

/** `add`: like repeated `+`, but arrays and objects are copied once. */
function sum(items: readonly Value[], meter: Meter): Value {
  let total: Value = null;
  let own = false;
  for (const item of items) {
    if (isArray(item) && isArray(total)) {
      meter.members(item.length);
      const draft: Value[] = own ? (total as Value[]) : total.slice();
      for (const one of item) draft.push(one);
      total = draft;
      own = true;
    } else if (isObject(item) && isObject(total)) {
      const draft: Draft = own ? (total as Draft) : copyObject(total, meter);
      putAll(draft, item, meter);
      total = draft;
      own = true;
    } else if (item !== null) {
      total = add(total, item, meter);
      own = false;
    }
  }
  return total;
}

function contains(input: Value, wanted: Value, meter: Meter): boolean {
  meter.scan(16);
  if (isNumber(input) && isNumber(wanted)) {
    const a = reckon(input);
    const b = reckon(wanted);
    return typeof a === typeof b ? a === b : Number(a) === Number(b);
  }
  if (typeof input === "string" && typeof wanted === "string") return input.includes(wanted);
  if (isArray(input) && isArray(wanted)) {
    return wanted.every((part) => input.some((item) => holds(item, part, meter)));
  }
  if (isObject(input) && isObject(wanted)) {
    return Object.keys(wanted).every(
      (key) => hasKey(input, key) && holds(input[key] ?? null, wanted[key] ?? null, meter),
    );
  }
  if (input === wanted) return true;
  throw notFor("contains", input, wanted);
}

/** Inside a container, what cannot be compared is just not contained. */
function holds(input: Value, wanted: Value, meter: Meter): boolean {
  try {
    return contains(input, wanted, meter);
  } catch (error) {
    if (error instanceof JqError) return false;
    throw error;
  }
}

function flatten(items: readonly Value[], depth: number, made: Value[], meter: Meter): Value[] {
  for (const item of items) {
    if (isArray(item) && depth !== 0) flatten(item, depth - 1, made, meter);
    else {
      meter.members(0);
      made.push(item);
    }
  }
  return made;
}

const flattenTo: Native = (input, args, m) => {
  const items = valuesOf(input);
  if (items === undefined) throw notFor("flatten", input);
  const [given] = args;
  if (given === undefined) return flatten(items, -1, [], m.meter);
  const depth = toFloat(given);
  if (depth === undefined) throw notFor("flatten", given);
  if (depth < 0 || Number.isNaN(depth)) throw fault(() => `flatten depth should not be negative: ${preview(depth)}`);
  return flatten(items, depth, [], m.meter);
};

const transpose: Native = (input, _args, m) => {
  if (!isArray(input)) throw notFor("transpose", input);
  let width = 0;
  for (const line of input) {
    if (!isArray(line)) throw notFor("transpose", input);
    width = Math.max(width, line.length);
  }
  m.meter.members(width * (input.length + 2));
  return Array.from({ length: width }, (_none, column) =>
    input.map((line) => (isArray(line) ? (line[column] ?? null) : null)),
  );
};

const bsearch: Native = (input, [wanted = null]) => {
  if (!isArray(input)) throw notFor("bsearch", input, wanted);
  let low = 0;
  let high = input.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (compare(input[middle] ?? null, wanted) < 0) low = middle + 1;
    else high = middle;
  }
  return low < input.length && compare(input[low] ?? null, wanted) === 0 ? BigInt(low) : BigInt(-low - 1);
};

export const lists: Table = [
  ["length/0", length],
  ["keys/0", keys],
  ["has/1", (input, [key = null]) => has(input, key)],
  ["add/0", (input, _args, m) => addAll(input, m.meter)],
  ["type/0", typeName],
  ["not/0", (input) => !isTrue(input)],
  [
    "reverse/0",
    (input, _args, m) => {
      if (!isArray(input)) throw notFor("reverse", input);
      m.meter.members(input.length);
      return input.toReversed();
    },
  ],
  ["contains/1", (input, [wanted = null], m) => contains(input, wanted, m.meter)],
  ["inside/1", (input, [whole = null], m) => contains(whole, input, m.meter)],
  ["flatten/0", flattenTo],
  ["flatten/1", flattenTo],
  ["transpose/0", transpose],
  ["bsearch/1", bsearch],
  [
    "setpath/2",
    (input, [path = null, value = null], m) => setPath(input, path, value, { owned: new Set(), meter: m.meter }),
  ],
  ["delpaths/1", (input, [paths = null], m) => deletePaths(input, paths, { owned: new Set(), meter: m.meter })],
  [
    "error/0",
    (input) => {
      throw raised(input);
    },
  ],
  [
    "error/1",
    (_input, [value = null]) => {
      throw raised(value);
    },
  ],
  [
    "halt/0",
    () => {
      throw new Halt(null);
    },
  ],
  [
    "halt_error/0",
    (input) => {
      throw new Halt(input);
    },
  ],
  [
    "halt_error/1",
    (input, [code = null]) => {
      if (toInt(code) === undefined) throw notFor("halt_error", code);
      throw new Halt(input);
    },
  ],
  [
    "modulemeta/0",
    (input) => {
      if (typeof input !== "string") throw notFor("modulemeta", input);
      throw fault(() => `cannot load module: ${JSON.stringify(input)}`);
    },
  ],
];

function addAll(input: Value, meter: Meter): Value {
  const items = valuesOf(input);
  if (items === undefined) throw notFor("add", input);
  return sum(items, meter);
}
