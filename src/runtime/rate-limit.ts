import type { Clock } from "../lib/clock.ts";
import type { StateStore } from "../lib/state.ts";

/**
 * An exact limit: in any window of `perMs`, at most `count` starts. A start is written down durably before it happens,
 * so that a crash and a restart give no second allowance. (The peer's bucket has a slack of 10: 3 per minute let 11
 * through.)
 */
export interface RateLimit {
  /** Resolves when the caller may start; rejects with the signal's reason. First come, first served. */
  acquire(signal: AbortSignal): Promise<void>;
}

export interface RateLimitParts {
  readonly count: number;
  readonly perMs: number;
  readonly clock: Clock;
  readonly state: StateStore;
  readonly key: string;
}

/** Up to this many starts are remembered one by one; a larger limit is kept by an even spacing, which is exact as well. */
const mostRemembered = 256;

export function createRateLimit(parts: RateLimitParts): RateLimit {
  const spaced = parts.count > mostRemembered;
  const remembered = spaced ? 1 : parts.count;
  const windowMs = spaced ? parts.perMs / parts.count : parts.perMs;
  let starts: number[] | undefined;
  let last: Promise<void> = Promise.resolve();
  const next = async (signal: AbortSignal): Promise<void> => {
    starts ??= decode(await parts.state.get(parts.key));
    const oldest = starts.length < remembered ? undefined : starts[starts.length - remembered];
    if (oldest !== undefined) {
      // a clock that was set back must not stop the trigger for longer than one window
      const waitMs = Math.min(oldest + windowMs - parts.clock.nowMs(), windowMs);
      if (waitMs > 0) await parts.clock.sleep(waitMs, signal);
    }
    signal.throwIfAborted();
    const before = starts;
    await parts.state.put(parts.key, encode([...before, parts.clock.nowMs()].slice(-remembered)));
    // the start is now, not when its note was begun: a slow disk must not make the next one come early
    starts = [...before, parts.clock.nowMs()].slice(-remembered);
  };
  return {
    acquire(signal) {
      const turn = last.then(() => next(signal));
      last = turn.catch(() => undefined);
      return turn;
    },
  };
}

function encode(starts: readonly number[]): Uint8Array {
  return new Uint8Array(new Float64Array(starts).buffer);
}

function decode(value: Uint8Array | undefined): number[] {
  if (value === undefined) return [];
  return [...new Float64Array(new Uint8Array(value).buffer)];
}
