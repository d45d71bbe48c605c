import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** A program of an example as a child process. Disposing kills it. */
export interface Program extends AsyncDisposable {
  readonly child: ChildProcess;
  /** All of stdout so far. */
  out(): string;
  err(): string;
  /** Resolves once stdout matches; rejects when the program ends without. */
  until(pattern: RegExp): Promise<void>;
  /** The exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** Starts a file on the Node of the tests. */
export function startProgram(
  file: URL,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Program {
  const child = spawn(process.execPath, [fileURLToPath(file), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { out: "", err: "" };
  const changed = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.out += text;
    for (const tell of changed) tell();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.err += text;
  });
  let over = false;
  const ended = once(child, "close").then(([code]) => {
    over = true;
    for (const tell of changed) tell();
    return code as number | null;
  });
  return {
    child,
    out: () => texts.out,
    err: () => texts.err,
    ended,
    until: (pattern) =>
      new Promise((matched, failed) => {
        const look = (): void => {
          if (pattern.test(texts.out)) matched();
          else if (over) failed(new Error(`it ended without ${pattern}\n${texts.out}\n${texts.err}`));
          else return;
          changed.delete(look);
        };
        changed.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** The command lines of the processes that have `text` in their environment: on Linux, what a run has left behind. */
export async function processesWith(text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    if (environment.includes(text)) found.push(await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => pid));
  }
  return found;
}
