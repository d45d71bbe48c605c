import { type Civil, civilOf, formatDuration, formatTime, loadZone, parseTime, UTC, type Zone } from "../go-time.ts";

/** `time.Duration`: nanoseconds. */
export class GoDuration {
  readonly ns: bigint;
  constructor(ns: bigint) {
    this.ns = BigInt.asIntN(64, ns);
  }
}

/** `time.Time`: nanoseconds since 1970-01-01T00:00:00Z, and whose clock shows it. */
export class GoTime {
  readonly unixNs: bigint;
  readonly zone: Zone;
  constructor(unixNs: bigint, zone: Zone = UTC) {
    this.unixNs = unixNs;
    this.zone = zone;
  }
}

const SECOND = 1_000_000_000n;

const dateLayouts = [
  "2006-01-02",
  "15:04:05",
  "2006-01-02 15:04:05",
  "2006-01-02T15:04:05Z07:00",
  "02 Jan 06 15:04 MST",
  "Monday, 02-Jan-06 15:04:05 MST",
  "Mon, 02 Jan 2006 15:04:05 MST",
];

/** `date(text)`, `date(text, layout)`, `date(text, layout, zone)`: undefined when the text does not fit. */
export function parseDate(text: string, layout?: string, zoneName = "UTC"): GoTime | undefined {
  const zone = zoneName === "Local" ? UTC : loadZone(zoneName);
  if (zone === undefined) return undefined;
  for (const candidate of layout === undefined ? dateLayouts : [layout]) {
    const found = parseTime(candidate, text, zone);
    if (found.ok) return new GoTime(BigInt(found.instant.seconds) * SECOND + BigInt(found.instant.nanos), found.zone);
  }
  return undefined;
}

/** `time.Time.Sub`: what does not fit in a duration is the longest one. */
export function between(later: GoTime, earlier: GoTime): GoDuration {
  const ns = later.unixNs - earlier.unixNs;
  const longest = 2n ** 63n - 1n;
  return new GoDuration(ns > longest ? longest : ns < -longest - 1n ? -longest - 1n : ns);
}

function nanosOf(unixNs: bigint): bigint {
  return ((unixNs % SECOND) + SECOND) % SECOND;
}
function secondsOf(unixNs: bigint): number {
  return Number((unixNs - nanosOf(unixNs)) / SECOND);
}

function clock({ unixNs, zone }: GoTime): Civil {
  return civilOf(secondsOf(unixNs), zone.at(secondsOf(unixNs)).offset);
}

type Method<T> = (self: T) => unknown;

const durationMethods: Readonly<Record<string, Method<GoDuration>>> = {
  Hours: ({ ns }) => Number(ns) / 3.6e12,
  Minutes: ({ ns }) => Number(ns) / 6e10,
  Seconds: ({ ns }) => Number(ns) / 1e9,
  Milliseconds: ({ ns }) => ns / 1_000_000n,
  Microseconds: ({ ns }) => ns / 1_000n,
  Nanoseconds: ({ ns }) => ns,
  Abs: ({ ns }) => new GoDuration(ns < 0n ? -ns : ns),
  String: (self) => printDuration(self),
};

const timeMethods: Readonly<Record<string, Method<GoTime>>> = {
  Unix: ({ unixNs }) => BigInt(secondsOf(unixNs)),
  UnixMilli: ({ unixNs }) => BigInt(secondsOf(unixNs)) * 1_000n + nanosOf(unixNs) / 1_000_000n,
  UnixMicro: ({ unixNs }) => BigInt(secondsOf(unixNs)) * 1_000_000n + nanosOf(unixNs) / 1_000n,
  UnixNano: ({ unixNs }) => BigInt.asIntN(64, unixNs),
  Year: (self) => BigInt(clock(self).year),
  Month: (self) => BigInt(clock(self).month),
  Day: (self) => BigInt(clock(self).day),
  Weekday: (self) => BigInt(clock(self).weekday),
  Hour: (self) => BigInt(clock(self).hour),
  Minute: (self) => BigInt(clock(self).minute),
  Second: (self) => BigInt(clock(self).second),
  Nanosecond: ({ unixNs }) => nanosOf(unixNs),
  YearDay: (self) => BigInt(clock(self).yearDay),
  UTC: ({ unixNs }) => new GoTime(unixNs),
  String: (self) => printTime(self),
};

/** The methods without arguments that are here; `time.Time` has more, which are refused at load. */
export function methodNames(kind: "time" | "duration"): readonly string[] {
  return Object.keys(kind === "time" ? timeMethods : durationMethods);
}

/** What `value.name()` gives, or undefined when there is no such method. */
export function method(value: GoTime | GoDuration, name: string): (() => unknown) | undefined {
  if (value instanceof GoTime) {
    const found = Object.hasOwn(timeMethods, name) ? timeMethods[name] : undefined;
    return found && (() => found(value));
  }
  const found = Object.hasOwn(durationMethods, name) ? durationMethods[name] : undefined;
  return found && (() => found(value));
}

/** `time.Duration.String`: `1h0m0.5s`, `1.5ms`. */
export function printDuration({ ns }: GoDuration): string {
  return formatDuration(ns);
}

/** `time.Time.String`: `2020-01-02 03:04:05.5 +0000 UTC`. */
export function printTime(time: GoTime): string {
  return format(time, "2006-01-02 15:04:05.999999999 -0700 MST");
}

/** RFC 3339 with nanoseconds, as JSON has times. */
export function isoTime(time: GoTime): string {
  return format(time, "2006-01-02T15:04:05.999999999Z07:00");
}

function format({ unixNs, zone }: GoTime, layout: string): string {
  return formatTime({ seconds: secondsOf(unixNs), nanos: Number(nanosOf(unixNs)) }, zone, layout);
}
