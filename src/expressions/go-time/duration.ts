const UNITS: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["µs", 1_000n],
  ["μs", 1_000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
]);
const MAX = 1n << 63n;

/** `time.ParseDuration`: nanoseconds, or undefined when it is not a duration or does not fit in int64. */
export function parseDuration(text: string): bigint | undefined {
  const negative = text.startsWith("-");
  let rest = negative || text.startsWith("+") ? text.slice(1) : text;
  if (rest === "0") return 0n;
  if (rest === "") return undefined;
  let total = 0n;
  while (rest !== "") {
    const part = /^([0-9]*)(?:\.([0-9]*))?([^0-9.]+)/.exec(rest);
    const unit = UNITS.get(part?.[3] ?? "");
    const whole = part?.[1] ?? "";
    const fraction = part?.[2] ?? "";
    if (part === null || unit === undefined || whole + fraction === "") return undefined;
    // Go reads the fraction as far as int64 goes and drops the rest; 18 digits always fit.
    const digits = fraction.slice(0, 18);
    const scaled = digits === "" ? 0n : (BigInt(digits) * unit) / 10n ** BigInt(digits.length);
    if (whole.length > 19) return undefined;
    total += BigInt(whole || "0") * unit + scaled;
    if (total > MAX) return undefined;
    rest = rest.slice(part[0].length);
  }
  if (negative) return -total;
  return total === MAX ? undefined : total;
}

/** `time.Duration.String()`: `1h2m3.5s`, `0s`, `1.5ms`. */
export function formatDuration(nanos: bigint): string {
  if (nanos === 0n) return "0s";
  const sign = nanos < 0n ? "-" : "";
  const size = nanos < 0n ? -nanos : nanos;
  if (size < 1_000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${withFraction(size, 3)}µs`;
  if (size < 1_000_000_000n) return `${sign}${withFraction(size, 6)}ms`;
  const minutes = size / 60_000_000_000n;
  const seconds = withFraction(size % 60_000_000_000n, 9);
  if (minutes === 0n) return `${sign}${seconds}s`;
  return minutes < 60n ? `${sign}${minutes}m${seconds}s` : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}s`;
}

function withFraction(value: bigint, digits: number): string {
  const unit = 10n ** BigInt(digits);
  const fraction = (value % unit).toString().padStart(digits, "0").replace(/0+$/, "");
  return fraction === "" ? String(value / unit) : `${value / unit}.${fraction}`;
}
