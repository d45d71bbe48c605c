import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The service in a process of its own; it ends with this process, however that ends. */
export interface Recorder extends AsyncDisposable {
  readonly url: string;
  /** Kills it, as a crash, and starts it again after `awayMs` on the same port. */
  crash(awayMs: number, signal: AbortSignal): Promise<void>;
}

/** Starts the service on a free port. */
export async function startRecorder(databaseUrl: string): Promise<Recorder> {
  const spawn = async (port: number): Promise<{ readonly child: ChildProcess; readonly port: number }> => {
    const child = fork(fileURLToPath(new URL("./service.ts", import.meta.url)), {
      env: { ...process.env, DATABASE_URL: databaseUrl, PORT: String(port), HOST: "127.0.0.1" },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const [said] = await Promise.race([
      once(child, "message") as Promise<[{ readonly port: number }]>,
      once(child, "exit").then(([code]) => {
        throw new Error(`the recorder service did not start (exit code ${code})`);
      }),
    ]);
    return { child, port: said.port };
  };
  const first = await spawn(0);
  let child: ChildProcess | undefined = first.child;
  let closed = false;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = once(ending, "exit");
    ending.kill(signal);
    const late = setTimeout(() => ending.kill("SIGKILL"), 5_000);
    await gone;
    clearTimeout(late);
  };
  return {
    url: `http://127.0.0.1:${first.port}`,
    async crash(awayMs, signal) {
      await end("SIGKILL");
      await new Promise<void>((back) => {
        const timer = setTimeout(back, awayMs);
        signal.addEventListener("abort", () => [clearTimeout(timer), back()], { once: true });
      });
      if (closed || signal.aborted) return;
      ({ child } = await spawn(first.port));
      if (closed) await end("SIGTERM");
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await end("SIGTERM");
    },
  };
}
