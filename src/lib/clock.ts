/** The clock that everything takes its time from, so that tests drive a virtual one. */
export interface Clock {
  /** Unix milliseconds, with a fraction where the platform has one. */
  nowMs(): number;
  /** Resolves after `ms`; rejects with `signal.reason` when aborted, and leaves no timer behind. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Unix microseconds as an integer. */
export function nowUs(clock: Clock): number {
  return Math.round(clock.nowMs() * 1000);
}

const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  async sleep(ms, signal) {
    signal.throwIfAborted();
    for (let left = ms; left > 0; left -= longestTimerMs) await sleepOnce(Math.min(left, longestTimerMs), signal);
  },
};

function sleepOnce(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
