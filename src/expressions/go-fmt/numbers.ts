import { formatFloat } from "../go-number.ts";
import { quoteText } from "../go-quote.ts";
import { isPrint } from "../go-text.ts";
import { type Flags, pad } from "./flags.ts";

const PREFIXES: ReadonlyMap<string, { readonly base: number; readonly prefix: string }> = new Map([
  ["d", { base: 10, prefix: "" }],
  ["v", { base: 10, prefix: "" }],
  ["b", { base: 2, prefix: "0b" }],
  ["o", { base: 8, prefix: "0" }],
  ["O", { base: 8, prefix: "0" }],
  ["x", { base: 16, prefix: "0x" }],
  ["X", { base: 16, prefix: "0X" }],
]);

/** An integer under a verb; undefined when the verb is not one for integers. */
export function formatInt(value: bigint, verb: string, flags: Flags): string | undefined {
  const form = PREFIXES.get(verb);
  if (form !== undefined) return formatDigits(value, { ...form, verb }, flags);
  if (verb === "c") return pad(runeOf(value), flags);
  if (verb === "q") return pad(quoteText(runeOf(value), flags.plus, "'"), flags);
  if (verb === "U") return formatUnicode(value, flags);
  return undefined;
}

function formatDigits(
  value: bigint,
  form: { readonly base: number; readonly prefix: string; readonly verb: string },
  flags: Flags,
): string {
  const negative = value < 0n;
  const unpadded: Flags = { ...flags, zero: false };
  let digits = (negative ? -value : value).toString(form.base);
  if (form.verb === "X") digits = digits.toUpperCase();
  if (flags.precision !== undefined) {
    if (flags.precision === 0 && value === 0n) return " ".repeat(flags.width ?? 0);
    digits = digits.padStart(flags.precision, "0");
  } else if (flags.zero && !flags.minus && flags.width !== undefined) {
    digits = digits.padStart(flags.width - (negative || flags.plus || flags.space ? 1 : 0), "0");
  }
  if (flags.sharp && !(form.base === 8 && digits.startsWith("0"))) digits = form.prefix + digits;
  if (form.verb === "O") digits = `0o${digits}`;
  const sign = negative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  return pad(sign + digits, unpadded);
}

function runeOf(value: bigint): string {
  const valid = value >= 0n && value <= 0x10ffffn && !(value >= 0xd800n && value < 0xe000n);
  return valid ? String.fromCodePoint(Number(value)) : "\ufffd";
}

function formatUnicode(value: bigint, flags: Flags): string {
  const unsigned = BigInt.asUintN(64, value);
  const digits = unsigned
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(4, flags.precision ?? 0), "0");
  const shown = unsigned <= 0x10ffffn ? runeOf(unsigned) : "";
  const tail = flags.sharp && shown !== "" && isPrint(shown) ? ` '${shown}'` : "";
  return pad(`U+${digits}${tail}`, { ...flags, zero: false });
}

/** A float64 under a verb; undefined when the verb is not one for floats. */
export function formatDouble(value: number, verb: string, flags: Flags): string | undefined {
  const body = floatBody(value, verb, flags.precision);
  if (body === undefined) return undefined;
  const sign = value < 0 || Object.is(value, -0) ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  if (!Number.isFinite(value)) return pad(signed(value, sign, flags) + body, { ...flags, zero: false });
  const shown = flags.sharp && verb !== "b" ? withPoint(body, verb, flags.precision) : body;
  if (flags.zero && !flags.minus && flags.width !== undefined) {
    return sign + shown.padStart(flags.width - sign.length, "0");
  }
  return pad(sign + shown, flags);
}

/** An infinity always has its sign. */
function signed(value: number, sign: string, flags: Flags): string {
  return Number.isNaN(value) || flags.space ? sign : sign || "+";
}

/** The digits without a sign. */
function floatBody(value: number, verb: string, precision: number | undefined): string | undefined {
  if (!"vbgGxXfFeE".includes(verb)) return undefined;
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return "Inf";
  const size = Math.abs(value);
  switch (verb) {
    case "v":
    case "g":
      return formatFloat(size, "g", precision ?? -1);
    case "G":
      return formatFloat(size, "g", precision ?? -1).toUpperCase();
    case "e":
      return formatFloat(size, "e", precision ?? 6);
    case "E":
      return formatFloat(size, "e", precision ?? 6).toUpperCase();
    case "b":
      return binaryFloat(size);
    case "x":
      return hexFloat(size, precision);
    case "X":
      return hexFloat(size, precision).toUpperCase();
    default:
      return formatFloat(size, "f", precision ?? 6);
  }
}

/** The mantissa as an integer below 2^53 and the power of two it is multiplied by. */
function partsOf(size: number): { mantissa: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, size);
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n) & 0x7ff;
  const fraction = bits & 0xfffffffffffffn;
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}

function binaryFloat(size: number): string {
  const { mantissa, exponent } = partsOf(size);
  return `${mantissa}p${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
}

function hexFloat(size: number, precision: number | undefined): string {
  let { mantissa, exponent } = partsOf(size);
  if (mantissa === 0n) return `0x0${precision ? `.${"0".repeat(precision)}` : ""}p+00`;
  while (mantissa < 1n << 52n) {
    mantissa <<= 1n;
    exponent -= 1;
  }
  exponent += 52;
  if (precision !== undefined && precision < 13) {
    const dropped = BigInt(4 * (13 - precision));
    const half = 1n << (dropped - 1n);
    const rest = mantissa & ((1n << dropped) - 1n);
    mantissa >>= dropped;
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa += 1n;
    if (mantissa >> BigInt(52 - Number(dropped)) >= 2n) {
      mantissa >>= 1n;
      exponent += 1;
    }
    mantissa <<= dropped;
  }
  let digits = (mantissa & 0xfffffffffffffn).toString(16).padStart(13, "0");
  if (precision === undefined) digits = digits.replace(/0+$/, "");
  else digits = digits.slice(0, precision).padEnd(precision, "0");
  const sign = exponent < 0 ? "-" : "+";
  return `0x1${digits === "" ? "" : `.${digits}`}p${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** The `#` flag: always a decimal point, and for %g the trailing zeros too. */
function withPoint(body: string, verb: string, precision: number | undefined): string {
  const split = /^(?:0[xX])?(.*?)([pP].*|[eE][+-].*)?$/.exec(body);
  const isHex = /^0[xX]/.test(body);
  let number = split?.[1] ?? body;
  const tail = split?.[2] ?? "";
  const wanted = "vgGx".includes(verb) ? (precision === undefined ? 6 : precision) : 0;
  const significant = number.replace(".", "").replace(/^0+/, "").length + (isHex && verb === "x" ? 0 : 0);
  let missing = wanted - significant;
  if (!number.includes(".")) {
    if (number === "0") missing -= 1;
    number += ".";
  }
  return (isHex ? body.slice(0, 2) : "") + number + "0".repeat(Math.max(0, missing)) + tail;
}
