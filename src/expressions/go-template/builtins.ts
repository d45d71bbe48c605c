import { sprint, sprintf, sprintln } from "../go-fmt.ts";
import { byteLength, compareText, isPrint, sliceBytes, toBytes } from "../go-text.ts";
import {
  CallFault,
  fn,
  type GoFunction,
  type GoInt,
  GoMap,
  type GoValue,
  int,
  isTrue,
  type Meter,
  typeName,
  variadic,
} from "../go-value.ts";

const isInt = (value: GoValue): value is GoInt => typeof value === "object" && value !== null && value.go === "int";

/** The functions that text/template itself has. `and` and `or` are here for their names; the executor short-circuits. */
export const builtins: ReadonlyMap<string, GoFunction> = new Map([
  ["and", variadic(["value"], "value", ([first]) => first)],
  ["or", variadic(["value"], "value", ([first]) => first)],
  ["not", fn(["value"], ([value]) => !isTrue(value))],
  ["eq", variadic(["value"], "value", ([first, ...others]) => equalsAny(first, others))],
  ["ne", fn(["value", "value"], ([a, b]) => !equalsAny(a, [b]))],
  ["lt", fn(["value", "value"], ([a, b]) => isLess(a, b))],
  ["le", fn(["value", "value"], ([a, b]) => isLess(a, b) || equalsAny(a, [b]))],
  ["gt", fn(["value", "value"], ([a, b]) => !(isLess(a, b) || equalsAny(a, [b])))],
  ["ge", fn(["value", "value"], ([a, b]) => !isLess(a, b))],
  ["len", fn(["value"], ([value]) => int(lengthOf(value)))],
  [
    "index",
    variadic(["value"], "value", ([value, ...path]) => path.reduce<GoValue>(indexOnce, notNil(value, "index"))),
  ],
  ["slice", variadic(["value"], "value", ([value, ...bounds]) => sliceValue(notNil(value, "slice"), bounds))],
  ["print", variadic([], "any", (args, cx) => sprint(args, cx.meter))],
  ["println", variadic([], "any", (args, cx) => sprintln(args, cx.meter))],
  ["printf", variadic(["string"], "any", ([format, ...args], cx) => sprintf(format, args, cx.meter))],
  ["html", variadic([], "any", (args, cx) => escapeHtml(joined(args, cx.meter)))],
  ["js", variadic([], "any", (args, cx) => escapeJs(joined(args, cx.meter)))],
  ["urlquery", variadic([], "any", (args, cx) => escapeQuery(joined(args, cx.meter)))],
  ["call", variadic(["value"], "value", ([value]) => call(value))],
]);

/** There are no function values in decoded JSON, so `call` can only fail. */
function call(value: GoValue): never {
  throw new CallFault(
    value === undefined || value === null ? "call of nil" : `non-function of type ${typeName(value)}`,
  );
}

type Basic = "bool" | "int" | "uint" | "float" | "string" | undefined;

function basicKind(value: GoValue): Basic {
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return "float";
  if (typeof value === "string") return "string";
  if (isInt(value)) return value.type.startsWith("uint") ? "uint" : "int";
  return undefined;
}

function mixedInts(a: Basic, b: Basic): boolean {
  return (a === "int" && b === "uint") || (a === "uint" && b === "int");
}

function equalsAny(first: GoValue, others: readonly GoValue[]): boolean {
  if (others.length === 0) throw new CallFault("missing argument for comparison");
  return others.some((other) => isEqual(first, other));
}

/** Ints and floats do not compare: `eq .Input.n 1` fails for decoded JSON, as in Go. */
function isEqual(a: GoValue, b: GoValue): boolean {
  const kindA = basicKind(a);
  const kindB = basicKind(b);
  if (isInt(a) && isInt(b)) return a.value === b.value;
  if (a === undefined || a === null || b === undefined || b === null) return (a ?? undefined) === (b ?? undefined);
  if (kindA !== kindB) {
    throw new CallFault(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`);
  }
  if (kindA !== undefined) return a === b;
  if (typeof a === "object" && typeof b === "object") {
    if (a.go !== b.go) throw new CallFault(`non-comparable types ${typeName(a)}, ${typeName(b)}`);
    if (a.go === "object" && b.go === "object") return a.kind === "ptr" ? a === b : a.equals(b);
  }
  throw new CallFault(`non-comparable type ${typeName(b)}`);
}

function isLess(a: GoValue, b: GoValue): boolean {
  const kindA = basicKind(a);
  const kindB = basicKind(b);
  if (kindA === undefined || kindB === undefined) throw new CallFault("invalid type for comparison");
  if (kindA !== kindB && !mixedInts(kindA, kindB)) {
    throw new CallFault(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`);
  }
  if (isInt(a) && isInt(b)) return a.value < b.value;
  if (typeof a === "number" && typeof b === "number") return a < b;
  if (typeof a === "string" && typeof b === "string") return compareText(a, b) < 0;
  throw new CallFault("invalid type for comparison");
}

function notNil(value: GoValue, name: string): GoValue {
  if (value === undefined || value === null) throw new CallFault(`${name} of untyped nil`);
  return value;
}

function lengthOf(value: GoValue): number {
  if (typeof value === "string") return byteLength(value);
  if (typeof value === "object" && value !== null) {
    if (value.go === "list") return value.items.length;
    if (value.go === "map") return value.size;
  }
  throw new CallFault(value === undefined || value === null ? "len of nil pointer" : `len of type ${typeName(value)}`);
}

function indexOnce(item: GoValue, key: GoValue): GoValue {
  if (item === undefined || item === null) throw new CallFault("index of nil pointer");
  if (item instanceof GoMap) {
    if (key === undefined || key === null) throw new CallFault("value is nil; should be of type string");
    if (typeof key !== "string") throw new CallFault(`value has type ${typeName(key)}; should be string`);
    return item.get(key) ?? (item.elem === "string" ? "" : null);
  }
  if (typeof item === "string") {
    const bytes = toBytes(item);
    const at = position(key, bytes.length);
    if (at === bytes.length) throw new CallFault("reflect: string index out of range");
    return { go: "int", type: "uint8", value: BigInt(bytes[at] ?? 0) };
  }
  if (typeof item === "object" && item.go === "list") {
    const at = position(key, item.items.length);
    if (at === item.items.length) throw new CallFault("reflect: slice index out of range");
    return item.items[at];
  }
  throw new CallFault(`can't index item of type ${typeName(item)}`);
}

/** An index from 0 to `limit`, which must be an integer: a JSON number is not. */
function position(key: GoValue, limit: number): number {
  if (key === undefined || key === null) throw new CallFault("cannot index slice/array with nil");
  if (!isInt(key)) throw new CallFault(`cannot index slice/array with type ${typeName(key)}`);
  if (key.value < 0n || key.value > BigInt(limit)) throw new CallFault(`index out of range: ${key.value}`);
  return Number(key.value);
}

function sliceValue(item: GoValue, bounds: readonly GoValue[]): GoValue {
  if (bounds.length > 3) throw new CallFault(`too many slice indexes: ${bounds.length}`);
  const isText = typeof item === "string";
  if (isText && bounds.length === 3) throw new CallFault("cannot 3-index slice a string");
  const isList = typeof item === "object" && item !== null && item.go === "list";
  if (!isText && !isList) throw new CallFault(`can't slice item of type ${typeName(item)}`);
  const length = lengthOf(item);
  const [start = 0, end = length, cap = length] = bounds.map((bound) => position(bound, length));
  if (start > end) throw new CallFault(`invalid slice index: ${start} > ${end}`);
  if (end > cap) throw new CallFault(`invalid slice index: ${end} > ${cap}`);
  return isText ? sliceBytes(item, start, end) : { ...item, items: item.items.slice(start, end) };
}

/** One string as it is; anything else as `print` does, a missing value as `<no value>`. */
function joined(args: readonly GoValue[], meter: Meter): string {
  const [first] = args;
  if (args.length === 1 && typeof first === "string") return first;
  return sprint(
    args.map((arg) => arg ?? "<no value>"),
    meter,
  );
}

const HTML: ReadonlyMap<string, string> = new Map([
  ["\0", "\ufffd"],
  ['"', "&#34;"],
  ["'", "&#39;"],
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
]);

function escapeHtml(text: string): string {
  return text.replace(/["'&<>]|\0/g, (unit) => HTML.get(unit) ?? unit);
}

function escapeJs(text: string): string {
  let out = "";
  for (const rune of text) {
    const code = rune.codePointAt(0) ?? 0;
    if (rune === "\\" || rune === "'" || rune === '"') out += `\\${rune}`;
    else if (code < 0x20 || "<>&=".includes(rune)) out += `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
    else if (code < 0x80 || isPrint(rune)) out += rune;
    else if (code >= 0xd800 && code < 0xe000) out += "\\uFFFD";
    else out += `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
  }
  return out;
}

/** `url.QueryEscape`. */
function escapeQuery(text: string): string {
  let out = "";
  for (const byte of toBytes(text)) {
    const unit = String.fromCharCode(byte);
    if (unit === " ") out += "+";
    else if (/[A-Za-z0-9\-_.~]/.test(unit)) out += unit;
    else out += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}
