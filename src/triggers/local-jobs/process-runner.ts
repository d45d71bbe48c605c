import path from "node:path";
import { within } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";
import { type JobSpec, processRules } from "./job-spec.ts";
import {
  adopt,
  endStale,
  type Found,
  findMarked,
  markerName,
  type Process,
  readExit,
  signalGroup,
  start,
  wasStarted,
} from "./processes.ts";
import {
  type ContainerEnd,
  type ContainerRunner,
  endOf,
  type LeftJob,
  type Place,
  type Remark,
  type Running,
  type StartRequest,
} from "./runner.ts";

export interface ProcessRunnerOptions {
  readonly clock: Clock;
  /** Variables that every process gets besides its own, see `inheritedEnv`. */
  readonly inherited: Readonly<Record<string, string>>;
}

/** Runs the command of a container as a process of this machine, in the manifest's folder, without the image. */
export class ProcessRunner implements ContainerRunner {
  readonly by = "process";
  readonly rules = processRules;
  readonly #options: ProcessRunnerOptions;
  /** What runs on from an earlier tidemill, by the job's uid. */
  readonly #found = new Map<string, readonly Found[]>();

  constructor(options: ProcessRunnerOptions) {
    this.#options = options;
  }

  remarks({ initContainers, containers }: JobSpec): readonly Remark[] {
    return [...initContainers, ...containers].flatMap(({ image }) =>
      image ? [{ level: "info", fields: { image }, message: "jobs run as local processes: the image is ignored" }] : [],
    );
  }

  async takeOver(jobs: readonly LeftJob[]): Promise<void> {
    if (jobs.length === 0) return;
    const byUid = Map.groupBy(await findMarked(), ({ marker }) => marker.split("/")[0] ?? "");
    for (const { uid, open } of jobs) this.#found.set(uid, endStale({ uid, open }, byUid.get(uid) ?? []));
  }

  holds(uid: string): boolean {
    return (this.#found.get(uid) ?? []).length > 0;
  }

  /** `Lost` when it was killed too: that counts as a failure, or a job that takes the machine down would run for ever. */
  async recover(place: Place): Promise<Running | ContainerEnd | undefined> {
    const exitCode = await readExit(place.files);
    const marker = markerOf(place);
    const alive = (this.#found.get(place.uid) ?? []).filter((found) => found.marker === marker);
    const leader = alive.find(({ pid, group }) => pid === group);
    if (exitCode === undefined && leader !== undefined) return this.#running(adopt(leader.pid, place.files));
    for (const { group } of alive) signalGroup(group, "SIGKILL");
    if (exitCode !== undefined) return endOf(exitCode);
    return (await wasStarted(place.files)) ? endOf(undefined) : undefined;
  }

  async prepare(): Promise<void> {
    // what is missing shows at the start
  }

  async start(request: StartRequest): Promise<Running | ContainerEnd> {
    const { place, container, folder, env } = request;
    const [command = "", ...args] = [...request.command, ...request.args];
    const started = await start({
      command,
      args,
      folder: path.resolve(folder, container.workingDir ?? ""),
      env: {
        ...this.#options.inherited,
        ...Object.fromEntries(env),
        TIDEMILL_FIRING_ID: place.key,
        [markerName]: markerOf(place),
      },
      files: place.files,
    });
    return "ended" in started ? this.#running(started) : started;
  }

  async clear(): Promise<void> {
    // a process that ended leaves nothing but its files
  }

  #running({ pid, ended }: Process): Running {
    const { clock } = this.#options;
    let left = true;
    const over = new AbortController();
    const terminate = async (graceMs: number, kill: AbortSignal): Promise<void> => {
      if (!kill.aborted) {
        signalGroup(pid, "SIGTERM");
        using waiting = within(kill);
        const stop = (): void => waiting.abort(over.signal.reason);
        if (over.signal.aborted) stop();
        else over.signal.addEventListener("abort", stop, { once: true });
        await clock.sleep(graceMs, waiting.signal).catch(() => undefined);
      }
      if (left) signalGroup(pid, "SIGKILL");
    };
    return {
      ended: ended.then((exitCode) => {
        left = false;
        over.abort(new Error("the process ended"));
        return endOf(exitCode);
      }),
      stop: (graceMs, kill) => void terminate(graceMs, kill),
    };
  }
}

function markerOf({ uid, attempt, container }: Place): string {
  return `${uid}/${attempt}/${container}`;
}
