import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

/** A child of the benchmark: its ready line, its processor time, its memory. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly readyMs: number;
  /** User and system time so far, milliseconds, all threads. */
  cpuMs(): number;
  /** Anonymous memory: what the process itself took, without mapped files. */
  rssAnonMb(): number;
}

const ticksPerSecond = 100;

/** Starts a command and waits for a line that `ready` matches. */
export async function start(command: readonly string[], ready: RegExp): Promise<Child> {
  const [file = "", ...args] = command;
  const startedMs = performance.now();
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  const readyMs = await untilReady(child, ready).then(() => performance.now() - startedMs);
  const pid = child.pid ?? 0;
  return {
    pid,
    readyMs,
    cpuMs() {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ");
      return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
    },
    rssAnonMb: () => Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function untilReady(child: ChildProcess, ready: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    const look = (line: string): void => {
      said.push(line);
      if (ready.test(line)) resolve();
    };
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null) createInterface({ input: stream }).on("line", look);
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
    child.once("exit", (code) =>
      code === 0 ? resolve(Buffer.concat(parts).toString()) : reject(new Error(`${file} ended with ${code}`)),
    );
  });
}
