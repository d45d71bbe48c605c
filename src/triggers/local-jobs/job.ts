import path from "node:path";
import { within } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { StateStore } from "../../lib/state.ts";
import { type Attempt, runAttempt, succeeded } from "./attempt.ts";
import { type JobValues, NotReady } from "./job-env.ts";
import type { JobSpec } from "./job-spec.ts";
import { type TellPart, tellJob, tellRun, tellStarted } from "./job-trace.ts";
import {
  type AttemptRecord,
  type ContainerRecord,
  encode,
  isFinished,
  type JobRecord,
  openAttempt,
  recordKey,
  withAttempt,
} from "./record.ts";
import type { ContainerRunner } from "./runner.ts";
import type { Slots } from "./slots.ts";

/** What all jobs share. */
export interface JobsContext {
  readonly state: StateStore;
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly tell?: TellPart | undefined;
  readonly slots: Slots;
  readonly values: JobValues;
  /** Pauses after failures: base, doubled each time, up to max (Kubernetes: 10 s up to 6 min). */
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
  /** Aborts when processes are to be killed without grace. */
  readonly kill: AbortSignal;
  watchLog(file: string): Disposable;
}

/** A job under way or finished. */
export interface Job {
  record: JobRecord;
  readonly spec: JobSpec;
  readonly runner: ContainerRunner;
  /** Aborts when it is to begin nothing more. */
  readonly stop: AbortController;
  /** Aborts when its processes are to end. */
  readonly end: AbortController;
  /** Settles when it is finished, or has stopped. */
  life: Promise<void>;
  removed: boolean;
}

export function folderOf(dir: string, { namespace, name, uid }: JobRecord): string {
  return path.join(dir, `${namespace}.${name}.${uid}`);
}

/** Runs a job until it is finished, removed, or stopped. Every step is durable before the next begins. */
export async function live(job: Job, cx: JobsContext): Promise<void> {
  const { signal } = job.stop;
  while (!isFinished(job.record) && job.record.state !== "suspended") {
    const open = openAttempt(job.record) !== undefined;
    if (!open) {
      if (signal.aborted) return;
      const deadlineMs = deadlineOf(job);
      const wakeMs = job.record.state === "waiting" ? (job.record.dueMs ?? 0) : 0;
      await cx.clock.sleep(Math.min(wakeMs, deadlineMs) - cx.clock.nowMs(), signal).catch(() => undefined);
      if (signal.aborted) return;
      if (cx.clock.nowMs() >= deadlineMs) {
        await finish(job, cx, { state: "failed", reason: "DeadlineExceeded" });
        return;
      }
    }
    // what runs already holds its place whatever the limit says
    const runs = open && job.runner.holds(job.record.uid);
    const slot = runs ? cx.slots.force() : await cx.slots.take(signal).catch(() => undefined);
    if (slot === undefined) return;
    using _ = slot;
    await once(job, cx);
    if (job.end.signal.aborted) return;
  }
}

function deadlineOf({ record, spec }: Job): number {
  if (spec.deadlineMs === undefined || record.startedMs === undefined) return Number.POSITIVE_INFINITY;
  return record.startedMs + spec.deadlineMs;
}

async function once(job: Job, cx: JobsContext): Promise<void> {
  const resumed = openAttempt(job.record);
  const open = resumed ?? (await begin(job, cx));
  if (open === undefined) return;
  const podEndMs = job.spec.podDeadlineMs === undefined ? Infinity : open.startedMs + job.spec.podDeadlineMs;
  const endMs = Math.min(deadlineOf(job), podEndMs);
  using ending = within(job.end.signal);
  using over = within(ending.signal);
  let late = false;
  if (endMs !== Infinity) {
    const expire = (): void => {
      late = true;
      ending.abort(new Error("DeadlineExceeded"));
    };
    cx.clock.sleep(Math.max(0, endMs - cx.clock.nowMs()), over.signal).then(expire, () => undefined);
  }
  const attempt: Attempt = {
    record: job.record,
    spec: job.spec,
    n: open.n,
    dir: folderOf(cx.dir, job.record),
    resumed: resumed !== undefined,
    runner: job.runner,
    values: cx.values,
    end: ending.signal,
    kill: cx.kill,
    watchLog: cx.watchLog,
  };
  try {
    const ended = await runAttempt(attempt);
    over.abort(new Error("the attempt ended"));
    await settle(job, cx, { open, ended, late, well: succeeded(attempt, ended) });
    await clear(job, open.n);
  } catch (error) {
    if (!(error instanceof NotReady)) throw error;
    await putOff(job, cx, { open, reason: error.message });
  }
}

/**
 * What containers leave goes as soon as their end is durable; with `ttlSecondsAfterFinished` it stays as long as the job, to
 * be looked into, as pods do.
 */
async function clear({ record, spec, runner, removed }: Job, n: number): Promise<void> {
  if (removed || spec.ttlMs !== undefined || record.attempts.at(-1)?.endedMs === undefined) return;
  const { uid } = record;
  await (isFinished(record) ? runner.clear({ uid, spec }) : runner.clear({ uid, spec }, n));
}

/** Undefined when it was stopped before this was durable. */
async function begin(job: Job, cx: JobsContext): Promise<AttemptRecord | undefined> {
  const nowMs = cx.clock.nowMs();
  const { reason: _, dueMs: __, ...record } = job.record;
  const open: AttemptRecord = { n: record.begun + 1, startedMs: nowMs, containers: [] };
  const kept = await keep(job, cx, {
    ...record,
    state: "running",
    begun: open.n,
    startedMs: record.startedMs ?? nowMs,
    attempts: withAttempt(record, open),
  });
  if (kept && open.n === 1) tellStarted(job.record, cx);
  return kept ? open : undefined;
}

interface AttemptEnd {
  readonly open: AttemptRecord;
  readonly ended: readonly ContainerRecord[];
  readonly late: boolean;
  readonly well: boolean;
}

async function settle(job: Job, cx: JobsContext, { open, ended, late, well }: AttemptEnd): Promise<void> {
  if (job.removed) return;
  const nowMs = cx.clock.nowMs();
  const interrupted = !well && !late && job.end.signal.aborted;
  const outcome = well ? "succeeded" : interrupted ? "interrupted" : "failed";
  const reason = late && !well ? { reason: "DeadlineExceeded" } : {};
  const attempt: AttemptRecord = { ...open, endedMs: nowMs, outcome, ...reason, containers: ended };
  const record = { ...job.record, attempts: withAttempt(job.record, attempt), done: doneOf(job, ended) };
  tellRun(record, cx, { attempt, said: well ? undefined : sayEnd(ended) });
  if (well) return finish(job, cx, { ...record, state: "complete" });
  // that tidemill ends is not the job's failure: it runs again at the next start, and its tries are not fewer
  if (interrupted) return void (await keep(job, cx, { ...record, state: "queued" }));
  const failures = record.failures + 1;
  if (late && nowMs >= deadlineOf(job)) {
    return finish(job, cx, { ...record, failures, state: "failed", reason: "DeadlineExceeded" });
  }
  if (failures > job.spec.backoffLimit) {
    return finish(job, cx, { ...record, failures, state: "failed", reason: "BackoffLimitExceeded" });
  }
  const dueMs = nowMs + pauseMs(cx, failures);
  await keep(job, cx, { ...record, failures, state: "waiting", dueMs, reason: sayEnd(ended) });
}

function doneOf(job: Job, ended: readonly ContainerRecord[]): readonly string[] {
  if (job.spec.restartPolicy === "Never") return [];
  return [...job.record.done, ...ended.filter(({ exitCode }) => exitCode === 0).map(({ name }) => name)];
}

/** A Secret or ConfigMap is missing: as in Kubernetes it waits, and that is no failure. */
async function putOff(job: Job, cx: JobsContext, why: { open: AttemptRecord; reason: string }): Promise<void> {
  const { open, reason } = why;
  const attempts = job.record.attempts.filter(({ n }) => n !== open.n);
  const dueMs = cx.clock.nowMs() + pauseMs(cx, 1);
  cx.log.warn({ job: sayJob(job.record), reason }, "job waits");
  await keep(job, cx, { ...job.record, attempts, begun: open.n - 1, state: "waiting", dueMs, reason });
}

function pauseMs({ backoff }: JobsContext, failures: number): number {
  return Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(failures - 1, 30));
}

async function finish(job: Job, cx: JobsContext, change: Partial<JobRecord>): Promise<void> {
  const { dueMs: _, reason: __, ...record } = job.record;
  const { dueMs: ___, ...changed } = change;
  const next: JobRecord = { ...record, ...changed, finishedMs: cx.clock.nowMs() };
  const { name, namespace, key, failures, reason } = next;
  if (next.state === "complete") cx.log.debug({ job: `${namespace}/${name}`, firing: key }, "job complete");
  else
    cx.log.warn(
      { job: `${namespace}/${name}`, firing: key, failures, reason, logs: folderOf(cx.dir, next) },
      "job failed",
    );
  if (await keep(job, cx, next)) tellJob(next, cx, { error: next.state === "complete" ? undefined : reason });
}

/** How long to wait before a record that could not be written is written again. */
const writeAgainMs = 1000;

/**
 * Makes a step durable, trying until it works: what happened has happened. False when the job is removed meanwhile, or
 * tidemill is to end at once; the step is then found out again at the next start.
 */
async function keep(job: Job, cx: JobsContext, record: JobRecord): Promise<boolean> {
  for (let tries = 1; !job.removed; tries++) {
    try {
      await cx.state.put(recordKey(record.namespace, record.name), encode(record));
      job.record = record;
      return true;
    } catch (error) {
      if (tries === 1) cx.log.error({ job: sayJob(record), error: messageOf(error) }, "job state cannot be written");
      if (cx.kill.aborted || job.end.signal.aborted) return false;
      await cx.clock.sleep(writeAgainMs, job.end.signal).catch(() => undefined);
    }
  }
  return false;
}

export function sayJob({ namespace, name }: Pick<JobRecord, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

function sayEnd(ended: readonly ContainerRecord[]): string {
  return ended
    .filter(({ exitCode }) => exitCode !== 0)
    .map(
      ({ name, exitCode, reason }) =>
        `${name}: ${exitCode === undefined ? "" : `exit code ${exitCode}, `}${reason ?? ""}`,
    )
    .join("; ");
}
