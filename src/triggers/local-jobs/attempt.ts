import { createHash } from "node:crypto";
import path from "node:path";
import { declaredEnv, expand, type JobValues, NotReady, type PodFields } from "./job-env.ts";
import type { Container, JobSpec } from "./job-spec.ts";
import type { ContainerRecord, JobRecord } from "./record.ts";
import { type ContainerRunner, isRunningContainer, type Place, type Running, type StartRequest } from "./runner.ts";

/** One attempt of a job: what Kubernetes would make one pod of (with OnFailure: one round of its restarts). */
export interface Attempt {
  readonly record: JobRecord;
  readonly spec: JobSpec;
  readonly n: number;
  /** The job's folder for logs and exit codes. */
  readonly dir: string;
  /** It began under an earlier tidemill: see what became of it first. */
  readonly resumed: boolean;
  readonly runner: ContainerRunner;
  readonly values: JobValues;
  /** Ends the containers: SIGTERM, then SIGKILL after the grace period. */
  readonly end: AbortSignal;
  /** Ends them at once. */
  readonly kill: AbortSignal;
  /** Keeps a log file within bounds until disposed. */
  watchLog(file: string): Disposable;
}

type Ready =
  | { readonly kind: "ended"; readonly record: ContainerRecord }
  | { readonly kind: "running"; readonly running: Running }
  | { readonly kind: "start"; readonly env: ReadonlyMap<string, string> };

/**
 * Runs init containers one after the other, then all others at once, and tells how each ended. What `record.done` names does
 * not run again. Throws NotReady, before anything was started, when a Secret, a ConfigMap or an image is missing.
 */
export async function runAttempt(attempt: Attempt): Promise<readonly ContainerRecord[]> {
  const { spec, record } = attempt;
  const needed = (container: Container) => !record.done.includes(container.name);
  const first = spec.initContainers.filter(needed);
  const [head, ...others] = spec.containers.filter(needed);
  const ready = new Map<Container, Ready>();
  for (const container of [...first, ...spec.containers.filter(needed)]) {
    ready.set(container, await prepare(attempt, container));
  }
  const ended: ContainerRecord[] = [];
  const begin = (container: Container, beside?: Place) =>
    beginContainer(attempt, { container, ready: ready.get(container), beside });
  for (const container of first) {
    const record = await endOfContainer(attempt, await begin(container));
    ended.push(record);
    if (record.exitCode !== 0) return ended;
  }
  if (head === undefined) return ended;
  const begun = [await begin(head)];
  const beside = placeOf(attempt, head.name);
  begun.push(...(await Promise.all(others.map((container) => begin(container, beside)))));
  return [...ended, ...(await Promise.all(begun.map((one) => endOfContainer(attempt, one))))];
}

/** All containers that had to run ended well. */
export function succeeded(attempt: Pick<Attempt, "record" | "spec">, ended: readonly ContainerRecord[]): boolean {
  const { spec, record } = attempt;
  const well = new Set([...record.done, ...ended.filter(({ exitCode }) => exitCode === 0).map(({ name }) => name)]);
  return [...spec.initContainers, ...spec.containers].every(({ name }) => well.has(name));
}

export function filesOf(dir: string, n: number, container: string): string {
  return path.join(dir, `${n}.${container}`);
}

async function prepare(attempt: Attempt, container: Container): Promise<Ready> {
  const { runner, values, end } = attempt;
  const { name } = container;
  const place = placeOf(attempt, name);
  try {
    if (attempt.resumed) {
      const before = await runner.recover(place, end);
      if (before !== undefined) {
        if (isRunningContainer(before)) return { kind: "running", running: before };
        return { kind: "ended", record: { name, ...before } };
      }
    }
    const env = await declaredEnv(container, podOf(attempt), values);
    await runner.prepare({ ...sharedOf(attempt, container), env });
    return { kind: "start", env };
  } catch (error) {
    if (end.aborted && !(error instanceof NotReady)) return { kind: "ended", record: { name, reason: "not started" } };
    // others of the attempt may run already, so that it cannot be put off any more
    if (!(error instanceof NotReady) || !attempt.resumed) throw error;
    return { kind: "ended", record: { name, exitCode: 128, reason: error.message } };
  }
}

type Begun =
  | { readonly name: string; readonly running: Running }
  | { readonly name: string; readonly record: ContainerRecord };

interface Beginning {
  readonly container: Container;
  readonly ready: Ready | undefined;
  readonly beside: Place | undefined;
}

async function beginContainer(attempt: Attempt, { container, ready, beside }: Beginning): Promise<Begun> {
  const { name } = container;
  if (ready === undefined || ready.kind === "ended") return { name, record: ready?.record ?? { name } };
  if (ready.kind === "running") return { name, running: ready.running };
  if (attempt.end.aborted) return { name, record: { name, reason: "not started" } };
  const { env } = ready;
  const texts = (list: readonly string[] | null | undefined) => (list ?? []).map((text) => expand(text, env));
  const started = await attempt.runner.start({
    ...sharedOf(attempt, container),
    env,
    command: texts(container.command),
    args: texts(container.args),
    beside,
  });
  return isRunningContainer(started) ? { name, running: started } : { name, record: { name, ...started } };
}

/** Waits for a container, and ends it when the attempt is to end. */
async function endOfContainer(attempt: Attempt, begun: Begun): Promise<ContainerRecord> {
  if ("record" in begun) return begun.record;
  const { name, running } = begun;
  using _ = attempt.watchLog(`${filesOf(attempt.dir, attempt.n, name)}.log`);
  const onEnd = (): void => running.stop(attempt.spec.graceMs, attempt.kill);
  attempt.end.addEventListener("abort", onEnd, { once: true });
  if (attempt.end.aborted) onEnd();
  try {
    return { name, ...(await running.ended) };
  } finally {
    attempt.end.removeEventListener("abort", onEnd);
  }
}

function sharedOf(attempt: Attempt, container: Container): Omit<StartRequest, "env" | "command" | "args" | "beside"> {
  const { record, spec, values, end } = attempt;
  const place = placeOf(attempt, container.name);
  return { place, container, spec, pod: podOf(attempt), values, folder: record.folder, signal: end };
}

function placeOf({ record, n, dir }: Attempt, container: string): Place {
  const { uid, namespace, name, key } = record;
  return { uid, attempt: n, container, job: `${namespace}/${name}`, key, files: filesOf(dir, n, container) };
}

function podOf({ record, spec, n }: Attempt): PodFields {
  const suffix = createHash("sha256").update(`${record.uid}/${n}`).digest("hex").slice(0, 5);
  const own = { "batch.kubernetes.io/job-name": record.name, "job-name": record.name };
  return {
    name: `${record.name}-${suffix}`,
    namespace: record.namespace,
    uid: record.uid,
    spec: { ...spec, labels: { ...spec.labels, ...own } },
  };
}
