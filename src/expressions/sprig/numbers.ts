import { parseFloat64 } from "../go-number.ts";
import type { GoValue } from "../go-value.ts";

const MAX = (1n << 63n) - 1n;
const MIN = -(1n << 63n);

/** `strconv.ParseInt(text, base, 64)`; base 0 reads prefixes and underscores. Undefined when it fails. */
export function parseInt64(text: string, base: 0 | 8 | 10): bigint | undefined {
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  const body = text.slice(sign.length);
  const size = base === 0 ? prefixed(body) : plain(body, base);
  if (size === undefined) return undefined;
  const value = sign === "-" ? -size : size;
  return value > MAX || value < MIN ? undefined : value;
}

function plain(body: string, base: 8 | 10): bigint | undefined {
  // More digits than int64 has would only cost time.
  const digits = body.replace(/^0+(?=.)/, "");
  if (digits.length > 40 || !(base === 8 ? /^[0-7]+$/ : /^[0-9]+$/).test(digits)) return undefined;
  return BigInt(base === 8 ? `0o${digits}` : digits);
}

function prefixed(body: string): bigint | undefined {
  if (body.length > 200) return undefined;
  const parts = /^(0[xX]_?|0[oO]_?|0[bB]_?|0_?(?=[0-9]))?([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)$/.exec(body);
  if (parts === null) return undefined;
  const [, prefix = "", grouped = ""] = parts;
  const digits = grouped.replaceAll("_", "");
  if (/^0[xX]/.test(prefix)) return BigInt(`0x${digits}`);
  if (/^0[bB]/.test(prefix)) return /^[01]+$/.test(digits) ? BigInt(`0b${digits}`) : undefined;
  if (prefix !== "") return plain(digits, 8);
  return plain(digits, 10);
}

/** `cast.ToInt64`: 0 for what is no number. A string may be hexadecimal, octal ("010" is 8) or end in ".0". */
export function toInt64(value: GoValue): bigint {
  if (typeof value === "number") return truncated(value);
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "string") return parseInt64(value.replace(/\.0+$/, ""), 0) ?? 0n;
  if (typeof value === "object" && value !== null && value.go === "int" && value.type !== "time.Duration") {
    return BigInt.asIntN(64, value.value);
  }
  return 0n;
}

/** What amd64 makes of a float64 that int64 cannot hold: the smallest int64. */
function truncated(value: number): bigint {
  if (!Number.isFinite(value)) return MIN;
  const whole = BigInt(Math.trunc(value));
  return whole > MAX || whole < MIN ? MIN : whole;
}

/** `cast.ToFloat64`: 0 for what is no number. */
export function toFloat64(value: GoValue): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string") return parseFloat64(value) ?? 0;
  if (typeof value === "object" && value !== null && value.go === "int" && value.type !== "time.Duration") {
    return Number(value.value);
  }
  return 0;
}
