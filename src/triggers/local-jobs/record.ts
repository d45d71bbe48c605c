import { messageOf, TideError } from "../../lib/errors.ts";

/** What runs a job's containers. */
export type RunsBy = "process" | "docker" | "podman";

export type JobState = "queued" | "running" | "waiting" | "suspended" | "complete" | "failed";

/** What is kept about a job, under `job/<namespace>/<name>`, as JSON. Times in Unix milliseconds. */
export interface JobRecord {
  readonly version: 1;
  /** Random: names the job's folder and marks its processes. */
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** The firing that made it. */
  readonly key: string;
  readonly folder: string;
  /** What it tells of its runs by. */
  readonly ticket?: string;
  readonly object: Readonly<Record<string, unknown>>;
  /** Absent: as processes. */
  readonly by?: RunsBy;
  readonly createdMs: number;
  readonly state: JobState;
  /** Why it waits or failed: Kubernetes' word where it has one (`BackoffLimitExceeded`), or a sentence. */
  readonly reason?: string;
  /** When its first process started: `activeDeadlineSeconds` counts from here. */
  readonly startedMs?: number;
  readonly finishedMs?: number;
  /** With `waiting`: when it goes on. */
  readonly dueMs?: number;
  /** Attempts that count towards `backoffLimit`. */
  readonly failures: number;
  /** Attempts begun, kept or not. */
  readonly begun: number;
  /** The last ones; the last of these runs while its `endedMs` is absent. */
  readonly attempts: readonly AttemptRecord[];
  /** With restartPolicy OnFailure: containers that need not run again. */
  readonly done: readonly string[];
}

export interface AttemptRecord {
  /** 1 for the first. */
  readonly n: number;
  readonly startedMs: number;
  readonly endedMs?: number;
  /** `interrupted`: tidemill ended it; does not count towards `backoffLimit`. */
  readonly outcome?: "succeeded" | "failed" | "interrupted";
  readonly reason?: string;
  readonly containers: readonly ContainerRecord[];
}

export interface ContainerRecord {
  readonly name: string;
  /** 128 + number for a signal, as in Kubernetes; absent when it is not known (`Lost`). */
  readonly exitCode?: number;
  readonly reason?: string;
}

/** Attempts of one job that are kept. */
const keptAttempts = 20;

export function recordKey(namespace: string, name: string): string {
  return `job/${namespace}/${name}`;
}

export function encode(record: JobRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

export function decode(key: string, bytes: Uint8Array): JobRecord {
  try {
    const record = JSON.parse(Buffer.from(bytes).toString()) as JobRecord;
    if (record.version !== 1) throw new Error(`version ${String(record.version)} is not known`);
    return record;
  } catch (cause) {
    throw new TideError("JOB_FAULT", `reading ${key}: ${messageOf(cause)}`, { cause });
  }
}

export function isFinished({ state }: Pick<JobRecord, "state">): boolean {
  return state === "complete" || state === "failed";
}

/** The attempt that runs, or ran when tidemill ended. */
export function openAttempt(record: JobRecord): AttemptRecord | undefined {
  const last = record.attempts.at(-1);
  return last?.endedMs === undefined ? last : undefined;
}

export function withAttempt(record: JobRecord, attempt: AttemptRecord): readonly AttemptRecord[] {
  const before = record.attempts.at(-1)?.n === attempt.n ? record.attempts.slice(0, -1) : record.attempts;
  return [...before, attempt].slice(-keptAttempts);
}
