import { rfc3339 } from "../runtime/event-answer.ts";
import type { LocalJobs } from "../triggers/local-jobs/local-jobs.ts";

/** A Job that runs as local processes, as the API and `tidemill jobs` answer it. */
export interface JobAnswer {
  readonly namespace: string;
  readonly name: string;
  readonly state: "queued" | "running" | "waiting" | "suspended" | "complete" | "failed";
  readonly reason?: string | undefined;
  /** The firing that made it. */
  readonly firing: string;
  readonly createdAt: string;
  readonly startedAt?: string | undefined;
  readonly finishedAt?: string | undefined;
  readonly dueAt?: string | undefined;
  readonly failures: number;
  readonly backoffLimit: number;
  /** Folder of its logs. */
  readonly logs: string;
  readonly attempts: readonly {
    readonly n: number;
    readonly startedAt: string;
    readonly endedAt?: string | undefined;
    readonly reason?: string | undefined;
    readonly containers: readonly {
      readonly name: string;
      readonly exitCode?: number | undefined;
      readonly reason?: string | undefined;
    }[];
  }[];
}

export function jobAnswer(job: ReturnType<LocalJobs["list"]>[number]): JobAnswer {
  return {
    namespace: job.namespace,
    name: job.name,
    state: job.state,
    reason: job.reason,
    firing: job.key,
    createdAt: at(job.createdMs),
    startedAt: maybeAt(job.startedMs),
    finishedAt: maybeAt(job.finishedMs),
    dueAt: maybeAt(job.dueMs),
    failures: job.failures,
    backoffLimit: job.backoffLimit,
    logs: job.logs,
    attempts: job.attempts.map(({ n, startedMs, endedMs, reason, containers }) => ({
      n,
      startedAt: at(startedMs),
      endedAt: maybeAt(endedMs),
      reason,
      containers: containers.map(({ name, exitCode, reason: why }) => ({ name, exitCode, reason: why })),
    })),
  };
}

function at(ms: number): string {
  return rfc3339(Math.round(ms * 1000));
}

function maybeAt(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : at(ms);
}
