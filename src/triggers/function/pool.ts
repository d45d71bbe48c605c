import type { Heard, Link, Spec } from "./link.ts";
import { startProcess } from "./process-link.ts";
import { Runner } from "./runner.ts";
import { startThread } from "./thread-link.ts";

export interface PoolOptions {
  /** Threads and processes at once, of all functions together. */
  readonly most?: number;
  /** One that had nothing to do for this long is ended. */
  readonly idleMs?: number;
}

interface Waiting {
  readonly spec: Spec;
  readonly given: PromiseWithResolvers<Runner>;
}

const most = 32;
const idleMs = 30_000;

/**
 * The threads and processes of all functions: started when they are needed, kept warm, given to one call at a time. One
 * whose module was changed on the disk is not used again.
 */
export class FunctionPool implements AsyncDisposable {
  /** Configurations that were found right: the same one comes with every call. */
  readonly checked = new WeakSet<object>();
  readonly #most: number;
  readonly #idleMs: number;
  readonly #runners = new Set<Runner>();
  /** The last used is the last. */
  #idle: Runner[] = [];
  readonly #waiting: Waiting[] = [];
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: PoolOptions = {}) {
    this.#most = options.most ?? most;
    this.#idleMs = options.idleMs ?? idleMs;
  }

  /** For whoever looks on: how many there are, and how many of them have nothing to do. */
  get size(): { readonly all: number; readonly idle: number } {
    return { all: this.#runners.size, idle: this.#idle.length };
  }

  /** One that is free, or a new one; waits while there are too many. To be given back. Rejects with the signal's reason. */
  async take(spec: Spec, signal: AbortSignal): Promise<Runner> {
    signal.throwIfAborted();
    const now = this.#waiting.length === 0 ? this.#free(spec) : undefined;
    if (now !== undefined) return now;
    const waiting: Waiting = { spec, given: Promise.withResolvers() };
    const stop = (): void => {
      const at = this.#waiting.indexOf(waiting);
      if (at >= 0) this.#waiting.splice(at, 1);
      waiting.given.reject(signal.reason);
    };
    this.#waiting.push(waiting);
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await waiting.given.promise;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  giveBack(runner: Runner): void {
    if (runner.usable) {
      runner.idleSinceMs = performance.now();
      this.#idle.push(runner);
      this.#sweep ??= setTimeout(() => this.#endIdle(), this.#idleMs).unref();
    } else this.#end(runner);
    this.#serve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#sweep);
    this.#idle = [];
    const all = [...this.#runners];
    this.#runners.clear();
    await Promise.all(all.map((runner) => runner.end()));
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const runner = this.#free(first.spec);
      if (runner === undefined) return;
      this.#waiting.shift();
      first.given.resolve(runner);
    }
  }

  #free(spec: Spec): Runner | undefined {
    const key = keyOf(spec);
    for (let at = this.#idle.findLastIndex((one) => one.key === key); at >= 0; ) {
      const [runner] = this.#idle.splice(at, 1);
      if (runner?.usable === true && runner.isCurrent()) return runner;
      if (runner !== undefined) this.#end(runner);
      at = this.#idle.findLastIndex((one) => one.key === key);
    }
    if (this.#runners.size >= this.#most) {
      const oldest = this.#idle.shift();
      if (oldest === undefined) return undefined;
      this.#end(oldest);
    }
    const runner = new Runner(key, spec, start);
    this.#runners.add(runner);
    return runner;
  }

  #end(runner: Runner): void {
    this.#runners.delete(runner);
    void runner.end();
  }

  #endIdle(): void {
    const nowMs = performance.now();
    const old = this.#idle.filter(({ idleSinceMs }) => nowMs - idleSinceMs >= this.#idleMs);
    this.#idle = this.#idle.filter((runner) => !old.includes(runner));
    for (const runner of old) this.#end(runner);
    const [next] = this.#idle;
    const leftMs = next === undefined ? undefined : Math.max(1, next.idleSinceMs + this.#idleMs - nowMs);
    this.#sweep = leftMs === undefined ? undefined : setTimeout(() => this.#endIdle(), leftMs).unref();
  }
}

function start(spec: Spec, heard: Heard): Link {
  return spec.isolation === "process" ? startProcess(spec, heard) : startThread(spec, heard);
}

function keyOf(spec: Spec): string {
  return JSON.stringify(spec);
}
