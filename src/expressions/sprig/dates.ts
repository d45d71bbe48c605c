import { formatDuration, formatTime, type Instant, parseDuration, parseTime, UTC } from "../go-time.ts";
import { type CallContext, CallFault, fn, type GoFunction, type GoObject, type GoValue } from "../go-value.ts";
import { parseInt64 } from "./numbers.ts";
import {
  type GoTime,
  isTime,
  localZone,
  nanosOf,
  now,
  plusNanos,
  timeValue,
  ZERO_SECONDS,
  zoneNamed,
} from "./time-value.ts";

const SECOND = 1_000_000_000n;

/** Dates. "Local" is the zone of the options, the clock is the caller's. */
export const dates: readonly (readonly [string, GoFunction])[] = [
  ["now", fn([], (_, cx) => now(cx))],
  ["date", fn(["string", "any"], ([layout, date], cx) => dateText({ layout, date, zone: "Local" }, cx))],
  ["htmlDate", fn(["any"], ([date], cx) => dateText({ layout: "2006-01-02", date, zone: "Local" }, cx))],
  ["htmlDateInZone", fn(["any", "string"], ([date, zone], cx) => dateText({ layout: "2006-01-02", date, zone }, cx))],
  ...alias(
    ["dateInZone", "date_in_zone"],
    fn(["string", "any", "string"], ([layout, date, zone], cx) => dateText({ layout, date, zone }, cx)),
  ),
  ...alias(
    ["dateModify", "date_modify"],
    fn(["string", "time"], ([change, time]) => modified(time, change) ?? time),
  ),
  ...alias(
    ["mustDateModify", "must_date_modify"],
    fn(["string", "time"], ([change, time]) => mustModify(time, change)),
  ),
  ["toDate", fn(["string", "string"], ([layout, text], cx) => toDate(layout, text, cx) ?? zeroTime())],
  ["mustToDate", fn(["string", "string"], ([layout, text], cx) => mustToDate(layout, text, cx))],
  ["ago", fn(["any"], ([date], cx) => formatDuration(roundToSecond(nanosOf(now(cx)) - nanosOf(timeOf(date, cx)))))],
  ["duration", fn(["any"], ([seconds]) => formatDuration(BigInt.asIntN(64, wholeSeconds(seconds) * SECOND)))],
  ["durationRound", fn(["any"], ([duration], cx) => roundDuration(spanOf(duration, cx)))],
  ["unixEpoch", fn(["time"], ([time]) => String(isTime(time) ? time.instant.seconds : 0))],
];

function alias(names: readonly string[], made: GoFunction): readonly (readonly [string, GoFunction])[] {
  return names.map((name) => [name, made] as const);
}

function zeroTime(): GoTime {
  return timeValue({ seconds: ZERO_SECONDS, nanos: 0 }, UTC);
}

/** A time, or Unix seconds as int or int64; anything else (a JSON number too) is now. */
function timeOf(date: GoValue, cx: CallContext): GoTime {
  if (isTime(date)) return date;
  if (typeof date === "object" && date !== null && date.go === "int" && /^int/.test(date.type)) {
    return timeValue({ seconds: Number(date.value), nanos: 0 }, localZone(cx));
  }
  return now(cx);
}

function dateText(
  what: { readonly layout: string; readonly date: GoValue; readonly zone: string },
  cx: CallContext,
): string {
  const { instant } = timeOf(what.date, cx);
  cx.meter.spend(what.layout.length * 8);
  return formatTime(instant, zoneNamed(what.zone, cx), what.layout);
}

function modified(time: GoObject, change: string): GoTime | undefined {
  const nanos = parseDuration(change);
  return nanos === undefined || !isTime(time) ? undefined : plusNanos(time, nanos);
}

function mustModify(time: GoObject, change: string): GoTime {
  const result = modified(time, change);
  if (result === undefined) throw new CallFault(`time: invalid duration ${JSON.stringify(change)}`);
  return result;
}

function read(layout: string, text: string, cx: CallContext): { readonly time: GoTime } | { readonly reason: string } {
  cx.meter.spend((layout.length + text.length) * 8);
  const parsed = parseTime(layout, text, localZone(cx));
  return parsed.ok ? { time: timeValue(parsed.instant satisfies Instant, parsed.zone) } : { reason: parsed.reason };
}

function toDate(layout: string, text: string, cx: CallContext): GoTime | undefined {
  const result = read(layout, text, cx);
  return "time" in result ? result.time : undefined;
}

function mustToDate(layout: string, text: string, cx: CallContext): GoTime {
  const result = read(layout, text, cx);
  if ("reason" in result) throw new CallFault(result.reason);
  return result.time;
}

function roundToSecond(nanos: bigint): bigint {
  const half = nanos < 0n ? -SECOND / 2n : SECOND / 2n;
  return ((nanos + half) / SECOND) * SECOND;
}

/** Only an int64 or a text counts; an int does not. */
function wholeSeconds(value: GoValue): bigint {
  if (typeof value === "string") return parseInt64(value, 10) ?? 0n;
  return typeof value === "object" && value !== null && value.go === "int" && value.type === "int64" ? value.value : 0n;
}

function spanOf(value: GoValue, cx: CallContext): bigint {
  if (typeof value === "string") return parseDuration(value) ?? 0n;
  if (isTime(value)) return fitting(nanosOf(now(cx)) - nanosOf(value));
  return typeof value === "object" && value !== null && value.go === "int" && value.type === "int64" ? value.value : 0n;
}

/** `time.Since`: what does not fit in a duration is the longest one, 292 years. */
function fitting(nanos: bigint): bigint {
  const longest = 2n ** 63n - 1n;
  return nanos > longest ? longest : nanos < -longest - 1n ? -longest - 1n : nanos;
}

const UNITS: readonly (readonly [string, bigint])[] = [
  ["y", 365n * 86_400n * SECOND],
  ["mo", 30n * 86_400n * SECOND],
  ["d", 86_400n * SECOND],
  ["h", 3_600n * SECOND],
  ["m", 60n * SECOND],
  ["s", SECOND],
];

/** The largest unit that is exceeded; the sign is dropped. */
function roundDuration(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos;
  for (const [name, unit] of UNITS) if (size > unit) return `${size / unit}${name}`;
  return "0s";
}
