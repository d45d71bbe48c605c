import { isTide, messageOf } from "../../../lib/errors.ts";
import type { Log } from "../../../lib/log.ts";
import { NotReady } from "../job-env.ts";
import type { JobSpec } from "../job-spec.ts";
import {
  type ContainerEnd,
  type ContainerRunner,
  endOf,
  type LeftJob,
  type Place,
  type Remark,
  type Running,
  type StartRequest,
} from "../runner.ts";
import { copyLog } from "./container-log.ts";
import { containerRules, ignoredFields, partsOf } from "./container-spec.ts";
import { findHeld, type Held, inspect } from "./container-state.ts";
import { type Engine, fault, lastLine } from "./engine.ts";
import { Images } from "./images.ts";
import { Patience } from "./patience.ts";
import { containerName, labelArguments, labels, runArguments } from "./run-arguments.ts";
import { hasNamedVolumes, mountsOf, namedVolumes, writeVolumes } from "./volumes.ts";

export interface EngineRunnerOptions {
  readonly engine: Engine;
  readonly log: Log;
  /** What jobs are kept as: what was asked for, whatever the engine turned out to be. */
  readonly by: "docker" | "podman";
  /** Pause before an engine that is away is asked again. Default 2 s, in real time. */
  readonly askAgainMs?: number | undefined;
  /** How long an engine that is away is asked to stop a container. Default 30 s, in real time. */
  readonly stopWithinMs?: number | undefined;
}

/**
 * Runs the containers of jobs by docker or podman. Each has labels with its place, and a name made of it: after a kill -9 of
 * tidemill it is found by its labels, and a `run` that was under way then cannot make a second one. An engine that is away is
 * waited for; what runs meanwhile runs on.
 */
export class EngineRunner implements ContainerRunner {
  readonly by: "docker" | "podman";
  readonly rules = containerRules;
  readonly #options: EngineRunnerOptions;
  readonly #images: Images;
  readonly #patience: Patience;
  /** Jobs of which something ran at the start. */
  readonly #running = new Set<string>();

  constructor(options: EngineRunnerOptions) {
    this.by = options.by;
    this.#options = options;
    this.#images = new Images(options.engine);
    this.#patience = new Patience(options.log, options.askAgainMs ?? 2000);
  }

  remarks(spec: JobSpec): readonly Remark[] {
    return ignoredFields(spec).map((field) => ({
      level: "warn",
      fields: { field },
      message: "a field of a Job is not done by containers of this machine",
    }));
  }

  /** Containers of jobs that are not ours are left alone: several tidemills may share an engine. */
  async takeOver(jobs: readonly LeftJob[]): Promise<void> {
    const { engine, log } = this.#options;
    const byUid = new Map(jobs.map((job) => [job.uid, job]));
    if (byUid.size === 0) return;
    try {
      const held = await findHeld(engine, { [labels.uid]: undefined });
      const stale = held.filter(({ uid, attempt, status }) => {
        const job = byUid.get(uid);
        if (job === undefined || job.open === attempt) return false;
        return status !== "ended" || job.open !== undefined;
      });
      await this.#remove(stale.map(({ id }) => id));
      for (const { uid, attempt, status } of held) {
        if (status === "running" && byUid.get(uid)?.open === attempt) this.#running.add(uid);
      }
    } catch (error) {
      log.warn({ error: messageOf(error) }, "containers of an earlier run cannot be looked for yet");
    }
  }

  holds(uid: string): boolean {
    return this.#running.has(uid);
  }

  async recover(place: Place, signal: AbortSignal): Promise<Running | ContainerEnd | undefined> {
    const held = await this.#patience.ask(() => this.#find(place, signal), signal);
    if (held === undefined) return undefined;
    return this.#adopt(held, place, signal);
  }

  /** Volumes and images. What is missing, an engine that is away too, holds the job up, and counts as no failure. */
  async prepare({
    place,
    container,
    spec,
    pod,
    values,
    signal,
  }: Omit<StartRequest, "command" | "args" | "beside">): Promise<void> {
    const { engine } = this.#options;
    await writeVolumes({ place, container, spec }, pod.namespace, values);
    try {
      await this.#images.see(partsOf(container), signal);
      for (const name of namedVolumes({ place, container, spec })) {
        const held = { [labels.job]: place.job, [labels.uid]: place.uid, [labels.attempt]: String(place.attempt) };
        const args = ["volume", "create", ...labelArguments(held), name];
        const { code, stderr } = await engine.call(args, { signal });
        if (code !== 0 && !/already exists|already in use/i.test(stderr)) throw fault(`making volume ${name}`, stderr);
      }
    } catch (error) {
      if (signal.aborted || !isTide(error)) throw error;
      throw new NotReady(`${error.id} ${messageOf(error)}`, { cause: error });
    }
  }

  async start(request: StartRequest): Promise<Running | ContainerEnd> {
    const { place, signal } = request;
    try {
      return await this.#patience.ask(() => this.#run(request), signal);
    } catch (error) {
      // what was made in the last moment is not to run on unseen
      await this.#remove([containerName(place)]);
      if (signal.aborted) return { reason: "not started" };
      return { exitCode: 128, reason: `cannot be started: ${messageOf(error)}` };
    }
  }

  async clear({ uid, spec }: { readonly uid: string; readonly spec: JobSpec }, attempt?: number): Promise<void> {
    const { engine, log } = this.#options;
    const of = { [labels.uid]: uid, ...(attempt === undefined ? {} : { [labels.attempt]: String(attempt) }) };
    const filters = Object.entries(of).map(([key, value]) => `--filter=label=${key}=${value}`);
    try {
      const ids = await engine.ask(["ps", "--all", "--quiet", "--no-trunc", ...filters]);
      await this.#remove(lines(ids));
      // those of OnFailure stay for the next attempt
      if (!hasNamedVolumes(spec) || (attempt !== undefined && spec.restartPolicy !== "Never")) return;
      const volumes = lines(await engine.ask(["volume", "ls", "--quiet", ...filters]));
      if (volumes.length > 0) await engine.ask(["volume", "rm", "--force", ...volumes]);
    } catch (error) {
      log.warn(
        { uid, error: messageOf(error) },
        "containers of a job cannot be removed; they have its label tidemill.uid",
      );
    }
  }

  async #find({ uid, attempt, container }: Place, signal?: AbortSignal): Promise<Held | undefined> {
    const wanted = { [labels.uid]: uid, [labels.attempt]: String(attempt), [labels.container]: container };
    const [held] = await findHeld(this.#options.engine, wanted, signal);
    return held;
  }

  async #run(request: StartRequest): Promise<Running | ContainerEnd> {
    const { engine } = this.#options;
    const { place, signal } = request;
    const { args, env } = runArguments(request, engine.flavour, mountsOf(request));
    const { code, stdout, stderr } = await engine.call(args, { signal, env });
    const id = lines(stdout).at(-1);
    if (code === 0 && id !== undefined) return this.#watch(id, place);
    // an earlier `run` of this place came through after all
    if (/already in use/i.test(stderr)) {
      const held = await this.#find(place, signal);
      if (held !== undefined) return this.#adopt(held, place, signal);
    }
    await this.#remove([containerName(place)]);
    // the container whose network was to be shared has ended already: there is nobody to talk to
    if (request.beside !== undefined) {
      const [first] = await inspect(engine, [containerName(request.beside)], signal);
      if (first?.status !== "running") return this.#run({ ...request, beside: undefined });
    }
    return { exitCode: code === 126 || code === 127 ? code : 128, reason: `cannot be started: ${lastLine(stderr)}` };
  }

  /** Takes a container that is there: goes on with it, reads how it ended, or starts it. */
  async #adopt(held: Held, place: Place, signal: AbortSignal): Promise<Running | ContainerEnd> {
    const { engine, log } = this.#options;
    if (held.status === "ended") {
      await copyLog(engine, held.id, { file: `${place.files}.log`, ended: Promise.resolve(), log });
      return endOfHeld(held);
    }
    if (held.status === "created") {
      const { code, stderr } = await this.#patience.ask(() => engine.call(["start", held.id], { signal }), signal);
      if (code !== 0) return { exitCode: 128, reason: `cannot be started: ${lastLine(stderr)}` };
    }
    return this.#watch(held.id, place);
  }

  #watch(id: string, place: Place): Running {
    const { engine, log } = this.#options;
    const lost = new AbortController();
    const end = this.#end(id, lost.signal);
    const copied = copyLog(engine, id, { file: `${place.files}.log`, ended: end, log });
    return {
      ended: end.then(async (how) => {
        await copied;
        return how;
      }),
      stop: (graceMs, kill) => void this.#stop(id, { graceMs, kill, lost }),
    };
  }

  /** Waits for the end of a container, over restarts of the engine. `lost` ends the wait. */
  async #end(id: string, lost: AbortSignal): Promise<ContainerEnd> {
    try {
      for (;;) {
        await this.#patience.ask(() => this.#options.engine.call(["wait", id], { signal: lost }), lost);
        const [held] = await this.#patience.ask(() => inspect(this.#options.engine, [id], lost), lost);
        if (held === undefined) return endOf(undefined);
        if (held.status === "ended") return endOfHeld(held);
        // the wait broke off: the engine was restarted, and the container goes on
        await this.#patience.pause(lost);
      }
    } catch (error) {
      return { reason: lost.aborted ? "Lost" : `Lost: ${messageOf(error)}` };
    }
  }

  async #stop(id: string, how: { graceMs: number; kill: AbortSignal; lost: AbortController }): Promise<void> {
    const { engine, log, stopWithinMs = 30_000 } = this.#options;
    const { graceMs, kill, lost } = how;
    const seconds = String(Math.ceil(graceMs / 1000));
    const now = (): void => {
      engine.call(["kill", id]).catch((error: unknown) => {
        log.warn({ container: id, error: messageOf(error) }, "a container cannot be killed; it may run on");
        lost.abort(error);
      });
    };
    if (kill.aborted) return now();
    kill.addEventListener("abort", now, { once: true });
    const untilMs = performance.now() + stopWithinMs;
    try {
      for (;;) {
        try {
          await engine.call(["stop", "-t", seconds, id], { signal: lost.signal });
          return;
        } catch (error) {
          if (lost.signal.aborted) return;
          if (performance.now() > untilMs || !isTide(error, "CONTAINERS_AWAY")) {
            log.warn({ container: id, error: messageOf(error) }, "a container cannot be stopped; it may run on");
            lost.abort(error);
            return;
          }
          await this.#patience.pause(lost.signal);
        }
      }
    } finally {
      kill.removeEventListener("abort", now);
    }
  }

  /** By ids or names, as far as they are there; never rejects. */
  async #remove(ids: readonly string[]): Promise<void> {
    const { engine, log } = this.#options;
    try {
      if (ids.length > 0) await engine.call(["rm", "--force", "--volumes", ...ids]);
    } catch (error) {
      log.warn({ containers: ids, error: messageOf(error) }, "containers cannot be removed");
    }
  }
}

function endOfHeld({ exitCode, oomKilled, error }: Held): ContainerEnd {
  const end = endOf(exitCode);
  if (oomKilled) return { ...end, reason: "OOMKilled" };
  return error === "" || exitCode === 0 ? end : { ...end, reason: error.slice(0, 500) };
}

function lines(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.trim()]));
}
