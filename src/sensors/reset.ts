import { compileCron, type GoCron } from "../expressions/go-cron.ts";
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
    const cron = compileSchedule(byTime, { ...place, path: [...place.path, i, "byTime"] });
    if (cron !== undefined) schedules.push(ticksOf(cron));
  }
  if (schedules.length === 0) return undefined;
  return (heldAtMs) => {
    let atMs = Number.POSITIVE_INFINITY;
    for (const next of schedules) atMs = Math.min(atMs, next(heldAtMs));
    return atMs === Number.POSITIVE_INFINITY ? undefined : { atMs, decision: "reset" };
  };
}

function compileSchedule(
  { cron, timezone = "" }: ResetSpecs[number]["byTime"],
  { path, report }: { readonly path: Path; readonly report: Report },
): GoCron | undefined {
  if (loadZone(timezone) !== undefined) return report.expression([...path, "cron"], () => compileCron(cron, timezone));
  report.error([...path, "timezone"], `there is no time zone ${JSON.stringify(timezone)}`);
  return undefined;
}

/** The first tick after a time; Infinity when there is none. Finding it costs 100 µs, so the last one is kept. */
function ticksOf(cron: GoCron): (afterMs: number) => number {
  let known = { fromMs: Number.POSITIVE_INFINITY, tickMs: Number.NEGATIVE_INFINITY };
  return (afterMs) => {
    if (afterMs < known.fromMs || afterMs >= known.tickMs) {
      known = { fromMs: afterMs, tickMs: cron.next(afterMs) ?? Number.POSITIVE_INFINITY };
    }
    return known.tickMs;
  };
}
