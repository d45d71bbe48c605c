import type { JobValues, PodFields } from "./job-env.ts";
import type { Container, JobRules, JobSpec } from "./job-spec.ts";
import type { RunsBy } from "./record.ts";

/** Which container of which attempt of which job. */
export interface Place {
  /** The job's random id. */
  readonly uid: string;
  readonly attempt: number;
  readonly container: string;
  /** `<namespace>/<name>` of the job. */
  readonly job: string;
  /** The firing that made it. */
  readonly key: string;
  /** Path without ending of the container's own files; `.log` is where its output goes. */
  readonly files: string;
}

/** How a container ended. */
export interface ContainerEnd {
  /** 128 + number for a signal, as in Kubernetes; absent when nobody knows it any more. */
  readonly exitCode?: number;
  /** Kubernetes' word (`Error`, `OOMKilled`), or a sentence. */
  readonly reason?: string;
}

/** A container that runs: started now, or by a tidemill that was killed. */
export interface Running {
  /** Never rejects. Its log is complete then. */
  readonly ended: Promise<ContainerEnd>;
  /** Asks it to end (SIGTERM), and ends it after `graceMs`, or as soon as `kill` aborts. Does not wait. */
  stop(graceMs: number, kill: AbortSignal): void;
}

export interface StartRequest {
  readonly place: Place;
  readonly container: Container;
  readonly spec: JobSpec;
  readonly pod: PodFields;
  readonly values: JobValues;
  /** What `env` and `envFrom` declare, by name. */
  readonly env: ReadonlyMap<string, string>;
  /** Command and arguments with `$(NAME)` expanded; `command` is empty where the image has one. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  /** The folder of the manifest. */
  readonly folder: string;
  /** The container of this attempt that was started before this one, to run at the same time. */
  readonly beside: Place | undefined;
  readonly signal: AbortSignal;
}

/** A job that an earlier tidemill left, with the attempt that was under way. */
export interface LeftJob {
  readonly uid: string;
  readonly open: number | undefined;
}

/** What is to be said about a job when it is made: each of these once per run. */
export interface Remark {
  readonly level: "info" | "warn";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/**
 * How a container of a job is started, watched and stopped; all else about a job's life (attempts, state, limits, logs'
 * size, restarts) is the same whatever runs it. One per run.
 */
export interface ContainerRunner {
  /** Kept with each job: a job stays what it was made as. */
  readonly by: RunsBy;
  readonly rules: JobRules;
  remarks(spec: JobSpec): readonly Remark[];
  /** Called once, at the start, with all jobs that are kept: ends what belongs to none of their open attempts. */
  takeOver(jobs: readonly LeftJob[]): Promise<void>;
  /** Whether `takeOver` found something of this job that runs. */
  holds(uid: string): boolean;
  /**
   * What became of a container of an attempt that began under an earlier tidemill: it runs on, it ended, or (undefined) it
   * was not started. Rejects when `signal` aborts before that is known.
   */
  recover(place: Place, signal: AbortSignal): Promise<Running | ContainerEnd | undefined>;
  /** Makes everything ready that a container needs. Throws NotReady when that must be waited for; nothing is started then. */
  prepare(request: Omit<StartRequest, "command" | "args" | "beside">): Promise<void>;
  /** Starts a container, once per place. One that cannot be started has ended. */
  start(request: StartRequest): Promise<Running | ContainerEnd>;
  /** Removes what the containers of a job left, or those of one attempt. Never rejects. */
  clear(job: { readonly uid: string; readonly spec: JobSpec }, attempt?: number): Promise<void>;
}

export function isRunningContainer(what: Running | ContainerEnd): what is Running {
  return "ended" in what;
}

/** The end of a container with this exit code, as Kubernetes words it; nobody knows what became of one without. */
export function endOf(exitCode: number | undefined): ContainerEnd {
  if (exitCode === undefined) return { reason: "Lost" };
  return exitCode === 0 ? { exitCode } : { exitCode, reason: "Error" };
}
