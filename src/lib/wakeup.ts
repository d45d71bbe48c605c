import { within } from "./abort.ts";
import type { Clock } from "./clock.ts";

/** Lets loops wait for "something changed" without polling. A ring between the look and the wait is not lost. */
export class Wakeup {
  #waiting: (() => void)[] = [];
  #rings = 0;

  /** Take before looking; pass to `wait`. */
  get rings(): number {
    return this.#rings;
  }

  ring(): void {
    this.#rings += 1;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Resolves at the next ring after `seen`, or at the abort. */
  wait(seen: number, signal: AbortSignal): Promise<void> {
    if (this.#rings !== seen || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        const at = this.#waiting.indexOf(wake);
        if (at >= 0) this.#waiting.splice(at, 1);
        resolve();
      };
      this.#waiting.push(wake);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** As `wait`, and after `ms` at the latest. */
  async waitAtMost(
    seen: number,
    { clock, ms, signal }: { readonly clock: Clock; readonly ms: number; readonly signal: AbortSignal },
  ): Promise<void> {
    using pause = within(signal);
    const slept = clock.sleep(ms, pause.signal).catch(() => undefined);
    await Promise.race([this.wait(seen, pause.signal), slept]);
    pause.abort(undefined);
  }
}
