import {
  civilOf,
  formatDuration,
  formatTime,
  type Instant,
  loadZone,
  offsetOfWall,
  secondsOf,
  UTC,
  type Zone,
} from "../go-time.ts";
import {
  type CallContext,
  fn,
  type GoFunction,
  type GoInt,
  type GoObject,
  type GoValue,
  int,
  int64,
} from "../go-value.ts";

/** A time.Time. */
export interface GoTime extends GoObject {
  readonly instant: Instant;
  readonly zone: Zone;
}

/** Go's zero time: the year 1. */
export const ZERO_SECONDS = -62_135_596_800;
const GO_FORMAT = "2006-01-02 15:04:05.999999999 -0700 MST";
const RFC3339_NANO = "2006-01-02T15:04:05.999999999Z07:00";

export function timeValue(instant: Instant, zone: Zone): GoTime {
  const self: GoTime = {
    go: "object",
    type: "time.Time",
    kind: "struct",
    instant,
    zone,
    print: () => formatTime(instant, zone, GO_FORMAT),
    json: () => `"${formatTime(instant, zone, RFC3339_NANO)}"`,
    equals: (other) =>
      isTime(other) &&
      other.instant.seconds === instant.seconds &&
      other.instant.nanos === instant.nanos &&
      other.zone.name === zone.name,
    method: (name) => METHODS.get(name)?.(self),
  };
  return self;
}

export function isTime(value: GoValue): value is GoTime {
  return typeof value === "object" && value !== null && value.go === "object" && value.type === "time.Time";
}

/** `time.Now()`, in the local zone. */
export function now(cx: CallContext): GoTime {
  const seconds = Math.floor(cx.nowMs / 1000);
  return timeValue({ seconds, nanos: Math.round((cx.nowMs - seconds * 1000) * 1e6) }, localZone(cx));
}

export function localZone(cx: CallContext): Zone {
  return zoneNamed("Local", cx);
}

/** A zone by name, UTC when there is none of that name, as sprig has it. */
export function zoneNamed(name: string, cx: CallContext): Zone {
  const wanted = name === "Local" ? cx.localZone : name;
  return cx.remember(`zone ${name}`, () => {
    const zone = loadZone(wanted) ?? UTC;
    return name === "Local" && zone !== UTC ? { ...zone, name: "Local" } : zone;
  });
}

export function nanosOf({ instant }: GoTime): bigint {
  return BigInt(instant.seconds) * 1_000_000_000n + BigInt(instant.nanos);
}

export function plusNanos(time: GoTime, nanos: bigint): GoTime {
  const total = nanosOf(time) + nanos;
  const rest = ((total % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return timeValue({ seconds: Number((total - rest) / 1_000_000_000n), nanos: Number(rest) }, time.zone);
}

/** A time.Duration with the methods a template may want. */
export function durationValue(nanos: bigint): GoInt {
  const text = formatDuration(nanos);
  const methods = new Map<string, GoFunction>([
    ["String", fn([], () => text)],
    ["Nanoseconds", fn([], () => int64(nanos))],
    ["Microseconds", fn([], () => int64(nanos / 1_000n))],
    ["Milliseconds", fn([], () => int64(nanos / 1_000_000n))],
    ["Seconds", fn([], () => Number(nanos) / 1e9)],
    ["Minutes", fn([], () => Number(nanos) / 6e10)],
    ["Hours", fn([], () => Number(nanos) / 3.6e12)],
  ]);
  return { go: "int", type: "time.Duration", value: nanos, text, methods };
}

function named(type: "time.Month" | "time.Weekday", value: number, text: string): GoInt {
  return { go: "int", type, value: BigInt(value), text, methods: new Map([["String", fn([], () => text)]]) };
}

function civil(time: GoTime): ReturnType<typeof civilOf> {
  return civilOf(time.instant.seconds, time.zone.at(time.instant.seconds).offset);
}

const show = (time: GoTime, layout: string): string => formatTime(time.instant, time.zone, layout);

function compare(a: GoTime, b: GoValue): number {
  if (!isTime(b)) return 0;
  return a.instant.seconds - b.instant.seconds || a.instant.nanos - b.instant.nanos;
}

function addDate(time: GoTime, by: readonly [number, number, number]): GoTime {
  const at = civil(time);
  const wall = secondsOf({ ...at, year: at.year + by[0], month: at.month + by[1], day: at.day + by[2] });
  const seconds = wall - offsetOfWall(time.zone, wall);
  return timeValue({ seconds, nanos: time.instant.nanos }, time.zone);
}

function getter(of: (time: GoTime) => GoValue): (time: GoTime) => GoFunction {
  return (time) => fn([], () => of(time));
}

/** The methods of time.Time that give one value. A duration argument can only be a number literal, as in Go. */
const METHODS: ReadonlyMap<string, (time: GoTime) => GoFunction> = new Map([
  ["Format", (time: GoTime) => fn(["string"], ([layout]) => show(time, layout))],
  ["String", getter((time) => time.print())],
  ["Unix", getter((time) => int64(BigInt(time.instant.seconds)))],
  ["UnixMilli", getter((time) => int64(nanosOf(time) / 1_000_000n))],
  ["UnixMicro", getter((time) => int64(nanosOf(time) / 1_000n))],
  ["UnixNano", getter((time) => int64(nanosOf(time)))],
  ["Year", getter((time) => int(civil(time).year))],
  ["Month", getter((time) => named("time.Month", civil(time).month, show(time, "January")))],
  ["Day", getter((time) => int(civil(time).day))],
  ["Hour", getter((time) => int(civil(time).hour))],
  ["Minute", getter((time) => int(civil(time).minute))],
  ["Second", getter((time) => int(civil(time).second))],
  ["Nanosecond", getter((time) => int(time.instant.nanos))],
  ["YearDay", getter((time) => int(civil(time).yearDay))],
  ["Weekday", getter((time) => named("time.Weekday", civil(time).weekday, show(time, "Monday")))],
  ["UTC", getter((time) => timeValue(time.instant, UTC))],
  ["Local", (time: GoTime) => fn([], (_, cx) => timeValue(time.instant, localZone(cx)))],
  ["IsZero", getter((time) => time.instant.seconds === ZERO_SECONDS && time.instant.nanos === 0)],
  ["Before", (time: GoTime) => fn(["time"], ([other]) => compare(time, other) < 0)],
  ["After", (time: GoTime) => fn(["time"], ([other]) => compare(time, other) > 0)],
  ["Equal", (time: GoTime) => fn(["time"], ([other]) => compare(time, other) === 0)],
  ["Compare", (time: GoTime) => fn(["time"], ([other]) => int(Math.sign(compare(time, other))))],
  [
    "Sub",
    (time: GoTime) => fn(["time"], ([other]) => durationValue(isTime(other) ? nanosOf(time) - nanosOf(other) : 0n)),
  ],
  ["Add", (time: GoTime) => fn(["duration"], ([nanos]) => plusNanos(time, nanos))],
  ["AddDate", (time: GoTime) => fn(["int", "int", "int"], (by) => addDate(time, by))],
]);
