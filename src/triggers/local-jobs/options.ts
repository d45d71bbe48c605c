import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { StateStore } from "../../lib/state.ts";
import type { JobValues } from "./job-env.ts";
import type { TellPart } from "./job-trace.ts";
import type { RunsBy } from "./record.ts";
import type { ContainerRunner } from "./runner.ts";

/** Where and how Jobs run on this machine. */
export interface LocalJobsOptions {
  /** Durable, of these jobs alone. */
  readonly state: StateStore;
  /** Folder for logs and exit codes; only this is ever deleted from. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Keeps a part of the trace of the firing that made a job. */
  readonly tell?: TellPart | undefined;
  readonly values: JobValues;
  /** What runs the containers of new jobs. */
  readonly runner: ContainerRunner;
  /** What runs those of a job that an earlier run made with another one; each is made once. */
  readonly otherRunner: (by: RunsBy) => ContainerRunner;
  /** Jobs that run at once. Default: four per core. */
  readonly limit?: number | undefined;
  /** Finished jobs that are kept; the oldest go first. Default 1,000. */
  readonly keepFinished?: number | undefined;
  /** Bytes of log per container and attempt. Default 10 MiB, as Kubernetes. */
  readonly maxLogBytes?: number | undefined;
  /** How long `close` lets running jobs go on. Default 30 s. */
  readonly drainMs?: number | undefined;
  /** Pauses after failures. Default 10 s, doubled each time up to 6 min, as Kubernetes. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number } | undefined;
}
