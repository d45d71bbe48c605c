import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram } from "./servers/recipes.ts";
import { until } from "./until.ts";

const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

/** What its first line gives to Node. */
const mainArgs: readonly string[] = /^#!.*/.exec(readFileSync(main, "utf8"))?.[0].match(/--\S+/g) ?? [];

export interface ProductOptions {
  readonly dataDir: string;
  readonly paths: readonly string[];
  /** More arguments of `run`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Resolves when its sources are up; off: as soon as the process is there. */
  readonly untilReady?: boolean;
  /** Until it is ready; 20 s unless given. */
  readonly readyTimeoutMs?: number;
  /** What it writes is appended here too. */
  readonly outputFile?: string;
  /** More arguments of Node: limits of its heap. */
  readonly nodeArgs?: readonly string[];
}

/** tidemill as a user starts it, in a process of its own that ends with the test process. */
export interface Product extends AsyncDisposable {
  readonly pid: number;
  /** What it wrote so far, both streams. */
  output(): string;
  /** Ends with its exit code, or the name of the signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL, as a crash. */
  kill(): Promise<void>;
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | NodeJS.Signals>;
  /** Asks the admin API. */
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  /** The admin API's own readiness. */
  ready(): Promise<{ readonly status: number; readonly body: string }>;
}

export async function startProduct(options: ProductOptions): Promise<Product> {
  // the one of a crashed predecessor names a server that is gone
  await rm(join(options.dataDir, "admin.json"), { force: true });
  const child = spawnProduct(
    [
      "run",
      ...options.paths,
      "--data-dir",
      options.dataDir,
      ...["--admin", "127.0.0.1:0", "--metrics", "none", "--log-format", "ecs"],
      ...(options.args ?? []),
    ],
    options,
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (text: Buffer) => (output += text.toString()));
    if (options.outputFile !== undefined) stream?.pipe(createWriteStream(options.outputFile, { flags: "a" }));
  }
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const product = productOf({ child, ended, output: () => output, dataDir: options.dataDir });
  if (options.untilReady === false) return product;
  let gone: number | NodeJS.Signals | undefined;
  ended.then(
    (how) => (gone = how),
    () => undefined,
  );
  try {
    await until(
      "tidemill is ready",
      async () => {
        if (gone !== undefined) return true;
        return (await product.ready()).status === 200;
      },
      { timeoutMs: options.readyTimeoutMs ?? 20_000 },
    );
    if (gone !== undefined) throw new Error(`tidemill ended with ${gone}`);
  } catch (error) {
    await product.kill();
    throw new Error(`tidemill did not come up; it wrote:\n${output.slice(-4_000)}`, { cause: error });
  }
  return product;
}

/** Runs a verb to its end. */
export async function verb(
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | NodeJS.Signals; readonly out: string; readonly err: string }> {
  const child = spawnProduct(args, env === undefined ? {} : { env });
  let out = "";
  let err = "";
  child.stdout?.on("data", (text: Buffer) => (out += text.toString()));
  child.stderr?.on("data", (text: Buffer) => (err += text.toString()));
  const [code, signal] = await once(child, "close");
  return { code: code ?? signal, out, err };
}

function spawnProduct(
  args: readonly string[],
  { env = {}, nodeArgs = [] }: Pick<ProductOptions, "env" | "nodeArgs">,
): ChildProcess {
  const run = [process.execPath, "--no-warnings", ...mainArgs, ...nodeArgs, main, ...args];
  const setpriv = findProgram("setpriv");
  const [file = "", ...rest] = setpriv === undefined ? run : [setpriv, "--pdeathsig", "KILL", ...run];
  return spawn(file, rest, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
}

function productOf(parts: {
  readonly child: ChildProcess;
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly output: () => string;
  readonly dataDir: string;
}): Product {
  const { child, ended, output, dataDir } = parts;
  let url: string | undefined;
  const admin = async (): Promise<string> => {
    url ??= (JSON.parse(await readFile(join(dataDir, "admin.json"), "utf8")) as { readonly url: string }).url;
    return url;
  };
  const ask = async <T>(path: string, init: RequestInit): Promise<T> => {
    const response = await fetch(`${await admin()}/api/v1${path}`, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  };
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  return {
    pid: child.pid ?? 0,
    output,
    ended,
    signal: (signal) => void child.kill(signal),
    kill,
    async stop() {
      child.kill("SIGTERM");
      return ended;
    },
    get: (path) => ask(path, {}),
    post: (path, body) =>
      ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    async ready() {
      const response = await fetch(`${await admin()}/readyz`);
      return { status: response.status, body: await response.text() };
    },
    [Symbol.asyncDispose]: kill,
  };
}
