import { type ChildProcess, fork } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sibling } from "../../lib/sibling.ts";
import { type Gone, type Heard, type Link, readLines, type Spec } from "./link.ts";

/** How often the memory of a process is looked at: buffers are outside of what V8 limits. */
const lookEveryMs = 250;

/**
 * A process of its own under Node's permission model: it reads the folder of its module and packages, writes nothing,
 * starts nothing, loads no native code, and has its own memory, of which all counts where /proc says how much it is.
 * The network is open to it. A process that hangs in a loop when tidemill is killed outlives it.
 */
export function startProcess(spec: Spec, heard: Heard): Link {
  const child = fork(sibling(import.meta.url, "./inside/process-main"), [JSON.stringify(spec.setup)], {
    execArgv: [
      "--disable-warning=ExperimentalWarning",
      "--disable-warning=SecurityWarning",
      `--max-old-space-size=${spec.memoryLimit}`,
      "--permission",
      ...readable(spec).map((path) => `--allow-fs-read=${path}`),
      ...spec.write.map((path) => `--allow-fs-write=${path}`),
    ],
    env: { ...spec.env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // what a process says is read as JSON: V8's own form is not for what nobody trusts
    serialization: "json",
  });
  child.unref();
  child.channel?.unref();
  let how: Gone | undefined;
  let heapEnded = false;
  let lastLine = "";
  const gone = new Promise<void>((ended) => child.once("close", () => ended()));
  const look = watchMemory(child, spec.memoryLimit, (message) => {
    how ??= { how: "memory", message };
  });
  child.on("message", (said) => heard.told(said));
  child.on("error", (error) => {
    how ??= { how: "error", message: error.message };
    // one that could not be started never closes
    if (child.pid === undefined) heard.gone(how);
  });
  child.once("close", (code, signal) => {
    clearInterval(look);
    if (heapEnded) how ??= { how: "memory", message: "its heap is full" };
    heard.gone(how ?? { how: "exit", code: signal ?? code ?? "", said: lastLine });
  });
  readLines(child.stdout, (line) => heard.said("stdout", line));
  readLines(child.stderr, (line) => {
    heapEnded ||= /heap out of memory|Allocation failed/.test(line);
    if (/^\S*(Error|FATAL)/.test(line)) lastLine = line;
    heard.said("stderr", line);
  });
  return {
    post: (asked) => void child.send(asked, () => undefined),
    hold(held) {
      for (const one of [child, child.channel])
        if (held) one?.ref();
        else one?.unref();
    },
    // V8 collects before it gives up
    heavy: false,
    async end() {
      child.kill("SIGKILL");
      child.ref();
      if (child.pid !== undefined) await gone;
    },
  };
}

/** Of tidemill: `src` or `dist`. */
const own = fileURLToPath(new URL("../../", import.meta.url));

/** What the code of tidemill and of the function needs, beside what the manifest names. */
function readable({ setup, read }: Spec): readonly string[] {
  const folder = dirname(setup.module);
  const named = [own, folder, ...read, ...packagesOf(own), ...packagesOf(folder)];
  // package managers link packages to where they keep them
  return [...new Set([...named, ...named.map(real)])];
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Where Node looks for the packages that code in a folder imports. */
function packagesOf(folder: string): readonly string[] {
  const found: string[] = [];
  for (let at = folder; ; at = dirname(at)) {
    const all = [join(at, "package.json"), join(at, "node_modules")];
    found.push(...(basename(at) === "node_modules" ? [at] : all.filter((path) => existsSync(path))));
    if (dirname(at) === at) return found;
  }
}

/** Ends a process that has `limitMb` more in memory than it had when it was new; only where /proc is. */
function watchMemory(child: ChildProcess, limitMb: number, tooMuch: (message: string) => void): NodeJS.Timeout {
  const timer = setInterval(() => {
    const residentMb = residentMbOf(child.pid);
    if (residentMb === undefined || residentMb <= limitMb + emptyMb) return;
    tooMuch(`${Math.round(residentMb)} MiB are in memory`);
    child.kill("SIGKILL");
  }, lookEveryMs);
  return timer.unref();
}

/** What Node itself needs, with our code loaded: measured 84 MiB, of which 32 are its own alone. */
const emptyMb = 96;

function residentMbOf(pid: number | undefined): number | undefined {
  try {
    const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kb === undefined ? undefined : Number(kb) / 1024;
  } catch {
    return undefined;
  }
}
