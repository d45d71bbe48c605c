import { type ChildProcessByStdio, execFile, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";
import { cacheFolder, findProgram } from "../servers/recipes.ts";
import type { Answer, Case } from "./language.ts";

const here = import.meta.dirname;

/** Whether the Go libraries can be asked on this machine; if not, why, and what would help. */
export type OracleAvailability = { readonly ok: true } | { readonly ok: false; readonly why: string };

/**
 * The Go program needs Go and, the first time, its modules from the network. A machine without either is no broken
 * machine: what wants the oracle is skipped there.
 */
export function oracleAvailable(): OracleAvailability {
  if (existsSync(binary())) return { ok: true };
  if (findProgram("go") === undefined) {
    return { ok: false, why: "go is not on this machine; to install it: apt-get install golang-go (1.24 or newer)" };
  }
  const { status, stderr } = spawnSync("go", ["mod", "download"], { cwd: here, timeout: 60_000, encoding: "utf8" });
  if (status === 0) return { ok: true };
  return { ok: false, why: `go mod download failed: ${stderr?.trim().split("\n").at(-1) || "no answer in 60 s"}` };
}

/** Outside the checkout; another one for each state of the sources. */
function binary(): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(here).sort()) {
    if (/\.go$|^go\./.test(name)) hash.update(name).update(readFileSync(join(here, name)));
  }
  return join(cacheFolder(), "oracle", hash.digest("hex").slice(0, 16));
}

/** Builds the Go program where that is still to be done, and gives its path. */
export async function buildOracle(): Promise<string> {
  const path = binary();
  if (existsSync(path)) return path;
  mkdirSync(join(cacheFolder(), "oracle"), { recursive: true });
  const made = `${path}.${process.pid}`;
  await promisify(execFile)("go", ["build", "-o", made, "."], { cwd: here });
  renameSync(made, path);
  return path;
}

interface Running {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly lines: AsyncIterator<string>;
}

/** The Go program, running. One question after the other. */
export class Oracle implements AsyncDisposable {
  readonly #path: string;
  #running: Running | undefined;

  /** `path` is that of the built program. */
  constructor(path: string) {
    this.#path = path;
  }

  /** An answer for each case, in order. A case that kills the program is answered `crash`. */
  async ask(cases: readonly Case[]): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    while (answers.length < cases.length) {
      const open = cases.slice(answers.length);
      for await (const answer of this.#answers(open)) answers.push(answer);
      // after a timeout the program ends by itself
      if (answers.length < cases.length && answers.at(-1)?.e !== "timeout") answers.push({ e: "crash" });
    }
    return answers;
  }

  /** Ends early when the program does. */
  async *#answers(cases: readonly Case[]): AsyncIterable<Answer> {
    this.#running ??= this.#start();
    const { child, lines } = this.#running;
    child.stdin.write(cases.map((one) => `${JSON.stringify(one)}\n`).join(""));
    for (let count = 0; count < cases.length; count++) {
      const line = await lines.next();
      if (line.done === true) {
        this.#running = undefined;
        return;
      }
      yield JSON.parse(line.value) as Answer;
    }
  }

  #start(): Running {
    // the limit keeps a case that eats memory from eating the machine's
    const env = { ...process.env, TZ: "UTC", GOMEMLIMIT: "1GiB" };
    const child = spawn(this.#path, [], { stdio: ["pipe", "pipe", "ignore"], env });
    // a write to a program that has just died; its end is seen on stdout
    child.stdin.on("error", () => {});
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    const { child } = running;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}
