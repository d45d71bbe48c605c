import type { Clock } from "../lib/clock.ts";

/** Lets so many through in a second. What was not used is lost: after a stall there is no rush. */
export interface Pace {
  /** How many may go together at the next turn, of `wanted`; at least one. */
  share(wanted: number): number;
  /** Waits for the turn of so many. Rejects with the signal's reason. */
  turn(count: number, signal: AbortSignal): Promise<void>;
}

/** Slices of this length: one by one at a few in a second, in small bunches at thousands. */
const sliceMs = 50;

/** Without a rate everything goes at once. */
export function createPace(clock: Clock, perSecond: number | undefined): Pace {
  if (perSecond === undefined) {
    return { share: (wanted) => wanted, turn: async (_, signal) => signal.throwIfAborted() };
  }
  let nextMs = clock.nowMs();
  return {
    share: (wanted) => Math.max(1, Math.min(wanted, Math.floor((perSecond * sliceMs) / 1000))),
    async turn(count, signal) {
      signal.throwIfAborted();
      const waitMs = nextMs - clock.nowMs();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      nextMs = Math.max(nextMs, clock.nowMs()) + (count * 1000) / perSecond;
    },
  };
}
