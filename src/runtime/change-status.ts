import { codes } from "../lib/codes/index.ts";
import { findingJson } from "../manifests/render.ts";
import { rfc3339 } from "./event-answer.ts";
import type { Held } from "./hold.ts";
import type { PausedThing } from "./pausable.ts";
import type { Changes, ReloadReport, ReloadResult } from "./reload-report.ts";

/** The last reload, as `status` tells it. */
export interface ReloadStatus {
  readonly at: string;
  readonly tookMs: number;
  readonly result: ReloadResult;
  readonly sources: Changes;
  readonly sensors: Changes;
  readonly values: Changes;
  /** Why what failed goes on in its old version, with the place. */
  readonly findings: readonly {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly code: string;
    readonly message: string;
    readonly fix: string;
  }[];
  readonly errors: readonly string[];
}

export function reloadStatus(report: ReloadReport): ReloadStatus {
  const { atMs, tookMs, result, sources, sensors, values, findings, errors } = report;
  return {
    at: timeOf(atMs),
    tookMs: Math.round(tookMs),
    result,
    sources,
    sensors,
    values,
    findings: findings.map((finding) => {
      const { file, line, column, message, fix } = findingJson(finding);
      return { file, line, column, code: codes[finding.code].id, message, fix };
    }),
    errors,
  };
}

/** Why the firings of a trigger wait, or the events of a sensor. */
export interface HeldStatus {
  readonly by: "pause" | "maintenance";
  readonly until?: string | undefined;
  readonly reason?: string | undefined;
}

export function heldStatus(held: Held | undefined): HeldStatus | undefined {
  return held && { by: held.by, until: optionalTime(held.untilMs), reason: held.reason };
}

/** What `pause` and `resume` answer, one for each thing. */
export interface PauseAnswer {
  readonly kind: "source" | "sensor" | "trigger";
  readonly namespace: string;
  /** As it is given to `resume`. */
  readonly name: string;
  readonly paused: boolean;
  readonly since?: string | undefined;
  /** When it ends by itself. */
  readonly until?: string | undefined;
  readonly reason?: string | undefined;
}

export function pauseAnswer({ kind, namespace, names, pause }: PausedThing): PauseAnswer {
  return {
    kind,
    namespace,
    name: names.join("/"),
    paused: pause !== undefined,
    since: optionalTime(pause?.sinceMs),
    until: optionalTime(pause?.untilMs),
    reason: pause?.reason,
  };
}

export function optionalTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : timeOf(ms);
}

function timeOf(ms: number): string {
  return rfc3339(Math.round(ms * 1000));
}
