import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { lstat, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import type { Egress } from "../../kit/egress.ts";
import { TideError } from "../../lib/errors.ts";
import { systemCertificates } from "../http/client.ts";
import { runGit, trustedFile } from "./git-program.ts";
import { GitRepository, type GitWish } from "./git-repository.ts";
import type { GitUrl } from "./git-url.ts";

/** Parameters can name ever new repositories; the one that was not used for longest goes. */
const defaultRepositories = 32;
/** The first with settings from the environment and for the place of its configuration. */
const oldestGit = [2, 32] as const;

/**
 * What was fetched by git, in a folder of this process that is removed when the run ends: no clone outlives it, and none
 * is left behind by a firing (T11). What a killed process left is removed by the next one.
 */
export class GitCache implements AsyncDisposable {
  readonly #repositories = new Map<string, GitRepository>();
  readonly #closing = new Set<Promise<void>>();
  readonly #egress: Egress;
  readonly #maxRepositories: number;
  #home: Promise<string> | undefined;

  constructor(egress: Egress, maxRepositories: number = defaultRepositories) {
    this.#egress = egress;
    this.#maxRepositories = maxRepositories;
  }

  /** The bytes of a file, as `GitRepository.read`. */
  async read(url: GitUrl, wish: GitWish): Promise<Buffer> {
    const home = await this.#homeFolder();
    wish.signal.throwIfAborted();
    const name = JSON.stringify([url.url, wish.access.identity]);
    const repository = this.#repositories.get(name) ?? new GitRepository(home, url, this.#egress);
    // the last in the map is the one that was used last
    this.#repositories.delete(name);
    this.#repositories.set(name, repository);
    const read = repository.read(wish);
    this.#forgetOldest();
    return read;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const repository of this.#repositories.values()) this.#close(repository);
    this.#repositories.clear();
    await Promise.all(this.#closing);
    const home = await this.#home?.catch(() => undefined);
    if (home !== undefined) await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }

  #forgetOldest(): void {
    for (const [name, repository] of this.#repositories) {
      if (this.#repositories.size <= this.#maxRepositories) return;
      if (!repository.idle) continue;
      this.#repositories.delete(name);
      this.#close(repository);
    }
  }

  #close(repository: GitRepository): void {
    const closed = repository[Symbol.asyncDispose]().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  /** Made at the first need, and anew where somebody cleaned up behind us; what failed is tried again at the next. */
  async #homeFolder(): Promise<string> {
    const making = this.#home ?? makeHome();
    this.#home = making;
    try {
      const home = await making;
      if (existsSync(path.join(home, trustedFile))) return home;
    } catch (error) {
      if (this.#home === making) this.#home = undefined;
      throw error;
    }
    if (this.#home === making) {
      this.#home = undefined;
      for (const repository of this.#repositories.values()) this.#close(repository);
      this.#repositories.clear();
    }
    return this.#homeFolder();
  }
}

/** The names of this machine's folders begin so; then comes the number of the process. */
function prefix(): string {
  return `tidemill-git-${createHash("sha256").update(hostname()).digest("hex").slice(0, 8)}-`;
}

async function makeHome(): Promise<string> {
  const before = prefix();
  await removeLeftovers(before);
  const home = await mkdtemp(path.join(tmpdir(), `${before}${process.pid}-`));
  try {
    await checkVersion(home);
    await writeFile(path.join(home, trustedFile), systemCertificates().join("\n"));
    return home;
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

async function checkVersion(home: string): Promise<void> {
  const { stdout } = await runGit(["--version"], { home, signal: new AbortController().signal });
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(stdout.toString()) ?? [];
  if (Number(major) > oldestGit[0] || (Number(major) === oldestGit[0] && Number(minor) >= oldestGit[1])) return;
  throw new TideError(
    "SDK_MISSING",
    `git ${oldestGit.join(".")} or newer is needed; here is ${stdout.toString().trim()}`,
  );
}

async function removeLeftovers(before: string): Promise<void> {
  for (const entry of await readdir(tmpdir())) {
    if (!entry.startsWith(before)) continue;
    const folder = path.join(tmpdir(), entry);
    const owner = Number(entry.slice(before.length).split("-")[0]);
    // another user's, or one that another process removes at the same time
    if (await isLeft(folder, owner).catch(() => false)) {
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

async function isLeft(folder: string, owner: number): Promise<boolean> {
  const stats = await lstat(folder);
  if (!stats.isDirectory() || stats.uid !== (process.getuid?.() ?? stats.uid) || !Number.isSafeInteger(owner))
    return false;
  // in a container each start has the same number
  if (owner === process.pid) return stats.birthtimeMs < Date.now() - process.uptime() * 1000;
  return !isAlive(owner);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
