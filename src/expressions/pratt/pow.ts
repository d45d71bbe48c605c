/** `value` as mantissa in [0.5, 1) and power of two; `value` is finite and not 0. */
function splitFloat(value: number): [mantissa: number, power: number] {
  const view = new DataView(new ArrayBuffer(8));
  const tiny = Math.abs(value) < 2 ** -1022;
  view.setFloat64(0, tiny ? value * 2 ** 54 : value);
  const high = view.getUint32(0);
  const power = ((high >>> 20) & 0x7ff) - 1022 - (tiny ? 54 : 0);
  view.setUint32(0, (high & 0x800fffff) | (1022 << 20));
  return [view.getFloat64(0), power];
}

/** `mantissa * 2 ** power` without leaving the range on the way. */
function scale(mantissa: number, power: number): number {
  if (power > 1000) return mantissa * 2 ** 1000 * 2 ** Math.min(power - 1000, 1000);
  if (power < -1000) return mantissa * 2 ** -1000 * 2 ** Math.max(power + 1000, -1000);
  return mantissa * 2 ** power;
}

/**
 * `math.Pow`: the whole part of the exponent by repeated squaring of the mantissa, the rest by exp and log, so that the last
 * digit is Go's; V8's `**` differs there for about one in ten non-integer results. 1 to any power is 1, -1 to an infinite
 * one too.
 */
export function goPow(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY)) return 1;
  const whole = Math.trunc(Math.abs(exponent));
  const isSpecial = base === 0 || !Number.isFinite(base) || !Number.isFinite(exponent) || whole >= 2 ** 63;
  if (isSpecial || exponent === 0 || exponent === 1) return base ** exponent;
  if (Math.abs(exponent) === 0.5) return exponent > 0 ? Math.sqrt(base) : 1 / Math.sqrt(base);
  if (base < 0 && whole !== Math.abs(exponent)) return Number.NaN;
  return powFinite(base, exponent, whole);
}

function powFinite(base: number, exponent: number, whole: number): number {
  let fraction = Math.abs(exponent) - whole;
  let steps = BigInt(whole);
  if (fraction > 0.5) {
    fraction -= 1;
    steps += 1n;
  }
  let result = fraction === 0 ? 1 : Math.exp(fraction * Math.log(base));
  let resultPower = 0;
  let [mantissa, power] = splitFloat(base);
  for (; steps !== 0n; steps >>= 1n) {
    if (Math.abs(power) > 4096) {
      // Far out of range: what is left can only drive it further.
      resultPower += power;
      break;
    }
    if ((steps & 1n) === 1n) {
      result *= mantissa;
      resultPower += power;
    }
    mantissa *= mantissa;
    power *= 2;
    if (mantissa < 0.5) {
      mantissa *= 2;
      power -= 1;
    }
  }
  return exponent < 0 ? scale(1 / result, -resultPower) : scale(result, resultPower);
}
