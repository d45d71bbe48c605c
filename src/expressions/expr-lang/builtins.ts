import { Buffer } from "node:buffer";
import { byteLength, fromBytes, lowerText, toBytes, trimSpace, upperText } from "../go-text.ts";
import { parseDuration } from "../go-time.ts";
import { failed } from "../pratt.ts";
import type { Builtin, CallContext } from "./call.ts";
import { toGoJson } from "./json.ts";
import { listFunctions } from "./list-builtins.ts";
import { parseFloatText, parseIntText } from "./literals.ts";
import { GoDuration, GoTime, parseDate } from "./times.ts";
import {
  compare,
  IntSlice,
  isNumeric,
  lengthOf,
  print,
  StringSlice,
  toFloat,
  toInt,
  toList,
  toText,
  typeText,
} from "./values.ts";

/** `int(value)`, also of a string. */
export function intOf(value: unknown): bigint {
  if (typeof value !== "string") return toInt(value);
  const found = parseIntText(value);
  if (found === undefined) throw failed(`not an integer: ${JSON.stringify(value.slice(0, 60))}`);
  return found;
}

/** `float(value)`, also of a string. */
export function floatOf(value: unknown): number {
  if (typeof value !== "string") return toFloat(value);
  const found = parseFloatText(value);
  if (found === undefined) throw failed(`not a number: ${JSON.stringify(value.slice(0, 60))}`);
  return found;
}

function rounding(round: (value: number) => number): Builtin {
  return ([value]) => (typeof value === "bigint" ? Number(value) : round(toNumber(value)));
}
function toNumber(value: unknown): number {
  if (typeof value === "number") return value;
  throw failed(`a ${typeText(value)} is not a number`);
}
/** `math.Round`: halves away from zero. */
function roundHalf(value: number): number {
  const whole = Math.trunc(value);
  return Math.abs(value - whole) >= 0.5 ? whole + Math.sign(value) : whole;
}

function abs(value: unknown): unknown {
  if (!isNumeric(value)) throw failed(`a ${typeText(value)} is not a number`);
  if (typeof value === "number") return value < 0 ? -value : value;
  return value < 0n ? BigInt.asIntN(64, -value) : value;
}

function extreme(args: readonly unknown[], operator: "<" | ">"): unknown {
  let found: unknown = null;
  for (const arg of args) {
    const isBetter = found === null || (operator === "<" ? compare(found, arg, "<") < 0 : compare(found, arg, ">") > 0);
    if (isBetter) found = arg;
  }
  return found;
}

function trim(args: readonly unknown[]): string {
  const text = toText(args[0]);
  if (args.length < 2) return trimSpace(text);
  const cut = new Set(toText(args[1]));
  const runes = Array.from(text);
  let start = 0;
  let end = runes.length;
  while (start < end && cut.has(runes[start] ?? "")) start += 1;
  while (end > start && cut.has(runes[end - 1] ?? "")) end -= 1;
  return runes.slice(start, end).join("");
}

/** `strings.SplitN`; with `keep`, the separators stay at the ends of the parts. */
function split([text, separator, limit]: readonly unknown[], keep: boolean): StringSlice {
  const [whole, between] = [toText(text), toText(separator)];
  const most = limit === undefined ? -1 : Number(toInt(limit));
  if (most === 0) return new StringSlice();
  const parts = between === "" ? Array.from(whole) : whole.split(between);
  const joint = between;
  if (most > 0 && parts.length > most) parts.push(parts.splice(most - 1).join(joint));
  return StringSlice.from(keep ? parts.map((part, index) => (index < parts.length - 1 ? part + joint : part)) : parts);
}

function replace([text, from, to, limit]: readonly unknown[], { budget }: CallContext): string {
  const [whole, old, fresh] = [toText(text), toText(from), toText(to)];
  const most = limit === undefined ? -1 : Number(toInt(limit));
  if (most === 0 || old === fresh) return whole;
  // An empty `old` stands before each character and at the end.
  const parts = old === "" ? ["", ...Array.from(whole)] : whole.split(old);
  const joints = old === "" ? parts.length : parts.length - 1;
  const count = most < 0 ? joints : Math.min(most, joints);
  budget.text(whole.length + count * fresh.length);
  const ends = old === "" ? [...parts.slice(1), ""] : parts.slice(1);
  return (parts[0] ?? "") + ends.map((part, index) => (index < count ? fresh : old) + part).join("");
}

function repeat([text, times]: readonly unknown[], { budget }: CallContext): string {
  const count = toInt(times);
  if (count < 0n || count > 1_000_000n) throw failed(`cannot repeat ${count} times`);
  budget.text(toText(text).length * Number(count));
  return toText(text).repeat(Number(count));
}

function join([list, glue]: readonly unknown[], { budget }: CallContext): string {
  // Go asks for the type of the list, also of an empty one.
  if (list instanceof IntSlice) throw failed("join takes strings, not ints");
  const joined = toList(list)
    .map(toText)
    .join(glue === undefined ? "" : toText(glue));
  budget.text(joined.length);
  return joined;
}

/** `strings.Index` and `LastIndex` count bytes. */
function position(text: string, index: number): bigint {
  return BigInt(index < 0 ? -1 : byteLength(text.slice(0, index)));
}

function fromJson([text]: readonly unknown[]): unknown {
  try {
    const value: unknown = JSON.parse(toText(text));
    return value;
  } catch (cause) {
    throw failed("fromJSON: not JSON", { cause });
  }
}

function fromBase64([encoded]: readonly unknown[]): string {
  const text = toText(encoded).replaceAll(/[\r\n]/g, "");
  const isValid = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  if (!isValid) throw failed("fromBase64: not base64");
  return fromBytes(Buffer.from(text, "base64"));
}

function now(_: readonly unknown[], { nowMs }: CallContext): GoTime {
  if (nowMs === undefined) throw failed("there is no clock here");
  return new GoTime(BigInt(Math.round(nowMs())) * 1_000_000n);
}

function date([text, layout, zone]: readonly unknown[]): GoTime {
  const optional = (value: unknown): string | undefined => (value === undefined ? undefined : toText(value));
  const found = parseDate(toText(text), optional(layout), optional(zone));
  if (found === undefined) throw failed(`not a date: ${JSON.stringify(toText(text).slice(0, 60))}`);
  return found;
}

function duration([text]: readonly unknown[]): unknown {
  const found = parseDuration(toText(text));
  if (found === undefined) throw failed(`not a duration: ${JSON.stringify(toText(text).slice(0, 60))}`);
  return new GoDuration(found);
}

/** Every built-in of 1.15.5 that takes no closure. The number of arguments was checked at load. */
export const builtins: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ...listFunctions,
  ["len", ([value]) => BigInt(lengthOf(value))],
  ["type", ([value]) => typeText(value)],
  ["abs", ([value]) => abs(value)],
  ["ceil", rounding(Math.ceil)],
  ["floor", rounding(Math.floor)],
  ["round", rounding(roundHalf)],
  ["int", ([value]) => intOf(value)],
  ["float", ([value]) => floatOf(value)],
  ["string", ([value]) => print(value)],
  ["trim", trim],
  ["trimPrefix", ([text, prefix = " "]) => cutPrefix(toText(text), toText(prefix))],
  ["trimSuffix", ([text, suffix = " "]) => cutSuffix(toText(text), toText(suffix))],
  ["upper", ([text]) => upperText(toText(text))],
  ["lower", ([text]) => lowerText(toText(text))],
  ["split", (args) => split(args, false)],
  ["splitAfter", (args) => split(args, true)],
  ["replace", replace],
  ["repeat", repeat],
  ["join", join],
  ["indexOf", ([text, part]) => position(toText(text), toText(text).indexOf(toText(part)))],
  ["lastIndexOf", ([text, part]) => position(toText(text), toText(text).lastIndexOf(toText(part)))],
  ["hasPrefix", ([text, part]) => toText(text).startsWith(toText(part))],
  ["hasSuffix", ([text, part]) => toText(text).endsWith(toText(part))],
  ["max", (args) => extreme(args, "<")],
  ["min", (args) => extreme(args, ">")],
  ["toJSON", ([value]) => toGoJson(value, "  ")],
  ["fromJSON", fromJson],
  ["toBase64", ([text]) => Buffer.from(toBytes(toText(text))).toString("base64")],
  ["fromBase64", fromBase64],
  ["now", now],
  ["duration", duration],
  ["date", date],
]);

function cutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}
function cutSuffix(text: string, suffix: string): string {
  return text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text;
}
