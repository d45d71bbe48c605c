import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/* The real command line as child processes. */

const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface TidemillOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
}

function start(args: readonly string[], options: TidemillOptions): ChildProcess {
  const { NO_COLOR: _, FORCE_COLOR: __, TIDEMILL_ADMIN: ___, TIDEMILL_DATA_DIR: ____, ...inherited } = process.env;
  return spawn(process.execPath, ["--no-warnings", main, ...args], {
    env: { ...inherited, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
}

/** Runs a verb to its end. */
export async function tidemill(args: readonly string[], options: TidemillOptions = {}): Promise<Ended> {
  const child = start(args, options);
  child.stdin?.end(options.input ?? "");
  return ended(child, collect(child));
}

interface Output {
  out: string;
  err: string;
  changed: () => void;
}

function collect(child: ChildProcess): Output {
  const output: Output = { out: "", err: "", changed: () => undefined };
  child.stdout?.on("data", (chunk: Buffer) => {
    output.out += chunk.toString();
    output.changed();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    output.err += chunk.toString();
    output.changed();
  });
  return output;
}

async function ended(child: ChildProcess, output: Output): Promise<Ended> {
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("close", resolve);
    child.once("error", reject);
  });
  return { code, out: output.out, err: output.err };
}

/** A `tidemill run` with its admin API and metrics on ports of their own. Disposing kills what still runs. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  readonly admin: string;
  readonly metrics: string;
  readonly ended: Promise<Ended>;
  err(): string;
  /** Resolves once standard error holds this. */
  said(text: RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export interface RunningOptions extends TidemillOptions {
  readonly args?: readonly string[];
  readonly dataDir: string;
}

/** Starts `tidemill run PATHS`, and resolves once it says that it is ready. Rejects when it ends before. */
export async function running(paths: readonly string[], options: RunningOptions): Promise<Running> {
  const ports = ["--admin", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
  const format = ["--log-format", "pretty"];
  const args = ["run", ...paths, "--data-dir", options.dataDir, ...ports, ...format, ...(options.args ?? [])];
  const child = start(args, options);
  const output = collect(child);
  const end = ended(child, output);
  const said = (text: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (text.test(output.err)) resolve();
      };
      output.changed = look;
      look();
      end.then(({ code, err }) => reject(new Error(`tidemill run ended with ${code}:\n${err}`)), reject);
    });
  await said(/ready in \d/);
  const addresses = /admin (\S+) +metrics (\S+)\/metrics/.exec(output.err);
  return {
    pid: child.pid ?? 0,
    admin: addresses?.[1] ?? "",
    metrics: addresses?.[2] ?? "",
    ended: end,
    err: () => output.err,
    said,
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await end;
    },
  };
}

/** The hello example's text, on another port. */
export async function helloOn(port: number): Promise<string> {
  const file = fileURLToPath(new URL(join("..", "examples", "hello", "hello.yaml"), import.meta.url));
  return (await readFile(file, "utf8")).replace('"12000"', `"${port}"`);
}
