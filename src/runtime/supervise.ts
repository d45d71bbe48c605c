import { backoffMs } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { isTide, messageOf } from "../lib/errors.ts";

export interface SupervisedOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly random: () => number;
  /** One life of what is supervised. */
  run(signal: AbortSignal): Promise<void>;
  /** It failed; it will be started again after `pauseMs`. */
  failed(error: unknown, pauseMs: number): void;
  /** It returned by itself: its upstream ended for good. */
  ended(): void;
}

const backoff = { baseMs: 500, factor: 2, maxMs: 30_000 };
/** A life this long was a good one: the next failure begins at the shortest pause. */
const goodLifeMs = 60_000;

/**
 * The one restart loop. A failure is never the last word: whatever threw is started again after a pause with jitter,
 * for ever (the peer gives up after 10 failures in the life of its process, reference L8).
 */
export async function supervise(options: SupervisedOptions): Promise<void> {
  const { clock, signal } = options;
  for (let failures = 0; !signal.aborted; ) {
    const startedMs = clock.nowMs();
    try {
      await options.run(signal);
      if (!signal.aborted) options.ended();
      return;
    } catch (error) {
      if (signal.aborted) return;
      failures = clock.nowMs() - startedMs >= goodLifeMs ? 1 : failures + 1;
      const asked = isTide(error) && typeof error.retry === "object" ? error.retry.afterMs : 0;
      const pauseMs = Math.max(asked, backoffMs(backoff, failures, options.random()));
      options.failed(error, pauseMs);
      await clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }
}

/** The text and code of a failure, for log lines and status. */
export function sayFailure(error: unknown): { readonly code: string | undefined; readonly error: string } {
  return { code: isTide(error) ? error.id : undefined, error: messageOf(error) };
}
