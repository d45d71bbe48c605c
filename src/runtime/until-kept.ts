import type { Clock } from "../lib/clock.ts";
import { isTide } from "../lib/errors.ts";

/**
 * Repeats a write to the bus until it is kept: a full or failing disk delays what is written, it does not lose it. `failed`
 * is told of each failure before its pause; pauses double, from `firstPauseMs` (100) to `longestPauseMs` (5,000). Rejects
 * with the failure where the bus is closed, or `signal` has aborted: a last try is made after that.
 */
export function untilKept<T>(write: () => Promise<T>, how: Keeping): Promise<T> {
  // mostly the first try is kept: the loop is only for when it is not
  return write().catch((error: unknown) => keepTrying(write, how, error));
}

interface Keeping {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly failed: (error: unknown, retryInMs: number) => void;
  readonly firstPauseMs?: number;
  readonly longestPauseMs?: number;
}

async function keepTrying<T>(write: () => Promise<T>, how: Keeping, first: unknown): Promise<T> {
  const { clock, signal, failed, firstPauseMs = 100, longestPauseMs = 5_000 } = how;
  let error = first;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    if (signal.aborted || isTide(error, "BUS_CLOSED")) throw error;
    failed(error, pauseMs);
    await clock.sleep(pauseMs, signal).catch(() => undefined);
    try {
      return await write();
    } catch (again) {
      error = again;
    }
  }
}
