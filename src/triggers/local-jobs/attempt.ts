import { createHash } from "node:crypto";
import path from "node:path";
import { within } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";
import { declaredEnv, expand, type JobValues, NotReady, type PodFields } from "./job-env.ts";
import type { Container, JobSpec } from "./job-spec.ts";
import {
  adopt,
  type Found,
  markerName,
  type Running,
  readExit,
  type StartFailure,
  signalGroup,
  start,
  wasStarted,
} from "./processes.ts";
import type { ContainerRecord, JobRecord } from "./record.ts";

/** One attempt of a job: what Kubernetes would make one pod of (with OnFailure: one round of its restarts). */
export interface Attempt {
  readonly record: JobRecord;
  readonly spec: JobSpec;
  readonly n: number;
  /** The job's folder for logs and exit codes. */
  readonly dir: string;
  /** It began under an earlier tidemill: see what became of it first. */
  readonly resumed: boolean;
  /** Live processes of this job, found at start. */
  readonly found: readonly Found[];
  readonly values: JobValues;
  readonly inherited: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Ends the processes: SIGTERM, then SIGKILL after the grace period. */
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
 * not run again. Throws NotReady, before anything was started, when a Secret or ConfigMap is missing.
 */
export async function runAttempt(attempt: Attempt): Promise<readonly ContainerRecord[]> {
  const { spec, record } = attempt;
  const needed = (container: Container) => !record.done.includes(container.name);
  const first = spec.initContainers.filter(needed);
  const rest = spec.containers.filter(needed);
  const ready = new Map<Container, Ready>();
  for (const container of [...first, ...rest]) ready.set(container, await prepare(attempt, container));
  const ended: ContainerRecord[] = [];
  const run = (container: Container) => runContainer(attempt, container, ready.get(container));
  for (const container of first) {
    const record = await run(container);
    ended.push(record);
    if (record.exitCode !== 0) return ended;
  }
  return [...ended, ...(await Promise.all(rest.map(run)))];
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
  const { name } = container;
  if (attempt.resumed) {
    const before = await whatBecame(attempt, name);
    if (before !== undefined) return before;
  }
  try {
    return { kind: "start", env: await declaredEnv(container, podOf(attempt), attempt.values) };
  } catch (error) {
    // others of the attempt may run already, so that it cannot be put off any more
    if (!(error instanceof NotReady) || !attempt.resumed) throw error;
    return { kind: "ended", record: { name, exitCode: 128, reason: error.message } };
  }
}

/**
 * A container of an attempt that began under a tidemill which was killed: it runs on (taken over), it ended (its exit code
 * was written), it was killed too (`Lost`: counts as a failure, or a job that takes the machine down would run for ever), or
 * it was not started yet (undefined).
 */
async function whatBecame(attempt: Attempt, name: string): Promise<Ready | undefined> {
  const files = filesOf(attempt.dir, attempt.n, name);
  const exitCode = await readExit(files);
  const marker = markerOf(attempt, name);
  const alive = attempt.found.filter((found) => found.marker === marker);
  const leader = alive.find(({ pid, group }) => pid === group);
  if (exitCode === undefined && leader !== undefined) return { kind: "running", running: adopt(leader.pid, files) };
  for (const { group } of alive) signalGroup(group, "SIGKILL");
  if (exitCode !== undefined) return { kind: "ended", record: endRecord(name, exitCode) };
  if (await wasStarted(files)) return { kind: "ended", record: endRecord(name, undefined) };
  return undefined;
}

async function runContainer(
  attempt: Attempt,
  container: Container,
  ready: Ready | undefined,
): Promise<ContainerRecord> {
  const { name } = container;
  if (ready === undefined || ready.kind === "ended") return ready?.record ?? { name };
  if (ready.kind === "start" && attempt.end.aborted) return { name, reason: "not started" };
  const running = ready.kind === "running" ? ready.running : await startContainer(attempt, container, ready.env);
  if ("exitCode" in running) return { name, exitCode: running.exitCode, reason: running.reason };
  using _ = attempt.watchLog(`${filesOf(attempt.dir, attempt.n, name)}.log`);
  return endRecord(name, await endOf(running, attempt));
}

function endRecord(name: string, exitCode: number | undefined): ContainerRecord {
  if (exitCode === undefined) return { name, reason: "Lost" };
  return exitCode === 0 ? { name, exitCode } : { name, exitCode, reason: "Error" };
}

function startContainer(
  attempt: Attempt,
  container: Container,
  env: ReadonlyMap<string, string>,
): Promise<Running | StartFailure> {
  const { record, inherited } = attempt;
  const [command = "", ...args] = [...(container.command ?? []), ...(container.args ?? [])].map((text) =>
    expand(text, env),
  );
  return start({
    command,
    args,
    folder: path.resolve(record.folder, container.workingDir ?? ""),
    env: {
      ...inherited,
      ...Object.fromEntries(env),
      TIDEMILL_FIRING_ID: record.key,
      [markerName]: markerOf(attempt, container.name),
    },
    files: filesOf(attempt.dir, attempt.n, container.name),
  });
}

/** Waits for a process, and ends it when the attempt is to end. */
async function endOf(running: Running, attempt: Attempt): Promise<number | undefined> {
  using over = within(attempt.kill);
  let left = true;
  const terminate = async (): Promise<void> => {
    if (!attempt.kill.aborted) {
      signalGroup(running.pid, "SIGTERM");
      await attempt.clock.sleep(attempt.spec.graceMs, over.signal).catch(() => undefined);
    }
    if (left) signalGroup(running.pid, "SIGKILL");
  };
  const onEnd = (): void => void terminate();
  attempt.end.addEventListener("abort", onEnd, { once: true });
  if (attempt.end.aborted) onEnd();
  try {
    return await running.ended;
  } finally {
    left = false;
    attempt.end.removeEventListener("abort", onEnd);
    over.abort(new Error("the process ended"));
  }
}

function markerOf({ record, n }: Attempt, container: string): string {
  return `${record.uid}/${n}/${container}`;
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
