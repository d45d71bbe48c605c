import { mkdir, readdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import type { Changed, Cluster, CreateRequest } from "../../kit/cluster.ts";
import { abortable, within } from "../../lib/abort.ts";
import { messageOf, TideError } from "../../lib/errors.ts";
import { folderOf, type Job, type JobsContext, live, sayJob } from "./job.ts";
import { type ContainerLog, type LogWish, logsOf } from "./job-logs.ts";
import { checkedName, jobName, readJob } from "./job-spec.ts";
import { tellJob } from "./job-trace.ts";
import { bounded } from "./logs.ts";
import { newRecord } from "./new-record.ts";
import type { LocalJobsOptions } from "./options.ts";
import {
  decode,
  encode,
  isFinished,
  type JobRecord,
  type JobState,
  openAttempt,
  type RunsBy,
  recordKey,
} from "./record.ts";
import { Remarks } from "./remarks.ts";
import type { ContainerRunner } from "./runner.ts";
import { Slots } from "./slots.ts";
import { type JobFilter, type JobView, matches, viewOf } from "./view.ts";

/** Loads what an earlier run left, takes over or ends its processes, and goes on. Rejects with JOB_FAULT. */
export async function createLocalJobs(options: LocalJobsOptions): Promise<LocalJobs> {
  const jobs = new LocalJobs(options);
  await jobs.load();
  return jobs;
}

/**
 * Stands in for a cluster: a batch/v1 Job becomes processes or containers of this machine. A Job is durable before `create`
 * resolves, and then runs at least once: after a kill -9 what runs is found by its marker or labels and taken over, exit code
 * included, and so is how the others ended meanwhile; a process that was killed too counts as a failed attempt.
 */
export class LocalJobs implements Pick<Cluster, "create">, AsyncDisposable {
  readonly #options: LocalJobsOptions;
  readonly #cx: JobsContext;
  readonly #jobs = new Map<string, Job>();
  readonly #storing = new Map<string, Promise<void>>();
  readonly #kill = new AbortController();
  readonly #remarks: Remarks;
  readonly #runners = new Map<RunsBy, ContainerRunner>();
  #closed: Promise<void> | undefined;

  constructor(options: LocalJobsOptions) {
    this.#options = options;
    this.#runners.set(options.runner.by, options.runner);
    this.#remarks = new Remarks(options.log);
    this.#cx = {
      ...options,
      slots: new Slots(options.limit ?? availableParallelism() * 4),
      backoff: options.backoff ?? { baseMs: 10_000, maxMs: 360_000 },
      kill: this.#kill.signal,
      watchLog: (file) => bounded(file, options.maxLogBytes ?? 10 * 1024 * 1024, options.log),
    };
  }

  /** Called once, by `createLocalJobs`. */
  async load(): Promise<void> {
    const { state, dir, log } = this.#options;
    await mkdir(dir, { recursive: true });
    const records: JobRecord[] = [];
    for await (const [key, bytes] of state.list("job/")) records.push(decode(key, bytes));
    records.sort((a, b) => a.createdMs - b.createdMs);
    const known = new Set(records.map((record) => path.basename(folderOf(dir, record))));
    for (const entry of await readdir(dir)) {
      if (!known.has(entry) && /\.[0-9a-f]{16}$/.test(entry)) await rm(path.join(dir, entry), { recursive: true });
    }
    for (const [by, kept] of Map.groupBy(records, runsBy)) {
      await this.#runner(by).takeOver(kept.map((record) => ({ uid: record.uid, open: openAttempt(record)?.n })));
    }
    for (const record of records) {
      try {
        this.#begin(this.#make(record));
      } catch (error) {
        log.error(
          { job: sayJob(record), error: messageOf(error) },
          "kept job cannot be read any more; it is left alone",
        );
      }
    }
  }

  async create(request: CreateRequest): Promise<Changed> {
    const { object, key, signal } = request;
    signal.throwIfAborted();
    const { runner } = this.#options;
    if (process.platform === "win32" && runner.by === "process")
      throw new TideError("JOB_UNSUPPORTED", "a Job on Windows is not done by local processes");
    const spec = readJob(object, runner.rules);
    const namespace = checkedName(request.namespace, "metadata.namespace");
    const name = jobName(object, key);
    const id = `${namespace}/${name}`;
    for (let other = this.#storing.get(id); other !== undefined; other = this.#storing.get(id)) {
      await other.catch(() => undefined);
    }
    if (this.#closed !== undefined) throw new TideError("JOBS_STOPPING", `job ${id}: tidemill ends`);
    const there = this.#jobs.get(id);
    if (there !== undefined) {
      if (there.record.key === key) return { said: `job ${id} was already created by this firing` };
      throw new TideError("JOB_EXISTS", `job ${id} is there already, made by firing ${there.record.key}`);
    }
    const record = newRecord(request, { namespace, name, spec, by: runner.by, createdMs: this.#options.clock.nowMs() });
    const stored = this.#store(record);
    this.#storing.set(id, stored);
    try {
      await stored;
    } finally {
      this.#storing.delete(id);
    }
    this.#remarks.of(spec, { job: id, runner });
    this.#begin(this.#make(record));
    return { said: `created job ${id}` };
  }

  /** In the order of their creation. */
  list(filter: JobFilter = {}): readonly JobView[] {
    return this.#matching(filter).map((job) => this.#view(job));
  }

  get(namespace: string, name: string): JobView | undefined {
    const job = this.#jobs.get(`${namespace}/${name}`);
    return job === undefined ? undefined : this.#view(job);
  }

  /** Jobs by state, for metrics. */
  counts(): Readonly<Record<JobState, number>> {
    const counts = { queued: 0, running: 0, waiting: 0, suspended: 0, complete: 0, failed: 0 };
    for (const { record } of this.#jobs.values()) counts[record.state] += 1;
    return counts;
  }

  /** The end of each log of one attempt, the last one by default; undefined when there is no such job. */
  async logs(namespace: string, name: string, options: LogWish = {}): Promise<readonly ContainerLog[] | undefined> {
    const job = this.#jobs.get(`${namespace}/${name}`);
    return job === undefined ? undefined : logsOf(job, this.#options.dir, options);
  }

  /** Deletes jobs, ending their processes with the grace period of each. Answers their names. */
  async remove(filter: JobFilter): Promise<readonly string[]> {
    const jobs = this.#matching(filter);
    await Promise.all(
      jobs.map(async (job) => {
        job.removed = true;
        job.stop.abort(new Error("the job is removed"));
        job.end.abort(new Error("the job is removed"));
        await job.life;
        if (!isFinished(job.record)) this.#tellRemoved(job.record);
        await this.#forget(job);
      }),
    );
    return jobs.map(({ record }) => sayJob(record));
  }

  #tellRemoved(record: JobRecord): void {
    const finishedMs = this.#options.clock.nowMs();
    tellJob({ ...record, finishedMs }, this.#cx, { error: "the job was removed" });
  }

  /** Resolves once the job is finished, or tidemill ends; rejects when there is none, or `signal` aborts. */
  async finished(namespace: string, name: string, signal: AbortSignal): Promise<JobView> {
    const job = this.#jobs.get(`${namespace}/${name}`);
    if (job === undefined) throw new TideError("JOB_INVALID", `there is no job ${namespace}/${name}`);
    await abortable(job.life, signal);
    return this.#view(job);
  }

  /**
   * Takes no more jobs, lets the running ones go on for `drainMs`, then ends their process groups: SIGTERM, and SIGKILL
   * after the grace period of each, or as soon as `signal` aborts. A job ended so runs again at the next start.
   */
  close(
    options: { readonly drainMs?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    this.#closed ??= this.#close(options.drainMs ?? this.#options.drainMs ?? 30_000, options.signal);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(drainMs: number, signal: AbortSignal | undefined): Promise<void> {
    const now = (): void => this.#kill.abort(new Error("tidemill ends at once"));
    if (signal?.aborted) now();
    signal?.addEventListener("abort", now, { once: true });
    try {
      await Promise.allSettled(this.#storing.values());
      const jobs = [...this.#jobs.values()];
      for (const { stop } of jobs) stop.abort(new Error("tidemill ends"));
      const ended = Promise.all(jobs.map(({ life }) => life));
      using drain = within(this.#kill.signal);
      await Promise.race([ended, this.#options.clock.sleep(drainMs, drain.signal).catch(() => undefined)]);
      drain.abort(new Error("drained"));
      for (const { end } of jobs) end.abort(new Error("tidemill ends"));
      await ended;
    } finally {
      signal?.removeEventListener("abort", now);
    }
  }

  async #store(record: JobRecord): Promise<void> {
    try {
      await mkdir(folderOf(this.#options.dir, record), { recursive: true });
      await this.#options.state.put(recordKey(record.namespace, record.name), encode(record));
    } catch (cause) {
      throw new TideError("JOB_FAULT", `keeping job ${sayJob(record)}: ${messageOf(cause)}`, { cause });
    }
  }

  #runner(by: RunsBy): ContainerRunner {
    const there = this.#runners.get(by);
    if (there !== undefined) return there;
    const made = this.#options.otherRunner(by);
    this.#runners.set(by, made);
    return made;
  }

  #make(record: JobRecord): Job {
    const runner = this.#runner(runsBy(record));
    const job: Job = {
      record,
      spec: readJob(record.object, runner.rules),
      runner,
      stop: new AbortController(),
      end: new AbortController(),
      life: Promise.resolve(),
      removed: false,
    };
    this.#jobs.set(sayJob(record), job);
    return job;
  }

  #begin(job: Job): void {
    const { log } = this.#options;
    job.life = live(job, this.#cx).catch((error: unknown) => {
      log.error({ job: sayJob(job.record), error: messageOf(error) }, "job stopped; it goes on at the next start");
    });
    void job.life
      .then(() => this.#after(job))
      .catch((error: unknown) => {
        log.error({ job: sayJob(job.record), error: messageOf(error) }, "finished job cannot be removed");
      });
  }

  /** What follows the end of a job: `ttlSecondsAfterFinished`, and the limit to finished jobs. */
  async #after(job: Job): Promise<void> {
    if (!isFinished(job.record) || job.removed) return;
    await this.#dropOldest();
    const { ttlMs } = job.spec;
    if (ttlMs === undefined) return;
    const { clock } = this.#options;
    const dueMs = (job.record.finishedMs ?? 0) + ttlMs;
    await clock.sleep(dueMs - clock.nowMs(), job.stop.signal).catch(() => undefined);
    if (!job.stop.signal.aborted && !job.removed) await this.#forget(job);
  }

  async #dropOldest(): Promise<void> {
    const finished = [...this.#jobs.values()].filter(({ record }) => isFinished(record));
    const over = finished.length - (this.#options.keepFinished ?? 1000);
    if (over <= 0) return;
    finished.sort((a, b) => (a.record.finishedMs ?? 0) - (b.record.finishedMs ?? 0));
    await Promise.all(finished.slice(0, over).map((job) => this.#forget(job)));
  }

  /** Containers before the record, which alone names them; the folder after it: one without a record is swept at the next start. */
  async #forget(job: Job): Promise<void> {
    job.removed = true;
    job.stop.abort(new Error("the job is removed"));
    await job.runner.clear({ uid: job.record.uid, spec: job.spec });
    await this.#options.state.delete(recordKey(job.record.namespace, job.record.name));
    if (this.#jobs.get(sayJob(job.record)) === job) this.#jobs.delete(sayJob(job.record));
    await rm(folderOf(this.#options.dir, job.record), { recursive: true, force: true });
  }

  #matching(filter: JobFilter): readonly Job[] {
    return [...this.#jobs.values()].filter(({ record }) => matches(record, filter));
  }

  #view({ record, spec }: Job): JobView {
    return viewOf(record, spec, folderOf(this.#options.dir, record));
  }
}

function runsBy({ by = "process" }: JobRecord): RunsBy {
  return by;
}
