import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { temporaryFolder } from "./folder.ts";
import { findProgram } from "./recipes.ts";

/** A real server of one test, on 127.0.0.1. It ends with its test process, however that ends. */
export interface Server extends AsyncDisposable {
  readonly port: number;
  /** Its data; removed by `stop()`. */
  readonly folder: string;
  /** The running process; undefined after `stop`, `kill` or its own end. */
  readonly pid: number | undefined;
  /** From the start of the process to its first answer, the last time it was started. */
  readonly readyMs: number;
  /** SIGTERM (SIGKILL after 10 s), waits for the end, removes the data unless `keep`. Once stopped, does nothing. */
  stop(options?: { readonly keep?: boolean }): Promise<void>;
  /** Starts it again after `stop({ keep: true })` or `kill`, on the same port and data. */
  start(): Promise<void>;
  /** SIGKILL, as a crash; the data stays. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers, as a hung host. */
  pause(): void;
  resume(): void;
}

/** What one kind of server is started with. */
export interface Launch {
  readonly name: string;
  /** Called before each start; it must name the program, its arguments and what it needs in its environment. */
  readonly command: (place: { readonly port: number; readonly folder: string }) => Command | Promise<Command>;
  /** Resolves when the server answers; anything thrown means "not yet". */
  readonly answers: (port: number, signal: AbortSignal) => Promise<void>;
  readonly readyTimeoutMs?: number;
}

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A port that was free a moment ago, of the kernel's choice. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((closed) => probe.close(closed));
  return port;
}

interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with a sentence when the process is gone. */
  readonly ended: Promise<string>;
}

/**
 * Own process group, so that what the server starts is ended with it. `setpriv --pdeathsig` asks the kernel to kill it
 * when the test process dies, even by SIGKILL; it execs, so the pid is the server's. Without setpriv (not Linux) only
 * a normal exit of the test process ends it.
 */
async function spawnServer({ program, args, env }: Command, logFile: string): Promise<Running> {
  const setpriv = findProgram("setpriv");
  const [file, ...rest] = setpriv === undefined ? [program] : [setpriv, "--pdeathsig", "KILL", program];
  const log = openSync(logFile, "a");
  const child = spawn(file ?? program, [...rest, ...args], {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, ...env },
  });
  closeSync(log);
  await once(child, "spawn");
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${program} has no pid`);
  const atExit = () => signalGroup(pid, "SIGKILL");
  if (setpriv === undefined) process.once("exit", atExit);
  const ended = new Promise<string>((gone) => {
    child.once("exit", (code, signal) => {
      process.off("exit", atExit);
      gone(signal === null ? `exited with ${code}` : `ended by ${signal}`);
    });
  });
  return { child, pid, ended };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

const isRunning = ({ child }: Running): boolean => child.exitCode === null && child.signalCode === null;

class LocalServer implements Server {
  readonly port: number;
  readonly folder: string;
  readonly #launch: Launch;
  #running: Running | undefined;
  #readyMs = 0;

  constructor(launch: Launch, place: { readonly port: number; readonly folder: string }) {
    this.#launch = launch;
    this.port = place.port;
    this.folder = place.folder;
  }

  get pid(): number | undefined {
    return this.#running !== undefined && isRunning(this.#running) ? this.#running.pid : undefined;
  }

  get readyMs(): number {
    return this.#readyMs;
  }

  async start(): Promise<void> {
    if (this.pid !== undefined) return;
    const { name, command, answers, readyTimeoutMs = 60_000 } = this.#launch;
    const logFile = join(this.folder, "server.log");
    const running = await spawnServer(await command(this), logFile);
    const startedAt = performance.now();
    this.#running = running;
    const tryOnce = () =>
      answers(this.port, AbortSignal.timeout(1_000)).then(
        () => isRunning(running),
        () => false,
      );
    for (;;) {
      const answered = await Promise.race([running.ended, tryOnce()]);
      this.#readyMs = performance.now() - startedAt;
      if (answered === true) return;
      if (answered === false && this.#readyMs < readyTimeoutMs) {
        await pause(10);
        continue;
      }
      await this.#end("SIGKILL");
      const why = answered === false ? `did not answer within ${readyTimeoutMs} ms` : answered;
      const log = await readFile(logFile, "utf8");
      throw new Error(`${name} ${why} (process ${running.pid}); the end of its log:\n${log.slice(-2_000)}`);
    }
  }

  async stop({ keep = false }: { readonly keep?: boolean } = {}): Promise<void> {
    await this.#end("SIGTERM");
    if (!keep) await rm(this.folder, { recursive: true, force: true });
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    if (isRunning(running)) {
      signalGroup(running.pid, signal);
      // a paused one takes no SIGTERM before it goes on
      signalGroup(running.pid, "SIGCONT");
      const patience = setTimeout(() => signalGroup(running.pid, "SIGKILL"), 10_000);
      await running.ended;
      clearTimeout(patience);
    }
    // what it had started
    signalGroup(running.pid, "SIGKILL");
  }

  pause(): void {
    if (this.pid !== undefined) signalGroup(this.pid, "SIGSTOP");
  }

  resume(): void {
    if (this.pid !== undefined) signalGroup(this.pid, "SIGCONT");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Starts a server in a new folder, on a free port; if that port was taken meanwhile, on another. */
export async function startServer(launch: Launch): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const folder = await temporaryFolder(launch.name);
    const server = new LocalServer(launch, { port: await freePort(), folder });
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      const taken = error instanceof Error && /address already in use|errno: 98|EADDRINUSE/i.test(error.message);
      if (!taken || attempt === 3) throw error;
    }
  }
}
