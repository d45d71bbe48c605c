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

/** Node's fine clock stands while the machine sleeps and knows no setting of the clock: this far off, it is set anew. */
const furthestOffMs = 20;

/** Node's two clocks: whole milliseconds that follow the machine's, and fine ones since an origin. */
interface Clocks {
  wallMs(): number;
  fineMs(): number;
  readonly originMs: number;
}

const ofNode: Clocks = {
  wallMs: () => Date.now(),
  fineMs: () => performance.now(),
  originMs: performance.timeOrigin,
};

/** The machine's clock, with a fraction of the millisecond. */
export class SystemClock implements Clock {
  readonly #clocks: Clocks;
  #originMs: number;

  constructor(clocks: Clocks = ofNode) {
    this.#clocks = clocks;
    this.#originMs = clocks.originMs;
  }

  nowMs(): number {
    const fineMs = this.#clocks.fineMs();
    const wallMs = this.#clocks.wallMs();
    const nowMs = this.#originMs + fineMs;
    if (Math.abs(nowMs - wallMs) <= furthestOffMs) return nowMs;
    this.#originMs = wallMs - fineMs;
    return wallMs;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (let left = ms; left > 0; left -= longestTimerMs) await sleepOnce(Math.min(left, longestTimerMs), signal);
  }
}

export const systemClock: Clock = new SystemClock();

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
