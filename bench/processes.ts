import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

/** A child of the benchmark: its ready line, its processor time, its memory. All figures are of it and its own children. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly readyMs: number;
  /** User and system time so far, milliseconds, all threads, ended children included. */
  cpuMs(): number;
  /** The same once it does nothing any more: what it still does for what it has already answered counts. */
  quietCpuMs(): Promise<number>;
  /** Anonymous memory: what the processes took themselves, without mapped files. */
  rssAnonMb(): number;
  /** All resident memory, mapped pages of files included. */
  vmRssMb(): number;
  /** Open file descriptors. */
  handles(): number;
}

const ticksPerSecond = 100;
/** A process that takes at most one tick in so long is quiet; one that never is, is looked at no longer than that. */
const quietMs = 300;
const longestMs = 60_000;

/** Starts a command and waits for a line that `ready` matches. */
export async function start(
  command: readonly string[],
  ready: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const [file = "", ...args] = command;
  const startedMs = performance.now();
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const readyMs = await untilReady(child, ready).then(
    () => performance.now() - startedMs,
    (error: unknown) => {
      child.kill("SIGKILL");
      throw error;
    },
  );
  const pid = child.pid ?? 0;
  const sum = (of: (pid: number) => number): number => processTree(pid).reduce((all, one) => all + of(one), 0);
  const cpuMs = (): number => sum(cpuMsOf);
  return {
    pid,
    readyMs,
    cpuMs,
    async quietCpuMs() {
      let last = cpuMs();
      for (let waitedMs = 0; waitedMs < longestMs; waitedMs += quietMs) {
        await pause(quietMs);
        const now = cpuMs();
        if (now - last <= 1000 / ticksPerSecond) return now;
        last = now;
      }
      return last;
    },
    rssAnonMb: () => sum((one) => statusMb(one, "RssAnon")),
    vmRssMb: () => sum((one) => statusMb(one, "VmRSS")),
    handles: () => sum((one) => readdirSync(`/proc/${one}/fd`).length),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const patience = setTimeout(() => child.kill("SIGKILL"), 60_000);
      await ended;
      clearTimeout(patience);
    },
  };
}

/** The process and all that it started. */
function processTree(pid: number): readonly number[] {
  const tree = [pid];
  for (const one of tree) {
    for (const task of threadsOf(one)) {
      const children = read(`/proc/${one}/task/${task}/children`) ?? "";
      tree.push(...children.split(" ").filter(Boolean).map(Number));
    }
  }
  return tree;
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** A process that has just ended has no file any more. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function cpuMsOf(pid: number): number {
  const fields = (read(`/proc/${pid}/stat`) ?? "").replace(/^.*\) /, "").split(" ");
  // utime, stime, and those of children that ended and were waited for
  const ticks = [11, 12, 13, 14].reduce((all, at) => all + Number(fields[at] ?? 0), 0);
  return (ticks * 1000) / ticksPerSecond;
}

function statusMb(pid: number, name: "RssAnon" | "VmRSS"): number {
  const found = new RegExp(`${name}:\\s+(\\d+)`).exec(read(`/proc/${pid}/status`) ?? "")?.[1];
  return Number(found ?? 0) / 1024;
}

/** What is said later is read and forgotten: a process that logs every event must not wait for us, nor cost us anything. */
function untilReady(child: ChildProcess, ready: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    const streams = [child.stdout, child.stderr].flatMap((stream) => stream ?? []);
    const readers = streams.map((input) => createInterface({ input }));
    const look = (line: string): void => {
      said.push(line);
      if (!ready.test(line)) return;
      for (const reader of readers) reader.close();
      for (const stream of streams) stream.removeAllListeners("data").resume();
      resolve();
    };
    for (const reader of readers) reader.on("line", look);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`ended with ${code} before it was ready:\n${said.join("\n")}`)));
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Runs a command to its end and answers its standard output. */
export function output(command: readonly string[]): Promise<string> {
  const [file = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
    const parts: Buffer[] = [];
    child.stdout.on("data", (part: Buffer) => parts.push(part));
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve(Buffer.concat(parts).toString()) : reject(new Error(`${file} ended with ${code}`)),
    );
  });
}
