import type { Clock } from "./clock.ts";

interface Sleeper {
  readonly atMs: number;
  wake(): void;
}

/** A clock that stands still until it is moved: for our own tests, and for those of `tidemill test`. Sleepers wake in the order of their time. */
export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #sleepers: Sleeper[] = [];

  constructor(startMs = Date.UTC(2026, 0, 5, 9, 0, 0)) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  /** How many sleepers wait: the fact to wait for before `advance`. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** When the next sleeper wakes; undefined: none sleeps. */
  get nextMs(): number | undefined {
    let atMs: number | undefined;
    for (const sleeper of this.#sleepers) atMs = Math.min(sleeper.atMs, atMs ?? sleeper.atMs);
    return atMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
        signal.removeEventListener("abort", abort);
      };
      const abort = (): void => {
        leave();
        reject(signal.reason);
      };
      const sleeper: Sleeper = {
        atMs: this.#nowMs + ms,
        wake: () => {
          leave();
          resolve();
        },
      };
      this.#sleepers.push(sleeper);
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  /** Moves time on by `ms`, waking each sleeper at its own moment, and lets what woke run before going on. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      const next = this.#sleepers.filter((s) => s.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
    }
    this.#nowMs = endMs;
    await settle();
  }
}

/** A turn of the event loop: every promise that can resolve now has resolved. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
