import { execFile, spawn } from "node:child_process";
import { access, constants, type FileHandle, open, readdir, readFile, stat } from "node:fs/promises";
import { constants as os } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { codeOf, messageOf } from "../../lib/errors.ts";

/** The environment variable by which a process of ours is known again: `<uid>/<attempt>/<container>`. */
export const markerName = "TIDEMILL_JOB";

/** A process that runs a container, started here or by a tidemill that was killed. */
export interface Process {
  /** Of its leader, and of its process group. */
  readonly pid: number;
  /** Its exit code; undefined when nobody knows it any more. */
  readonly ended: Promise<number | undefined>;
}

/** A process that could not be started: what a container runtime would answer. */
export interface StartFailure {
  readonly exitCode: number;
  readonly reason: string;
}

export interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Path without ending of its files: `.log`, `.pid`, `.exit`. */
  readonly files: string;
}

/**
 * What runs the command, so that its exit code outlives us: when tidemill is killed the command goes on, and the next
 * tidemill reads how it ended. A shell costs 1 ms where a Node process costs 40. The command comes as arguments, so that
 * nothing of it is read as shell, and no variable is set, so that its environment is as declared. The traps are reset in
 * the command and let the shell wait for a command that takes its time over SIGTERM.
 */
const wrapper = 'trap : TERM INT HUP; echo $$ >"$0.pid"; "$@"; set -- $?; echo "$1" >"$0.exit"; exit "$1"';

/** Starts a command in a process group of its own, its output appended to `<files>.log`. */
export async function start(request: Start): Promise<Process | StartFailure> {
  const { folder, env, files } = request;
  if (!(await isFolder(folder))) return { exitCode: 128, reason: `workingDir ${folder} is no folder` };
  const command = await findCommand(request.command, folder, env.PATH ?? "");
  if (typeof command !== "string") return command;
  const log = await open(`${files}.log`, "a");
  try {
    return await launch(request, command, log);
  } catch (cause) {
    // E2BIG: Linux takes at most 128 KiB in one argument
    return { exitCode: 126, reason: `cannot be started: ${messageOf(cause)}` };
  } finally {
    await log.close();
  }
}

function launch(request: Start, command: string, log: FileHandle): Promise<Process> {
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", wrapper, request.files, command, ...request.args], {
      cwd: request.folder,
      env: request.env,
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    const ended = new Promise<number | undefined>((end) => {
      child.once("exit", (code, signal) => end(code ?? (signal === null ? undefined : 128 + os.signals[signal])));
    });
    child.once("error", reject);
    child.once("spawn", () =>
      resolve({ pid: child.pid ?? 0, ended: ended.then((code) => sweepGroup(child.pid, code)) }),
    );
  });
}

/** When a container's process ends, everything in the container ends. */
function sweepGroup(pid: number | undefined, code: number | undefined): number | undefined {
  if (pid !== undefined) signalGroup(pid, "SIGKILL");
  return code;
}

export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // nobody of it is left
  }
}

/** Absolute path of a command, found as exec would; the absolute path keeps the shell from taking its own `exit` or `test`. */
async function findCommand(command: string, folder: string, pathVariable: string): Promise<string | StartFailure> {
  const places = command.includes("/") ? [""] : pathVariable.split(":");
  let found: string | undefined;
  for (const place of places) {
    const candidate = path.resolve(folder, place, command);
    const isFile = await stat(candidate).then(
      (held) => held.isFile(),
      () => false,
    );
    if (!isFile) continue;
    const runs = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return candidate;
    found ??= candidate;
  }
  const shown = JSON.stringify(command.slice(0, 200));
  if (found !== undefined) return { exitCode: 126, reason: `command ${shown} is not executable: ${found}` };
  return { exitCode: 127, reason: `command ${shown} is not found` };
}

async function isFolder(folder: string): Promise<boolean> {
  return stat(folder).then(
    (held) => held.isDirectory(),
    () => false,
  );
}

/** A process found alive, with its marker. */
export interface Found {
  readonly pid: number;
  readonly group: number;
  readonly marker: string;
}

/**
 * All live processes of this user that carry a marker. The marker, not the start time, tells a process of ours from one
 * that has got its pid: it is in the environment the kernel keeps, and cannot be another's.
 */
export async function findMarked(): Promise<readonly Found[]> {
  return process.platform === "linux" ? fromProc() : fromPs();
}

async function fromProc(): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environ = await readFile(`/proc/${name}/environ`, "latin1");
      const marker = environ.split("\0").find((entry) => entry.startsWith(`${markerName}=`));
      if (marker === undefined) continue;
      const line = await readFile(`/proc/${name}/stat`, "latin1");
      // the name in parentheses can hold anything; behind its last one: state, parent, group
      const [state, , group] = line.slice(line.lastIndexOf(")") + 2).split(" ");
      if (state !== "Z" && state !== "X") {
        found.push({ pid: Number(name), group: Number(group), marker: marker.slice(markerName.length + 1) });
      }
    } catch {
      // ended meanwhile, or another user's
    }
  }
  return found;
}

/** Elsewhere (macOS) `ps -E` shows environments of the user's own processes. */
async function fromPs(): Promise<readonly Found[]> {
  const ps = promisify(execFile);
  const { stdout } = await ps("ps", ["-axwwE", "-o", "pid=,pgid=,command="], { maxBuffer: 64 * 1024 * 1024 });
  return stdout.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s.*\sTIDEMILL_JOB=(\S+)/.exec(line);
    return match === null ? [] : [{ pid: Number(match[1]), group: Number(match[2]), marker: match[3] ?? "" }];
  });
}

/** How often an adopted process is looked at: the kernel tells only a parent. Real time, whatever the clock says. */
const lookEveryMs = 100;

/** Takes over a process whose tidemill was killed. */
export function adopt(pid: number, files: string): Process {
  const ended = (async () => {
    const self = await birthOf(pid);
    while (self !== undefined && (await birthOf(pid)) === self) {
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
    signalGroup(pid, "SIGKILL");
    return readExit(files);
  })();
  return { pid, ended };
}

/** What tells a process from a later one with the same pid: its start time, where the kernel says; undefined when it ended. */
async function birthOf(pid: number): Promise<string | undefined> {
  if (process.platform === "linux") {
    const line = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
    const after = line.slice(line.lastIndexOf(")") + 2).split(" ");
    // a zombie stays where pid 1 does not wait for orphans, as in many containers
    return after[0] === "Z" || after[0] === "X" ? undefined : after[19];
  }
  try {
    process.kill(pid, 0);
    return "alive";
  } catch (error) {
    return codeOf(error) === "EPERM" ? "alive" : undefined;
  }
}

/** The exit code that the wrapper wrote; undefined when it did not come to that. */
export async function readExit(files: string): Promise<number | undefined> {
  const text = await readFile(`${files}.exit`, "utf8").catch(() => "");
  return /^\d{1,3}\n$/.test(text) ? Number(text) : undefined;
}

/** Whether the wrapper ran at all. */
export async function wasStarted(files: string): Promise<boolean> {
  return stat(`${files}.pid`).then(
    () => true,
    () => false,
  );
}

/** Ends what is left of finished jobs and earlier attempts; answers what still is the open attempt's. */
export function endStale(
  job: { readonly uid: string; readonly open: number | undefined },
  alive: readonly Found[],
): readonly Found[] {
  const current = `${job.uid}/${job.open}/`;
  const { mine = [], stale = [] } = Object.groupBy(alive, ({ marker }) =>
    job.open !== undefined && marker.startsWith(current) ? "mine" : "stale",
  );
  for (const { group } of stale) signalGroup(group, "SIGKILL");
  return mine;
}
