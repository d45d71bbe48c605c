import { compileCron, type GoCron } from "../expressions/go-cron.ts";
import type { Path } from "../lib/finding.ts";
import { durationOf } from "./duration-of.ts";
import type { Maintenance } from "./plan.ts";
import type { Report } from "./report.ts";
import type { TriggerSpec } from "./schema.ts";

interface Window {
  readonly schedule: GoCron;
  readonly durationMs: number;
}

/**
 * Windows of maintenance: each begins at a tick of its schedule and lasts its duration of real time, also where clocks are
 * changed in between. undefined when there are none, or one is at fault.
 */
export function compileMaintenance(
  specs: NonNullable<TriggerSpec["maintenance"]>,
  { path, report }: { readonly path: Path; readonly report: Report },
): ((nowMs: number) => Maintenance) | undefined {
  const windows: Window[] = [];
  for (const [i, { cron, duration, timezone }] of specs.entries()) {
    const schedule = report.expression([...path, i, "cron"], () => compileCron(cron, timezone));
    const durationMs = durationOf(duration, { path: [...path, i, "duration"], report });
    if (schedule !== undefined && durationMs !== undefined) windows.push({ schedule, durationMs });
  }
  return windows.length < specs.length || windows.length === 0 ? undefined : (nowMs) => maintenanceAt(windows, nowMs);
}

/** Windows that touch are one. So many are joined at once; at the end that is told then, the others are. */
const mostJoined = 100;

function maintenanceAt(windows: readonly Window[], nowMs: number): Maintenance {
  let untilMs: number | undefined;
  for (let joined = 0; joined < mostJoined; joined++) {
    const later = endAfter(windows, untilMs ?? nowMs);
    if (later === undefined) break;
    untilMs = later;
  }
  if (untilMs !== undefined) return { untilMs };
  const begins = windows.flatMap(({ schedule }) => schedule.next(nowMs) ?? []);
  return begins.length === 0 ? {} : { beginsMs: Math.min(...begins) };
}

/** The latest end of the windows that a moment is in; a window is over at its end. */
function endAfter(windows: readonly Window[], atMs: number): number | undefined {
  const ends = windows.flatMap(({ schedule, durationMs }) => {
    const beganMs = schedule.next(atMs - durationMs);
    return beganMs !== undefined && beganMs <= atMs ? [beganMs + durationMs] : [];
  });
  return ends.length === 0 ? undefined : Math.max(...ends);
}
