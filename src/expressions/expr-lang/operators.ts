import { escapedByte, fromBytes, toBytes } from "../go-text.ts";
import { failed, goPow } from "../pratt.ts";
import { between, GoDuration, GoTime } from "./times.ts";
import {
  AnyMap,
  compare,
  equal,
  isMap,
  isNumeric,
  type MapValue,
  mapHas,
  mapKey,
  toFloat,
  typeText,
} from "./values.ts";

function mismatch(operator: string, a: unknown, b: unknown): never {
  throw failed(`${operator} cannot be used with ${typeText(a)} and ${typeText(b)}`);
}

/** Two ints stay an int of 64 bits; with a float both are floats. */
function numeric(operator: "+" | "-" | "*", a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === "bigint" && typeof b === "bigint") {
    return BigInt.asIntN(64, operator === "+" ? a + b : operator === "-" ? a - b : a * b);
  }
  const [x, y] = [Number(a), Number(b)];
  return operator === "+" ? x + y : operator === "-" ? x - y : x * y;
}

function add(a: unknown, b: unknown): unknown {
  if (isNumeric(a) && isNumeric(b)) return numeric("+", a, b);
  if (typeof a === "string" && typeof b === "string") return concat(a, b);
  if (a instanceof GoTime && b instanceof GoDuration) return shift(a, b.ns);
  if (a instanceof GoDuration && b instanceof GoTime) return shift(b, a.ns);
  if (a instanceof GoDuration && b instanceof GoDuration) return new GoDuration(a.ns + b.ns);
  return mismatch("+", a, b);
}

/** A character that slices cut in two is whole again when its bytes meet. */
function concat(a: string, b: string): string {
  const isCut = escapedByte(a.charCodeAt(a.length - 1)) !== undefined;
  return isCut ? fromBytes(toBytes(a + b)) : a + b;
}

function shift(time: GoTime, ns: bigint): GoTime {
  return new GoTime(time.unixNs + ns, time.zone);
}

function subtract(a: unknown, b: unknown): unknown {
  if (isNumeric(a) && isNumeric(b)) return numeric("-", a, b);
  if (a instanceof GoTime && b instanceof GoTime) return between(a, b);
  if (a instanceof GoTime && b instanceof GoDuration) return shift(a, -b.ns);
  if (a instanceof GoDuration && b instanceof GoDuration) return new GoDuration(a.ns - b.ns);
  return mismatch("-", a, b);
}

function multiply(a: unknown, b: unknown): unknown {
  if (isNumeric(a) && isNumeric(b)) return numeric("*", a, b);
  if (!(a instanceof GoDuration || b instanceof GoDuration)) return mismatch("*", a, b);
  const [x, y] = [a, b].map((side) => (side instanceof GoDuration ? side.ns : side));
  if (typeof x === "bigint" && typeof y === "bigint") return new GoDuration(x * y);
  return toFloat(x) * toFloat(y);
}

function modulo(a: unknown, b: unknown): bigint {
  if (typeof a !== "bigint" || typeof b !== "bigint") return mismatch("%", a, b);
  if (b === 0n) throw failed("division by zero");
  return a % b;
}

function divide(a: unknown, b: unknown): number {
  return isNumeric(a) && isNumeric(b) ? Number(a) / Number(b) : mismatch("/", a, b);
}

/** `in`: nothing is in nil; a key in a map; an equal element in a list. */
function contains(needle: unknown, haystack: unknown): boolean {
  if (haystack === null) return false;
  if (Array.isArray(haystack)) return haystack.some((item) => equal(item, needle));
  if (isMap(haystack)) return hasKey(haystack, needle);
  throw failed(`in cannot look into a ${typeText(haystack)}`);
}

function hasKey(map: MapValue, key: unknown): boolean {
  return mapHas(map, map instanceof AnyMap && key === null ? null : mapKey(map, key));
}

function text(
  operator: string,
  holds: (a: string, b: string) => boolean,
): [string, (a: unknown, b: unknown) => unknown] {
  return [
    operator,
    (a, b) => (typeof a === "string" && typeof b === "string" ? holds(a, b) : mismatch(operator, a, b)),
  ];
}

/** The operators that always need both sides and make nothing large. */
export const binary: ReadonlyMap<string, (a: unknown, b: unknown) => unknown> = new Map<
  string,
  (a: unknown, b: unknown) => unknown
>([
  ["==", equal],
  ["!=", (a, b) => !equal(a, b)],
  ["<", (a, b) => compare(a, b, "<") < 0],
  ["<=", (a, b) => compare(a, b, "<=") <= 0],
  [">", (a, b) => compare(a, b, ">") > 0],
  [">=", (a, b) => compare(a, b, ">=") >= 0],
  ["+", add],
  ["-", subtract],
  ["*", multiply],
  ["/", divide],
  ["%", modulo],
  ["**", (a, b) => goPow(toFloat(a), toFloat(b))],
  ["^", (a, b) => goPow(toFloat(a), toFloat(b))],
  ["in", contains],
  text("contains", (a, b) => a.includes(b)),
  text("startsWith", (a, b) => a.startsWith(b)),
  text("endsWith", (a, b) => a.endsWith(b)),
]);
