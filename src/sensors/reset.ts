import { Cron } from "croner";
import { loadZone } from "../expressions/go-time.ts";
import type { Path } from "../lib/finding.ts";
import type { Ending } from "./plan.ts";
import type { Report } from "./report.ts";
import type { TriggerSpec } from "./schema.ts";

type ResetSpecs = NonNullable<TriggerSpec["template"]["conditionsReset"]>;

/** A time after which a partial event that came at `heldAtMs` no longer counts. */
type EndingOf = (heldAtMs: number) => Ending | undefined;

/**
 * `conditionsReset` (reference 3.5): a partial event ends at the next tick of any schedule. The end is known when the
 * event is kept, so that a tick that passes while nothing runs is not missed. Without `timezone`: UTC, as the docs say
 * and the stock image does.
 */
export function compileReset(specs: ResetSpecs, place: { path: Path; report: Report }): EndingOf | undefined {
  const schedules: ((afterMs: number) => number)[] = [];
  for (const [i, { byTime }] of specs.entries()) {
    const schedule = compileSchedule(byTime, { ...place, path: [...place.path, i, "byTime"] });
    if (schedule !== undefined) schedules.push(schedule);
  }
  if (schedules.length === 0) return undefined;
  return (heldAtMs) => {
    let atMs = Number.POSITIVE_INFINITY;
    for (const next of schedules) atMs = Math.min(atMs, next(heldAtMs));
    return atMs === Number.POSITIVE_INFINITY ? undefined : { atMs, decision: "reset" };
  };
}

function compileSchedule(
  { cron, timezone }: ResetSpecs[number]["byTime"],
  { path, report }: { readonly path: Path; readonly report: Report },
): ((afterMs: number) => number) | undefined {
  const [, prefixed, fields] = /^(?:(?:CRON_)?TZ=(\S+)\s+)?(.*)$/s.exec(cron.trim()) ?? [];
  const zone = prefixed ?? timezone ?? "";
  const zonePath = prefixed === undefined ? "timezone" : "cron";
  if (loadZone(zone) === undefined) {
    report.error([...path, zonePath], `there is no time zone ${JSON.stringify(zone)}`);
    return undefined;
  }
  const pattern = fieldsOf(fields ?? "");
  try {
    if (pattern !== undefined)
      return ticksOf(new Cron(pattern, { paused: true, timezone: zone || "UTC", mode: "5-part" }));
  } catch {
    // Said below, in the words of the manifest.
  }
  report.error([...path, "cron"], `${JSON.stringify(cron)} is not a cron expression of five fields`);
  return undefined;
}

/** The first tick after a time; Infinity when there is none. Finding it costs 50 µs, so the last one is kept. */
function ticksOf(cron: Cron): (afterMs: number) => number {
  let known = { fromMs: Number.POSITIVE_INFINITY, tickMs: Number.NEGATIVE_INFINITY };
  return (afterMs) => {
    if (afterMs < known.fromMs || afterMs >= known.tickMs) {
      known = { fromMs: afterMs, tickMs: cron.nextRun(new Date(afterMs))?.getTime() ?? Number.POSITIVE_INFINITY };
    }
    return known.tickMs;
  };
}

const ranges = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
] as const;
const names = [
  [],
  [],
  [],
  "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" "),
  "SUN MON TUE WED THU FRI SAT".split(" "),
];

/**
 * The five fields as robfig/cron reads them, spelt for the library: `?` is `*`, `5/10` runs to the end of the range, and
 * nothing that only the library knows (seconds, L, W, #, 7 for Sunday, @daily) is let through.
 */
function fieldsOf(text: string): string | undefined {
  const fields = text.split(/\s+/);
  if (fields.length !== 5) return undefined;
  const spelt = fields.map((field, i) => fieldOf(field, i));
  return spelt.includes(undefined) ? undefined : spelt.join(" ");
}

function fieldOf(field: string, index: number): string | undefined {
  const [low, high] = ranges[index] ?? [0, 0];
  const number = (word: string): number => {
    const named = (names[index] ?? []).indexOf(word.toUpperCase());
    return named >= 0 ? named + low : /^\d{1,2}$/.test(word) ? Number(word) : Number.NaN;
  };
  const parts: string[] = [];
  for (const part of field.split(",")) {
    const match = /^(?:([*?])|([A-Za-z0-9]+)(?:-([A-Za-z0-9]+))?)(?:\/(\d+))?$/.exec(part);
    if (match === null) return undefined;
    const [, star, from = "", to, step] = match;
    const pace = step === undefined ? 1 : Number(step);
    if (pace === 0) return undefined;
    if (star !== undefined && pace === 1) {
      parts.push("*");
      continue;
    }
    const start = star === undefined ? number(from) : low;
    const end = to !== undefined ? number(to) : step === undefined ? start : high;
    if (!(start >= low && end <= high && start <= end)) return undefined;
    parts.push(pace > end - start ? String(start) : `${start}-${end}/${pace}`);
  }
  return parts.join(",");
}
