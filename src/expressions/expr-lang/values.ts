import { byteLength, compareText, sliceBytes, toBytes } from "../go-text.ts";
import { failed, goPrint, MAX_DATA_DEPTH, tooDeep } from "../pratt.ts";
import { GoDuration, GoTime, printDuration, printTime } from "./times.ts";

/*
 * Values at evaluation: null (nil), boolean, string, number (float64), bigint (int), array, map (a Map or a plain object of
 * the data), GoTime, GoDuration, FunctionValue. Arrays of one Go type are classes of their own, because Go tells []int and
 * []string from []any when it compares.
 */
export class IntSlice extends Array<bigint> {}
export class StringSlice extends Array<string> {}
export class PairSlice extends Array<unknown> {}
/** What `groupBy` and `fromPairs` make: keys are not only strings. */
export class AnyMap extends Map<unknown, unknown> {}
/** What `groupBy` makes: each value is a list, so that one that is not there is a nil list. */
export class Groups extends AnyMap {}
/** Go's nil map and nil list: empty where a map or list is wanted, nil where nil is asked for. */
export class NilMap extends Groups {}
export class NilList extends Array<unknown> {}

/** A function as a value, such as `asInt` passed by name. */
export class FunctionValue {
  readonly call: (args: readonly unknown[]) => unknown;
  constructor(call: (args: readonly unknown[]) => unknown) {
    this.call = call;
  }
}

export function isNil(value: unknown): boolean {
  return value === null || value === undefined || value instanceof NilMap || value instanceof NilList;
}

export type MapValue = ReadonlyMap<unknown, unknown> | Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is MapValue {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !(value instanceof GoTime || value instanceof GoDuration || value instanceof FunctionValue);
}
export function mapHas(map: MapValue, key: unknown): boolean {
  if (map instanceof Map) return map.has(key);
  return typeof key === "string" && Object.hasOwn(map, key);
}
export function mapGet(map: MapValue, key: unknown): unknown {
  if (map instanceof Map) return map.get(key) ?? (map instanceof Groups ? new NilList() : null);
  return typeof key === "string" && Object.hasOwn(map, key) ? (Reflect.get(map, key) ?? null) : null;
}
export function mapKeys(map: MapValue): unknown[] {
  return map instanceof Map ? [...map.keys()] : Object.keys(map);
}
function mapSize(map: MapValue): number {
  return map instanceof Map ? map.size : Object.keys(map).length;
}

/** The key to look for; Go panics on a key of another type than the map's. */
export function mapKey(map: MapValue, key: unknown): unknown {
  if (map instanceof AnyMap) {
    if (typeof key === "object" && key !== null) throw failed(`a ${typeText(key)} cannot be a key`);
    return key;
  }
  if (key === null) return "";
  if (typeof key !== "string") throw failed(`a ${typeText(key)} cannot be a key here`);
  return key;
}

/** What `type(value)` says. */
export function typeText(value: unknown): string {
  if (value === null || value === undefined) return "nil";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "float";
  if (typeof value === "string") return "string";
  if (Array.isArray(value)) return "array";
  if (value instanceof GoTime) return "time.Time";
  if (value instanceof GoDuration) return "time.Duration";
  return value instanceof FunctionValue ? "func" : "map";
}

export function isNumeric(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

/** `int(x)` of a number: what does not fit is the least integer, as on amd64. */
export function toInt(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value !== "number") throw failed(`a ${typeText(value)} is not a number`);
  if (Number.isNaN(value) || value >= 2 ** 63 || value < -(2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.trunc(value));
}
export function toFloat(value: unknown): number {
  if (isNumeric(value)) return Number(value);
  throw failed(`a ${typeText(value)} is not a number`);
}
export function toText(value: unknown): string {
  if (typeof value === "string") return value;
  throw failed(`a ${typeText(value)} is not a string`);
}
export function toList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw failed(`a ${typeText(value)} is not a list`);
}

/** `len`; strings count bytes. */
export function lengthOf(value: unknown): number {
  if (typeof value === "string") return byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) return mapSize(value);
  throw failed(`a ${typeText(value)} has no length`);
}

/** `==`: numbers by value, the rest like `reflect.DeepEqual`, to which 1 and 1.0 inside lists are different. */
export function equal(a: unknown, b: unknown): boolean {
  if (isNumeric(a) && isNumeric(b)) return typeof a === typeof b ? a === b : Number(a) === Number(b);
  return (isNil(a) && isNil(b)) || deepEqual(a, b, 0);
}

function deepEqual(a: unknown, b: unknown, depth: number): boolean {
  if (depth > MAX_DATA_DEPTH) return tooDeep();
  if (a instanceof GoTime && b instanceof GoTime) return a.unixNs === b.unixNs;
  if (a instanceof GoDuration && b instanceof GoDuration) return a.ns === b.ns;
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.constructor !== b.constructor || a.length !== b.length) return false;
    return a.every((item, index) => deepEqual(item, b[index], depth + 1));
  }
  if (!isMap(a) || !isMap(b)) return (a ?? null) === (b ?? null);
  if (a instanceof AnyMap !== b instanceof AnyMap || a instanceof NilMap !== b instanceof NilMap) return false;
  if (mapSize(a) !== mapSize(b)) return false;
  return mapKeys(a).every((key) => mapHas(b, key) && deepEqual(mapGet(a, key), mapGet(b, key), depth + 1));
}

/** Negative, 0, positive; NaN when there is no order between these numbers. */
export function compare(a: unknown, b: unknown, operator: string): number {
  if (isNumeric(a) && isNumeric(b)) {
    const [x, y] = typeof a === typeof b ? [a, b] : [Number(a), Number(b)];
    return x < y ? -1 : x > y ? 1 : x === y ? 0 : Number.NaN;
  }
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (a instanceof GoTime && b instanceof GoTime) return Number(a.unixNs - b.unixNs);
  if (a instanceof GoDuration && b instanceof GoDuration) return Number(a.ns - b.ns);
  throw failed(`${operator} cannot be used with ${typeText(a)} and ${typeText(b)}`);
}

/** `value[key]`, `value.key`: a missing key of a map is nil; anything else that is not there is a failure. */
export function fetch(from: unknown, key: unknown): unknown {
  if (isMap(from)) return mapGet(from, mapKey(from, key));
  if (!Array.isArray(from) && typeof from !== "string") {
    throw failed(`cannot fetch ${shown(key)} from ${from === null ? "nil" : `a ${typeText(from)}`}`);
  }
  const bytes = typeof from === "string" ? toBytes(from) : from;
  const wanted = toInt(key);
  const index = Number(wanted < 0n ? BigInt(bytes.length) + wanted : wanted);
  const found: unknown = index < 0 || index >= bytes.length ? undefined : bytes[index];
  if (found === undefined) throw failed(`there is no element ${wanted}: the length is ${bytes.length}`);
  return typeof from === "string" ? BigInt(Number(found)) : found;
}

/** `from..to`: empty when `to` comes first. The caller has checked that it is not too long. */
export function rangeOf(from: bigint, to: bigint): IntSlice {
  // As Go's int, the size wraps around.
  const length = Math.max(Number(BigInt.asIntN(64, to - from + 1n)), 0);
  return IntSlice.from({ length }, (_, index) => from + BigInt(index));
}

export function slice(from: unknown, start: unknown, end: unknown): unknown {
  if (!Array.isArray(from) && typeof from !== "string") throw failed(`a ${typeText(from)} cannot be sliced`);
  const length = lengthOf(from);
  const bound = (value: bigint): number => {
    const index = value < 0n ? BigInt(length) + value : value;
    return Number(index < 0n ? 0n : index > BigInt(length) ? BigInt(length) : index);
  };
  const to = bound(toInt(end));
  const begin = Math.min(bound(toInt(start)), to);
  return typeof from === "string" ? sliceBytes(from, begin, to) : from.slice(begin, to);
}

/** `string(value)`: Go's `%v`. */
export function print(value: unknown): string {
  return goPrint(value, (special) => {
    if (special instanceof GoTime) return printTime(special);
    if (special instanceof GoDuration) return printDuration(special);
    return special instanceof FunctionValue ? "func" : undefined;
  });
}

function shown(key: unknown): string {
  return print(key).slice(0, 60);
}
