import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cluster } from "../kit/trigger.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { openRecord } from "../record/open.ts";
import type { EventRecord } from "../record/record.ts";
import { compileSensor } from "../sensors/compile.ts";
import { createRedactor } from "../telemetry/redact.ts";
import { triggers } from "../triggers/index.ts";
import { inheritedEnv } from "../triggers/local-jobs/job-env.ts";
import { createLocalJobs, type LocalJobs } from "../triggers/local-jobs/local-jobs.ts";
import { jobValues } from "./job-values.ts";
import { type ClusterContext, type RunOptions, type Runtime, run } from "./run.ts";

type Given = Pick<RunOptions, "manifests" | "dataDir"> &
  Partial<Omit<RunOptions, "manifests" | "dataDir" | "recompile" | "openRecord" | "openCluster">>;

/** What to run, with a default for everything but the manifests and the data folder. */
export interface StandardRunOptions extends Given {
  /** `sqlite:PATH`, `mysql://…`, `postgres://…`, or `none`; `<data-dir>/record.sqlite` unless given. */
  readonly recordUrl?: string | undefined;
  /** Kubernetes Jobs run as processes of this machine. */
  readonly jobs?: "process" | undefined;
}

export interface StandardRun extends Runtime {
  /** The Jobs that run as local processes, where they do. */
  readonly jobs: LocalJobs | undefined;
}

/**
 * tidemill as it comes: the connectors of this version, the record in a file of the data folder, Jobs as local processes
 * where asked for. Resolves when everything is open and the sources have been started; `settledStart` tells when they are
 * up. Rejects with the code of what could not be opened.
 */
export async function standardRun(options: StandardRunOptions): Promise<StandardRun> {
  const { manifests, dataDir, recordUrl, jobs: jobsAs, clock = systemClock, log = silentLog, ...rest } = options;
  const env = options.env ?? {};
  const url = recordUrl === "none" ? undefined : (recordUrl ?? recordUrlOf(dataDir));
  const ending = new JobsEnding(clock, options.drainTimeoutMs ?? 30_000);
  const kinds = (options.triggers ?? triggers).map(({ kind }) => kind);
  let jobs: LocalJobs | undefined;
  const runtime = await run({
    triggers,
    version: "",
    redactor: createRedactor(),
    ...rest,
    manifests,
    dataDir,
    env,
    clock,
    log,
    recompile: (object, cx) => compileSensor(object, { ...cx, kinds }).plan,
    ...(url === undefined ? {} : { openRecord: (): Promise<EventRecord> => openRecord(url) }),
    ...(jobsAs === undefined
      ? {}
      : {
          async openCluster(cx: ClusterContext): Promise<Cluster & AsyncDisposable> {
            const opened = await openJobs(cx, { manifests, env, secretsDir: options.secretsDir });
            jobs = opened.jobs;
            return {
              create: (request) => opened.jobs.create(request),
              async [Symbol.asyncDispose]() {
                await opened.jobs.close({ drainMs: ending.leftMs(), signal: ending.signal });
                await opened.clear();
              },
            };
          },
        }),
  });
  const stop = (): Promise<void> => {
    ending.again();
    return runtime.stop();
  };
  return { ...runtime, jobs, stop, [Symbol.asyncDispose]: stop };
}

/** The drain time is one for firings and jobs together; a second stop ends the jobs at once. */
class JobsEnding {
  readonly #clock: Clock;
  readonly #drainMs: number;
  readonly #now = new AbortController();
  #beganMs: number | undefined;

  constructor(clock: Clock, drainMs: number) {
    this.#clock = clock;
    this.#drainMs = drainMs;
  }

  get signal(): AbortSignal {
    return this.#now.signal;
  }

  again(): void {
    if (this.#beganMs === undefined) this.#beganMs = this.#clock.nowMs();
    else this.#now.abort(new Error("stopped twice"));
  }

  leftMs(): number {
    return Math.max(0, (this.#beganMs ?? this.#clock.nowMs()) + this.#drainMs - this.#clock.nowMs());
  }
}

function recordUrlOf(dataDir: string | undefined): string {
  return dataDir === undefined ? "sqlite::memory:" : `sqlite:${join(dataDir, "record.sqlite")}`;
}

async function openJobs(
  cx: ClusterContext,
  from: Pick<RunOptions, "manifests" | "env" | "secretsDir">,
): Promise<{ readonly jobs: LocalJobs; clear(): Promise<void> }> {
  const kept = cx.dataDir === undefined ? undefined : join(cx.dataDir, "jobs");
  const dir = kept ?? (await mkdtemp(join(tmpdir(), "tidemill-jobs-")));
  const jobs = await createLocalJobs({
    state: cx.state,
    dir,
    clock: cx.clock,
    log: cx.log,
    values: jobValues(cx.values, { ...from.manifests, secretsDir: from.secretsDir }),
    inherited: inheritedEnv(from.env),
  });
  return {
    jobs,
    async clear() {
      if (kept === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}
