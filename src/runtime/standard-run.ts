import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { proxyPasswords } from "../kit/proxy.ts";
import type { Cluster } from "../kit/trigger.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { openRecord, recordPassword } from "../record/open.ts";
import type { EventRecord } from "../record/record.ts";
import { compileSensor } from "../sensors/compile.ts";
import { createRedactor } from "../telemetry/redact.ts";
import { triggers } from "../triggers/index.ts";
import { createLocalJobs, type LocalJobs } from "../triggers/local-jobs/local-jobs.ts";
import type { RunsBy } from "../triggers/local-jobs/record.ts";
import { openRunners } from "../triggers/local-jobs/runners.ts";
import { withLocalJobs } from "../triggers/local-jobs/with-local-jobs.ts";
import { type ClusterChoice, openKubernetes } from "./cluster.ts";
import { Counts } from "./counts.ts";
import { jobValues } from "./job-values.ts";
import { defaultSlowMs, tracingOf } from "./open-tracing.ts";
import { run } from "./run.ts";
import type { ClusterContext, RunOptions } from "./run-options.ts";
import type { Runtime } from "./runtime.ts";
import { loadSdk } from "./sdk.ts";
import { Taps, together } from "./taps.ts";

type Given = Pick<RunOptions, "manifests" | "dataDir"> &
  Partial<Omit<RunOptions, "manifests" | "dataDir" | "recompile" | "openRecord" | "openCluster" | "openTracing">>;

/** What to run, with a default for everything but the manifests and the data folder. */
export interface StandardRunOptions extends Given {
  /** `sqlite:PATH`, `mysql://…`, `postgres://…`, or `none`; `<data-dir>/record.sqlite` unless given. */
  readonly recordUrl?: string | undefined;
  /** Kubernetes Jobs run on this machine: as processes, or as containers of their image. */
  readonly jobs?: RunsBy | undefined;
  /** The cluster for all other objects, and for Jobs too unless `jobs` says else. */
  readonly kubernetes?: ClusterChoice | undefined;
  /** Traces with a longer span are exported even if they are not sampled; a second unless given, 0: none. */
  readonly traceSlowMs?: number | undefined;
  /** What `env` and `expandenv` read in templates of stored plans; give it to `readManifests` as well. Absent: refused. */
  readonly templateEnv?: ((name: string) => string) | undefined;
}

export interface StandardRun extends Runtime {
  /** The Jobs that run on this machine, where they do. */
  readonly jobs: LocalJobs | undefined;
  readonly taps: Taps;
  readonly counts: Counts;
}

/**
 * tidemill as it comes: the connectors of this version, the record in a file of the data folder, Jobs on this machine
 * where asked for. Resolves when everything is open and the sources have been started; `settledStart` tells when they are
 * up. Rejects with the code of what could not be opened.
 */
export async function standardRun(options: StandardRunOptions): Promise<StandardRun> {
  const { manifests, dataDir, recordUrl, jobs: jobsAs, clock = systemClock, log = silentLog, ...rest } = options;
  const { kubernetes = {}, templateEnv, traceSlowMs = defaultSlowMs, ...settings } = rest;
  const env = options.env ?? {};
  const url = recordUrl === "none" ? undefined : (recordUrl ?? recordUrlOf(dataDir));
  const ending = new JobsEnding(clock, options.drainTimeoutMs ?? 30_000);
  const kinds = (options.triggers ?? triggers).map(({ kind }) => kind);
  const template = templateEnv === undefined ? {} : { env: templateEnv };
  const taps = new Taps(clock);
  const counts = new Counts();
  const witness = together([counts, taps, ...(options.witness === undefined ? [] : [options.witness])]);
  for (const password of proxyPasswords(env)) options.redactor?.add(password);
  const redactor = options.redactor ?? createRedactor();
  const slowMs = traceSlowMs === 0 ? undefined : traceSlowMs;
  const openTracing = tracingOf(env, { version: options.version ?? "", redactor, slowMs });
  let jobs: LocalJobs | undefined;
  const runtime = await run({
    triggers,
    version: "",
    ...settings,
    redactor,
    openTracing,
    manifests,
    dataDir,
    env,
    clock,
    log,
    witness,
    recompile: (object, cx) => compileSensor(object, { ...cx, kinds, ...template }).plan,
    ...(url === undefined ? {} : { openRecord: () => openRecordAt(url, options.redactor) }),
    async openCluster(cx: ClusterContext): Promise<(Cluster & AsyncDisposable) | undefined> {
      const beyond = await openKubernetes(kubernetes, { env, clock, log });
      if (jobsAs === undefined) return beyond;
      const opened = await openJobs(cx, { by: jobsAs, env, secretsDir: options.secretsDir });
      jobs = opened.jobs;
      return {
        ...withLocalJobs(opened.jobs, beyond),
        async [Symbol.asyncDispose]() {
          await opened.jobs.close({ drainMs: ending.leftMs(), signal: ending.signal });
          await opened.clear();
          await beyond?.[Symbol.asyncDispose]();
        },
      };
    },
  });
  const stop = (): Promise<void> => {
    ending.again();
    return runtime.stop();
  };
  return { ...runtime, jobs, taps, counts, stop, [Symbol.asyncDispose]: stop };
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

/** A server that is away holds up nothing: the facts wait in the bus until it is there. */
async function openRecordAt(url: string, redactor: RunOptions["redactor"] | undefined): Promise<EventRecord> {
  redactor?.add(recordPassword(url) ?? "");
  return openRecord(url, { mayBeAway: true, sdk: loadSdk });
}

function recordUrlOf(dataDir: string | undefined): string {
  return dataDir === undefined ? "sqlite::memory:" : `sqlite:${join(dataDir, "record.sqlite")}`;
}

async function openJobs(
  cx: ClusterContext,
  from: Pick<RunOptions, "env" | "secretsDir"> & { readonly by: RunsBy },
): Promise<{ readonly jobs: LocalJobs; clear(): Promise<void> }> {
  const runners = await openRunners(from.by, { env: from.env, clock: cx.clock, log: cx.log });
  const kept = cx.dataDir === undefined ? undefined : join(cx.dataDir, "jobs");
  const dir = kept ?? (await mkdtemp(join(tmpdir(), "tidemill-jobs-")));
  const jobs = await createLocalJobs({
    state: cx.state,
    dir,
    clock: cx.clock,
    log: cx.log,
    tell: cx.tell,
    values: jobValues(cx.values, { documents: cx.documents, secretsDir: from.secretsDir }),
    ...runners,
  });
  return {
    jobs,
    async clear() {
      if (kept === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}
