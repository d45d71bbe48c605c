/**
 * Numbers and booleans in Go's spelling: what `strconv.ParseFloat`, `ParseBool` and `FormatFloat` do for 64 bits.
 * Filters compare with these, templates and sjson print with them; a difference of one digit is a filter that decides
 * otherwise. Checked against Go 1.26 (table in the test).
 */

// A group of digits; underscores may stand singly between digits, in decimal floats too.
const DIGITS = String.raw`\d+(?:_\d+)*`;
const HEX_DIGITS = String.raw`[\da-f]+(?:_[\da-f]+)*`;
const decimal = new RegExp(String.raw`^[+-]?(?:${DIGITS}(?:\.(?:${DIGITS})?)?|\.${DIGITS})(?:e[+-]?${DIGITS})?$`, "i");
const hexadecimal = new RegExp(
  String.raw`^([+-]?)0x(?:_?(${HEX_DIGITS})(?:\.(${HEX_DIGITS})?)?|\.(${HEX_DIGITS}))p([+-]?${DIGITS})$`,
  "i",
);
const infinite = /^[+-]?inf(?:inity)?$/i;

/**
 * Go's `strconv.ParseFloat(text, 64)`. Undefined where Go reports an error: no number at all, or one out of range
 * (`1e999`). Takes hex floats (`0x1.8p3`, the exponent is required), `inf`, `infinity`, `nan` in any case (no sign
 * before `nan`) and single underscores between digits. No surrounding space. Linear in the length.
 */
export function parseFloat64(text: string): number | undefined {
  const value = readFloat(text);
  return value === undefined || (!Number.isFinite(value) && !Number.isNaN(value) && !infinite.test(text))
    ? undefined
    : value;
}

/** What Go code gets that ignores ParseFloat's error, as gjson does: 0 where there is no number, ±Inf out of range. */
export function floatOrZero(text: string): number {
  return readFloat(text) ?? 0;
}

function readFloat(text: string): number | undefined {
  if (decimal.test(text)) return Number(text.includes("_") ? text.replaceAll("_", "") : text);
  if (infinite.test(text)) return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  const hex = hexadecimal.exec(text);
  if (hex === null) return undefined;
  const fraction = (hex[3] ?? hex[4] ?? "").replaceAll("_", "");
  const mantissa = BigInt(`0x0${(hex[2] ?? "").replaceAll("_", "")}${fraction}`);
  const exponent = Number((hex[5] ?? "").replaceAll("_", ""));
  const size = scaled(mantissa, exponent - 4 * fraction.length);
  return hex[1] === "-" ? -size : size;
}

/** mantissa * 2^exponent, rounded once, half to even; subnormals have fewer bits. */
function scaled(mantissa: bigint, exponent: number): number {
  if (mantissa === 0n) return 0;
  const bits = bitLength(mantissa);
  const top = bits + exponent;
  if (top > 1024) return Number.POSITIVE_INFINITY;
  const keep = Math.min(53, top + 1074);
  if (keep < 0) return 0;
  const drop = bits - keep;
  if (drop <= 0) return Number(mantissa) * 2 ** exponent;
  let kept = mantissa >> BigInt(drop);
  const rest = mantissa - (kept << BigInt(drop));
  const half = 1n << BigInt(drop - 1);
  if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
  return Number(kept) * 2 ** (exponent + drop);
}

function bitLength(value: bigint): number {
  const hex = value.toString(16);
  return (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex.charAt(0), 16)));
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((text): [string, boolean] => [text, true]),
  ...["0", "f", "F", "false", "FALSE", "False"].map((text): [string, boolean] => [text, false]),
]);

/** Go's `strconv.ParseBool`: its twelve spellings, undefined for anything else. */
export function parseBool(text: string): boolean | undefined {
  return booleans.get(text);
}

/** The digits of a number without leading and trailing zeros, and where the point stands: 0.digits * 10^point. */
interface Digits {
  readonly digits: string;
  readonly point: number;
}

/**
 * Go's `strconv.FormatFloat(n, format, precision, 64)`. Precision -1 is the shortest text that reads back the same;
 * another one is the number of digits after the point (`f`, `e`) or of all digits (`g`), rounded half to even on the
 * exact value (JavaScript's `toFixed` rounds half up: 2.5 would become 3). `NaN`, `+Inf`, `-Inf` and `-0` as Go.
 */
export function formatFloat(n: number, format: "f" | "g" | "e", precision: number): string {
  if (Number.isNaN(n)) return "NaN";
  if (!Number.isFinite(n)) return n > 0 ? "+Inf" : "-Inf";
  const sign = n < 0 || Object.is(n, -0) ? "-" : "";
  const size = Math.abs(n);
  if (precision < 0) return sign + shortest(size, format);
  if (format === "f") {
    const exact = exactDigits(size);
    return sign + plain(rounded(exact, exact.point + precision), precision);
  }
  const wanted = format === "e" ? precision + 1 : Math.max(precision, 1);
  const digits = rounded(exactDigits(size), wanted);
  return sign + (format === "e" ? scientific(digits, precision) : general(digits, wanted));
}

function shortest(size: number, format: "f" | "g" | "e"): string {
  // Whole numbers below 1e21 and fractions from 1e-6 print the same in JavaScript.
  if (format === "f" && (size === 0 || (size >= 1e-6 && size < 1e21))) return String(size);
  const digits = shortestDigits(size);
  if (format === "f") return plain(digits, Math.max(digits.digits.length - digits.point, 0));
  return format === "e" ? scientific(digits, Math.max(digits.digits.length - 1, 0)) : general(digits, -1);
}

function shortestDigits(size: number): Digits {
  const [mantissa = "0", exponent = "0"] = size.toExponential().split("e");
  return trimmed(mantissa.replace(".", ""), Number(exponent) + 1);
}

function exactDigits(size: number): Digits {
  if (size === 0) return { digits: "", point: 0 };
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, size);
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n);
  const fraction = bits & 0xfffffffffffffn;
  const mantissa = biased === 0 ? fraction : fraction | (1n << 52n);
  const exponent = Math.max(biased, 1) - 1075;
  if (exponent >= 0) {
    const text = (mantissa << BigInt(exponent)).toString();
    return trimmed(text, text.length);
  }
  const text = (mantissa * 5n ** BigInt(-exponent)).toString();
  return trimmed(text, text.length + exponent);
}

function trimmed(text: string, point: number): Digits {
  let end = text.length;
  while (end > 0 && text.charAt(end - 1) === "0") end--;
  return { digits: text.slice(0, end), point: end === 0 ? 0 : point };
}

/** At most `count` digits, half to even on what is cut off. */
function rounded(exact: Digits, count: number): Digits {
  const { digits, point } = exact;
  if (count >= digits.length) return exact;
  if (count < 0) return { digits: "", point: 0 };
  const rest = digits.slice(count);
  const odd = count > 0 && Number(digits.charAt(count - 1)) % 2 === 1;
  const up = rest.charAt(0) > "5" || (rest.charAt(0) === "5" && (rest.length > 1 || odd));
  if (!up) return trimmed(digits.slice(0, count), point);
  const next = (BigInt(`0${digits.slice(0, count)}`) + 1n).toString();
  return trimmed(next, point + next.length - count);
}

function plain({ digits, point }: Digits, precision: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  if (precision === 0) return whole;
  const fraction = point >= 0 ? digits.slice(point) : "0".repeat(Math.min(-point, precision)) + digits;
  return `${whole}.${fraction.slice(0, precision).padEnd(precision, "0")}`;
}

function scientific({ digits, point }: Digits, precision: number): string {
  const exponent = digits === "" ? 0 : point - 1;
  const fraction = precision > 0 ? `.${digits.slice(1).padEnd(precision, "0")}` : "";
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${digits.charAt(0) || "0"}${fraction}e${exponent < 0 ? "-" : "+"}${size}`;
}

/** `g`: scientific below 1e-4 and from 10^precision on; the shortest form decides as if the precision were 6. */
function general(number: Digits, precision: number): string {
  const { digits, point } = number;
  const count = digits.length;
  let limit = precision;
  if (precision > count && count >= point) limit = count;
  if (precision < 0) limit = 6;
  const exponent = digits === "" ? -1 : point - 1;
  if (exponent < -4 || exponent >= limit) return scientific(number, Math.max(count - 1, 0));
  return plain(number, Math.max(count - point, 0));
}
