import { parseFloat64 } from "../expressions/go-number.ts";
import { parseDurationMs } from "../lib/duration.ts";
import type { Path } from "../lib/finding.ts";
import type { Report } from "./report.ts";
import type { BackoffSpec } from "./schema.ts";

export interface Pauses {
  readonly attempts: number;
  readonly baseMs: number;
  readonly factor: number;
  readonly jitter: number;
}

/**
 * A Backoff (reference 0): duration 1s, factor 1, jitter 1; steps absent or not positive mean 5. Numbers in quotes are
 * numbers here (in Argo Events the action then never runs: L11); anything else that cannot be read is an error.
 */
export function compileBackoff(spec: BackoffSpec, { path, report }: { path: Path; report: Report }): Pauses {
  const number = (key: "factor" | "jitter"): number => {
    const written = spec[key];
    if (written === undefined) return 1;
    const value = typeof written === "number" ? written : parseFloat64(written);
    if (value !== undefined && Number.isFinite(value) && value >= 0) return value;
    report.error([...path, key], `${JSON.stringify(written)} is not a number of at least 0`);
    return 1;
  };
  const { duration = "1s", steps = 0 } = spec;
  const baseMs = typeof duration === "number" ? duration / 1e6 : parseDurationMs(duration);
  if (baseMs === undefined || baseMs < 0 || (typeof duration === "number" && !Number.isInteger(duration))) {
    const fix = "write a duration such as 5s or 500ms; a plain number counts nanoseconds";
    report.error([...path, "duration"], `${JSON.stringify(duration)} is not a duration`, { fix });
  }
  if (typeof duration === "number" && duration > 0 && duration < 1e6) {
    report.warn([...path, "duration"], `a plain number counts nanoseconds: ${duration} is no pause at all`, "write 5s");
  }
  return {
    attempts: steps > 0 ? steps : 5,
    baseMs: baseMs ?? 1000,
    factor: number("factor"),
    jitter: number("jitter"),
  };
}
