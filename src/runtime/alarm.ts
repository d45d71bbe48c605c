import type { Clock } from "../lib/clock.ts";
import { Wakeup } from "../lib/wakeup.ts";

/** A longer sleep would not see that the clock was set, or that the machine had slept. */
const longestSleepMs = 30_000;

/** Goes off at the earliest of the moments that were named since it was last cleared. */
export class Alarm {
  readonly #clock: Clock;
  readonly #wakeup = new Wakeup();
  #atMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Unix milliseconds; undefined changes nothing. */
  at(atMs: number | undefined): void {
    if (atMs === undefined || (this.#atMs !== undefined && this.#atMs <= atMs)) return;
    this.#atMs = atMs;
    this.#wakeup.ring();
  }

  clear(): void {
    this.#atMs = undefined;
  }

  /** Resolves when it goes off, and at the abort of `signal`. It stays so until it is cleared. */
  async goesOff(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const seen = this.#wakeup.rings;
      if (this.#atMs === undefined) {
        await this.#wakeup.wait(seen, signal);
        continue;
      }
      const ms = this.#atMs - this.#clock.nowMs();
      if (ms <= 0) return;
      await this.#wakeup.waitAtMost(seen, { clock: this.#clock, ms: Math.min(ms, longestSleepMs), signal });
    }
  }
}
