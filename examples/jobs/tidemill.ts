import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** The command line in a process of its own, as a person would run it. It ends with this process. */
export interface Tidemill extends AsyncDisposable {
  /** Kills it, as a crash, and starts it again on the same data. */
  crash(): Promise<void>;
  /** SIGTERM; resolves when it has finished what was in flight. */
  stop(): Promise<void>;
}

export interface TidemillOptions {
  readonly manifests: readonly string[];
  readonly dataDir: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Each line that it says on standard error. */
  readonly said: (line: string) => void;
}

/** Starts `tidemill run`, and resolves once its sources are ready. Rejects with what it said when it ends before. */
export async function startTidemill(options: TidemillOptions): Promise<Tidemill> {
  const { dataDir } = options;
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const common = ["--data-dir", dataDir, "--template-env", "--log-format", "pretty", "--log-level", "warn"];
    const args = ["run", ...options.manifests, ...common, "--admin", "127.0.0.1:0", ...options.args];
    const starting = spawn(process.execPath, ["--no-warnings", main, ...args], {
      env: options.env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    child = starting;
    const said: string[] = [];
    let rest = "";
    let faulty = false;
    await new Promise<void>((ready, failed) => {
      starting.stderr?.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          said.push(line);
          // what cannot run is left out and all else runs: here that is no run at all
          if (/^error\[TM\d{4}\]/.test(line)) faulty = true;
          if (/ready in \d/.test(line)) {
            if (faulty) failed(new Error(`the manifests are wrong:\n${said.join("\n")}`));
            ready();
          }
          // the banner is for who starts it by hand
          if (/^\d\d:\d\d:\d\d/.test(line)) options.said(line);
        }
      });
      starting.once("error", failed);
      starting.once("exit", (code) => failed(new Error(`tidemill ended with ${code}:\n${said.join("\n")}`)));
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = once(ending, "exit");
    ending.kill(signal);
    const late = setTimeout(() => ending.kill("SIGKILL"), 20_000);
    await gone;
    clearTimeout(late);
  };
  const orphan = (): void => void child?.kill("SIGKILL");
  process.once("exit", orphan);
  await start().catch(async (error: unknown) => {
    await end("SIGKILL");
    throw error;
  });
  return {
    async crash() {
      await end("SIGKILL");
      await start();
    },
    stop: () => end("SIGTERM"),
    async [Symbol.asyncDispose]() {
      await end("SIGTERM");
      process.off("exit", orphan);
    },
  };
}

/** Runs a verb to its end; what it says on standard output. */
export async function verb(args: readonly string[], env: TidemillOptions["env"]): Promise<string> {
  const child = spawn(process.execPath, ["--no-warnings", main, ...args], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  return Buffer.concat(chunks).toString("utf8");
}
