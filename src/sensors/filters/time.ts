import { offsetOfWall } from "../../expressions/go-time/parse.ts";
import { loadZone, parseTime, UTC, type Zone } from "../../expressions/go-time.ts";
import type { FiltersSpec } from "../dependency-schema.ts";
import type { Filter, FilterPlace } from "./filter.ts";

type TimeSpec = NonNullable<FiltersSpec["time"]>;

const daySeconds = 86_400;

/**
 * `filters.time`: the event's own time against a time of day, on the date that the event has in the zone. start before
 * stop: [start, stop); otherwise from start on, or before stop (reference 3.4).
 */
export function compileTime(spec: TimeSpec, { path, report }: FilterPlace): Filter | undefined {
  const zone = loadZone(spec.timezone ?? "");
  if (zone === undefined) report.error([...path, "timezone"], `there is no time zone ${JSON.stringify(spec.timezone)}`);
  const start = secondOfDay(spec.start);
  const stop = secondOfDay(spec.stop);
  if (start === undefined) report.error([...path, "start"], `${JSON.stringify(spec.start)} is not a time HH:MM:SS`);
  if (stop === undefined) report.error([...path, "stop"], `${JSON.stringify(spec.stop)} is not a time HH:MM:SS`);
  if (zone === undefined || start === undefined || stop === undefined) return undefined;
  if (start === stop) report.error([...path, "stop"], "stop is equal to start");
  const bounds = boundsOf(zone, start, stop);
  const passes = (time: string): boolean => {
    const at = Date.parse(time) / 1000;
    if (Number.isNaN(at)) return false;
    const day = bounds(Math.floor(at));
    return day.start < day.stop ? at >= day.start && at < day.stop : at >= day.start || at < day.stop;
  };
  return {
    passes: (view) => passes(view.event.time),
    explain: (view) => {
      const value = view.event.time;
      const passed = passes(value);
      const said = `${spec.start} to ${spec.stop} ${zone.name}`;
      const readable = !Number.isNaN(Date.parse(value));
      const reason = readable ? `${value} is ${passed ? "in" : "out of"} ${said}` : "the event's time cannot be read";
      return [{ kind: "time", index: 0, passed, value, reason }];
    },
  };
}

/** Read as Go reads `15:04:05`: one digit of hours is enough, a fraction of seconds may follow. */
function secondOfDay(text: string): number | undefined {
  const read = parseTime("2006-01-02 15:04:05", `1970-01-01 ${text}`, UTC);
  return read.ok ? read.instant.seconds + read.instant.nanos / 1e9 : undefined;
}

interface Bounds {
  readonly start: number;
  readonly stop: number;
}

/**
 * The moments of start and stop on the date of a moment, in Unix seconds. Asking a zone costs tens of microseconds, so
 * the last minute's answer is kept: no offset changes within a minute.
 */
function boundsOf(zone: Zone, start: number, stop: number): (seconds: number) => Bounds {
  let known = { minute: Number.NaN, start: 0, stop: 0 };
  return (seconds) => {
    const minute = Math.floor(seconds / 60);
    if (known.minute === minute) return known;
    const midnight = Math.floor((seconds + zone.at(seconds).offset) / daySeconds) * daySeconds;
    const moment = (ofDay: number): number => {
      const wall = midnight + ofDay;
      return wall - offsetOfWall(zone, Math.floor(wall));
    };
    known = { minute, start: moment(start), stop: moment(stop) };
    return known;
  };
}
