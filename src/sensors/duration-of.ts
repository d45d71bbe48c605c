import { parseDurationMs } from "../lib/duration.ts";
import type { Path } from "../lib/finding.ts";
import type { Report } from "./report.ts";

/** Milliseconds of a duration as Kubernetes writes them: Go's text, or a number of nanoseconds. */
export function durationOf(
  written: string | number,
  { path, report, zero = false }: { readonly path: Path; readonly report: Report; readonly zero?: boolean },
): number | undefined {
  const ms = typeof written === "number" ? written / 1e6 : parseDurationMs(written);
  if (ms !== undefined && Number.isFinite(ms) && (ms > 0 || (ms === 0 && zero))) {
    if (typeof written === "number" && ms > 0 && ms < 1)
      report.warn(path, `a plain number counts nanoseconds: ${written} is next to nothing`, "write 5s");
    return ms;
  }
  const fix = "write a duration such as 5s or 500ms; a plain number counts nanoseconds";
  const wanted = ms === undefined ? "is not a duration" : "is no time at all";
  report.error(path, `${JSON.stringify(written)} ${wanted}`, { fix });
  return undefined;
}
