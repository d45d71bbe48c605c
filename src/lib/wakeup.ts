import { within } from "./abort.ts";
import type { Clock } from "./clock.ts";

/** Lets loops wait for "something changed" without polling. A ring between the look and the wait is not lost. */
export class Wakeup {
  #waiting: (() => void)[] = [];
  #rings = 0;
  /** Whose aborts ring. They are kept between waits: to add a listener and take it away costs more than the wait. */
  readonly #heard = new Set<AbortSignal>();
  readonly #aborted = ({ target }: Event): void => {
    this.#heard.delete(target as AbortSignal);
    this.ring();
  };

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

  /** Resolves at the next ring after `seen`, or at the abort, which is a ring for all who wait. */
  wait(seen: number, signal: AbortSignal): Promise<void> {
    if (this.#rings !== seen || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => this.#enter(signal, resolve));
  }

  /** As `wait`, and after `ms` at the latest. */
  async waitAtMost(
    seen: number,
    { clock, ms, signal }: { readonly clock: Clock; readonly ms: number; readonly signal: AbortSignal },
  ): Promise<void> {
    if (this.#rings !== seen || signal.aborted) return;
    const { promise: rung, resolve: wake } = Promise.withResolvers<void>();
    this.#enter(signal, wake);
    using pause = within(signal);
    await Promise.race([rung, clock.sleep(ms, pause.signal).catch(() => undefined)]);
    const at = this.#waiting.indexOf(wake);
    if (at >= 0) this.#waiting.splice(at, 1);
    pause.abort(undefined);
  }

  /** Nobody waits any more: no signal keeps it. */
  forget(): void {
    for (const signal of this.#heard) signal.removeEventListener("abort", this.#aborted);
    this.#heard.clear();
  }

  #enter(signal: AbortSignal, wake: () => void): void {
    if (!this.#heard.has(signal)) {
      // those of earlier waits; of waits that are not over yet they are still needed
      if (this.#waiting.length === 0) this.forget();
      this.#heard.add(signal);
      signal.addEventListener("abort", this.#aborted, { once: true });
    }
    this.#waiting.push(wake);
  }
}
