import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

/**
 * Folds repeats of one problem: the first is logged, those within the next minute are only counted, and the next one
 * after it says how many there were. A source that fails for hours is a line a minute, not a line a second.
 */
export function createFold(
  log: Log,
  clock: Clock,
  windowMs = 60_000,
): (key: string, fields: object, message: string) => void {
  const seen = new Map<string, { sinceMs: number; hidden: number }>();
  return (key, fields, message) => {
    const nowMs = clock.nowMs();
    const last = seen.get(key);
    // in either direction: a clock that was set back must not hide a problem for as long
    if (last !== undefined && Math.abs(nowMs - last.sinceMs) < windowMs) {
      last.hidden += 1;
      return;
    }
    const repeated = last === undefined || last.hidden === 0 ? {} : { repeated: last.hidden };
    log.warn({ ...fields, ...repeated }, message);
    seen.set(key, { sinceMs: nowMs, hidden: 0 });
    if (seen.size > 1000) for (const [old, { sinceMs }] of seen) if (nowMs - sinceMs >= windowMs) seen.delete(old);
  };
}
