import { type FSWatcher, watch } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { messageOf } from "../lib/errors.ts";

export interface WatchOptions {
  /** Files, folders and globs, as they are given to `run`: what is written there into other files is of no interest. */
  readonly manifests: readonly string[];
  /** Folders in which every file counts. */
  readonly values: readonly string[];
  /** Something in them may be different now; called once for many changes in a row. */
  changed(): void;
  /** A folder cannot be watched; the others are. */
  failed(folder: string, error: string): void;
}

/** An editor writes a file in several steps, and a deployment several files. */
const quietMs = 200;
const longestMs = 2_000;

/**
 * Watches folders, never files: editors write a new file and rename it over the old one, and Kubernetes mounts a ConfigMap
 * as links into a folder that it swaps with one rename; a watch on the file itself would see neither. Which folders those
 * are is looked up again after every change.
 */
export class Watch implements Disposable {
  readonly #options: WatchOptions;
  readonly #folders = new Map<string, FSWatcher>();
  /** Folders in which every file counts. */
  #all: ReadonlySet<string> = new Set();
  /** Names that were given themselves. */
  #named: ReadonlySet<string> = new Set();
  #quiet: NodeJS.Timeout | undefined;
  #sinceMs: number | undefined;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Watches what is there now. Resolves once every change from now on will be told. */
  async refresh(): Promise<void> {
    const { manifests, values } = this.#options;
    this.#named = new Set(manifests.map((path) => basename(path)));
    const all: string[] = [];
    for (const path of values) all.push(...(await foldersOf(path)));
    this.#all = new Set(all);
    const wanted = new Set(all);
    for (const path of manifests) for (const folder of await foldersOf(path)) wanted.add(folder);
    if (this.#closed) return;
    for (const [folder, watcher] of this.#folders) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#folders.delete(folder);
    }
    for (const folder of wanted) if (!this.#folders.has(folder)) this.#watch(folder);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#quiet);
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, (how, name) => {
        if (name === null || this.#counts(folder, how, name)) this.#touch();
      });
      // the folder itself went: what is in its place is looked up
      watcher.on("error", () => {
        watcher.close();
        this.#folders.delete(folder);
        this.#touch();
      });
      this.#folders.set(folder, watcher);
    } catch (error) {
      this.#options.failed(folder, messageOf(error));
    }
  }

  /**
   * Editors have hidden files of their own; `..data` is the link that Kubernetes swaps. Whatever else comes or goes may be a
   * folder or a link. Of what is written only manifests count: a log in the same folder must
   * not make a reload, which makes a line in the log.
   */
  #counts(folder: string, how: string, name: string): boolean {
    if (name.startsWith(".") && !name.startsWith("..")) return false;
    return how === "rename" || this.#all.has(folder) || this.#named.has(name) || /\.(ya?ml|json)$/i.test(name);
  }

  #touch(): void {
    const nowMs = performance.now();
    this.#sinceMs ??= nowMs;
    clearTimeout(this.#quiet);
    const waitMs = Math.max(0, Math.min(quietMs, this.#sinceMs + longestMs - nowMs));
    this.#quiet = setTimeout(() => {
      this.#sinceMs = undefined;
      // folders first: what comes into a new one between the two is read by the reload
      this.refresh().then(
        () => this.#closed || this.#options.changed(),
        (error: unknown) => this.#options.failed(this.#options.manifests.join(" "), messageOf(error)),
      );
    }, waitMs);
  }
}

/** The folders in which a change may be one of what `path` names. */
async function foldersOf(path: string): Promise<readonly string[]> {
  const whole = resolve(path);
  const there = await stat(whole).catch(() => undefined);
  if (there?.isDirectory()) return [...(await around(whole)), ...(await foldersBelow(whole))];
  if (there !== undefined) return around(whole);
  const magic = whole.search(/[*?[{]/);
  const base = magic < 0 ? dirname(whole) : dirname(`${whole.slice(0, magic)}x`);
  const existing = await nearest(base);
  return magic < 0 || existing !== base ? [existing] : foldersBelow(existing);
}

/** The folder of a file or folder, and, where it is a link, those of what it leads to. */
async function around(path: string): Promise<readonly string[]> {
  const real = await realpath(path).catch(() => path);
  return basename(path) === "" ? [path] : [...new Set([dirname(path), dirname(real)])];
}

async function foldersBelow(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  const next = [folder];
  for (let at = next.pop(); at !== undefined; at = next.pop()) {
    found.push(at);
    for (const entry of await readdir(at, { withFileTypes: true }).catch(() => [])) {
      if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
      const path = join(at, entry.name);
      if (entry.isDirectory()) next.push(path);
      else if (entry.isSymbolicLink()) found.push(...(await around(path)));
    }
  }
  return found;
}

async function nearest(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const there = await stat(at).catch(() => undefined);
    if (there?.isDirectory() || dirname(at) === at) return at;
  }
}
