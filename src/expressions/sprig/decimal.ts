import { CallFault, type Meter } from "../go-value.ts";

/** An exact decimal: digits × 10^exponent. */
export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** The decimal that the shortest text of the float says: 0.1 is one tenth. */
export function decimalOf(value: number): Decimal {
  if (!Number.isFinite(value)) throw new CallFault(`Cannot create a Decimal from ${String(value)}`);
  const parts = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:e([+-][0-9]+))?$/.exec(String(value));
  const [, sign = "", whole = "0", fraction = "", power = "0"] = parts ?? [];
  return { digits: BigInt(sign + whole + fraction), exponent: Number(power) - fraction.length };
}

/** The nearest float. */
export function floatOf(value: Decimal): number {
  return Number(`${value.digits}e${value.exponent}`);
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const exponent = Math.min(a.exponent, b.exponent);
  return { digits: scaled(a, exponent) + scaled(b, exponent), exponent };
}

export function multiplyDecimals(a: Decimal, b: Decimal, meter: Meter): Decimal {
  const digits = a.digits * b.digits;
  meter.spend(digits.toString(36).length);
  return { digits, exponent: a.exponent + b.exponent };
}

/** The places after the point that a quotient keeps. */
const PLACES = 16;

/** To 16 places, halves away from zero. */
export function divideDecimals(a: Decimal, b: Decimal, meter: Meter): Decimal {
  if (b.digits === 0n) throw new CallFault("decimal division by 0");
  const shift = a.exponent - b.exponent + PLACES;
  meter.spend(Math.abs(shift));
  const above = shift >= 0 ? a.digits * 10n ** BigInt(shift) : a.digits;
  const below = shift >= 0 ? b.digits : b.digits * 10n ** BigInt(-shift);
  const quotient = above / below;
  const rest = above % below;
  const away = 2n * size(rest) >= size(below);
  const direction = above < 0n === below < 0n ? 1n : -1n;
  return { digits: away ? quotient + direction : quotient, exponent: -PLACES };
}

function size(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function scaled(value: Decimal, exponent: number): bigint {
  return value.digits * 10n ** BigInt(value.exponent - exponent);
}
