import { formatFloat, parseFloat64 } from "../go-number.ts";

const MIN_INT = -(2 ** 63);
const MAX_INT = 2 ** 63;
const grouped = /^[+-]?(?:0[xob]_?)?[\da-f]+(?:_[\da-f]+)*$/i;
const integer = /^([+-]?)(?:(0x[\da-f]+|0b[01]+|0o[0-7]+)|0([0-7]+)|(\d+))$/i;

/**
 * A number literal, or a string that takes part in arithmetic, as gopher-lua's parseNumber reads it: first Go's
 * ParseInt with base 0 (`0x10`, `0b11`, `010` is 8, `1_000`), then ParseFloat (`1e3`, `0x1p4`, `inf`). Undefined where
 * Go reports an error. Linear.
 */
export function parseNumber(source: string): number | undefined {
  const text = trimBlanks(source);
  const plain = text.includes("_") && grouped.test(text) ? text.replaceAll("_", "") : text;
  const parts = integer.exec(plain);
  if (parts === null) return parseFloat64(text);
  const [, sign = "", prefixed, octal, decimal] = parts;
  if (decimal !== undefined) {
    const value = Number(plain);
    return Number.isFinite(value) ? value + 0 : undefined;
  }
  const size = digitsLimited(prefixed ?? octal ?? "") ? BigInt(prefixed ?? `0o${octal}`) : MAX_BIG;
  const value = sign === "-" ? -size : size;
  if (BigInt.asIntN(64, value) === value) return Number(value);
  return prefixed === undefined ? parseFloat64(text) : undefined;
}

const MAX_BIG = 1n << 80n;

/** Longer digits cannot be an int64, and reading them as a BigInt would cost the square of their number. */
function digitsLimited(digits: string): boolean {
  return digits.length <= 80 || digits.slice(2, -72).replaceAll("0", "") === "";
}

/** `strings.Trim(text, " \n\t")`. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x09 || unit === 0x0a;
}

/** The `tonumber` of a string: no exponent without a point, no base with one. `base` undefined: 10, or 16 after `0x`. */
export function toNumber(source: string, base: number | undefined): number | undefined {
  const text = trimBlanks(source);
  if (text.includes(".")) return parseFloat64(text);
  if (base !== undefined) return parseInteger(text, base);
  return /^0x/i.test(text) ? parseInteger(text.slice(2), 16) : parseInteger(text, 10);
}

/** Go's `strconv.ParseInt(text, base, 64)`. */
function parseInteger(text: string, base: number): number | undefined {
  if (base === 0) {
    const plain = text.includes("_") && grouped.test(text) ? text.replaceAll("_", "") : text;
    const parts = integer.exec(plain);
    if (parts === null || (parts[4] !== undefined && /^[+-]?0\d/.test(plain))) return undefined;
    const value = parts[4] === undefined ? parseNumber(plain) : parseInteger(plain, 10);
    return value;
  }
  if (base < 2 || base > 36) return undefined;
  const negative = text.startsWith("-");
  const digits = negative || text.startsWith("+") ? text.slice(1) : text;
  if (digits === "") return undefined;
  let zeros = 0;
  while (digits.charCodeAt(zeros) === 0x30) zeros += 1;
  // More digits are out of range, whatever they are.
  if (digits.length - zeros > 64) return undefined;
  let value = 0;
  for (let i = zeros; i < digits.length; i++) {
    const digit = Number.parseInt(digits.charAt(i), 36);
    if (!(digit < base)) return undefined;
    value = value * base + digit;
  }
  if (value > Number.MAX_SAFE_INTEGER) return largeInteger(digits.slice(zeros), base, negative);
  return negative ? 0 - value : value;
}

function largeInteger(digits: string, base: number, negative: boolean): number | undefined {
  let value = 0n;
  for (const digit of digits) value = value * BigInt(base) + BigInt(Number.parseInt(digit, 36));
  if (negative) value = -value;
  return BigInt.asIntN(64, value) === value ? Number(value) : undefined;
}

/** How gopher-lua prints a number: whole ones within int64 without a point, others as Go's `%v` (1.2345675e+06). */
export function numberText(value: number): string {
  if (Number.isSafeInteger(value)) return String(value === 0 ? 0 : value);
  if (Number.isInteger(value) && value >= MIN_INT && value < MAX_INT) return BigInt(value).toString();
  return formatFloat(value, "g", -1);
}

/** Go's `int(value)` on amd64: towards zero; what does not fit is the least int64. */
export function toInt(value: number): number {
  return value >= MIN_INT && value < MAX_INT ? Math.trunc(value) + 0 : MIN_INT;
}

/** `%`: C's fmod with the sign of the divisor. */
export function modulo(left: number, right: number): number {
  const rest = left % right;
  return (right > 0 && rest < 0) || (right < 0 && rest > 0) ? rest + right : rest;
}

/** A number as a fraction of at least 0.5 and below 1, and a power of two. */
export function frexp(value: number): readonly [fraction: number, exponent: number] {
  if (value === 0 || !Number.isFinite(value)) return [value, 0];
  const scale = Math.abs(value) < 2 ** -1022 ? 54 : 0;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value * 2 ** scale);
  const high = view.getUint32(0);
  view.setUint32(0, (high & 0x800fffff) | 0x3fe00000);
  return [view.getFloat64(0), ((high >>> 20) & 0x7ff) - 1022 - scale];
}

/** fraction * 2^exponent, rounded once. */
export function ldexp(fraction: number, exponent: number): number {
  const [part, power] = frexp(fraction);
  const total = Math.max(-2200, Math.min(2200, exponent + power));
  if (total > 1000) return part * 2 ** 1000 * 2 ** (total - 1000);
  return total < -1000 ? part * 2 ** Math.max(total + 60, -1074) * 2 ** -60 : part * 2 ** total;
}

/**
 * `^` and math.pow. V8's power is right to the last digit where Go's is not, so whole exponents are raised by squaring
 * the fraction, as Go does. With a broken exponent the last digit may differ from Go's.
 */
export function power(base: number, exponent: number): number {
  if (exponent === 0 || base === 1) return 1;
  if (exponent === 1) return base;
  if (exponent === 0.5 && base !== Number.NEGATIVE_INFINITY) return Math.sqrt(base);
  if (exponent === -0.5 && base !== 0 && base !== Number.NEGATIVE_INFINITY) return 1 / Math.sqrt(base);
  if (base === -1 && !Number.isFinite(exponent)) return Number.isNaN(exponent) ? exponent : 1;
  const size = Math.abs(exponent);
  if (base === 0 || !Number.isFinite(base) || !(size < MAX_INT)) return base ** exponent;
  let whole = Math.trunc(size);
  const part = size - whole;
  if (part !== 0 && base < 0) return Number.NaN;
  let result = 1;
  if (part !== 0) {
    if (part > 0.5) whole += 1;
    result = Math.exp((part > 0.5 ? part - 1 : part) * Math.log(base));
  }
  const [scaled, shift] = squared(base, whole);
  result *= scaled;
  return exponent < 0 ? ldexp(1 / result, -shift) : ldexp(result, shift);
}

function squared(base: number, whole: number): readonly [fraction: number, exponent: number] {
  let result = 1;
  let sum = 0;
  let [fraction, exponent] = frexp(base);
  for (let left = whole; left > 0; left = Math.floor(left / 2)) {
    if (Math.abs(exponent) > 4096) return [result, sum + exponent];
    if (left % 2 === 1) {
      result *= fraction;
      sum += exponent;
    }
    fraction *= fraction;
    exponent *= 2;
    if (fraction < 0.5) {
      fraction += fraction;
      exponent -= 1;
    }
  }
  return [result, sum];
}
