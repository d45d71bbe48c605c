import { performance } from "node:perf_hooks";

const everyMs = 2_000;
/** Shares of a thread's time. */
const busyFrom = 0.2;
const idleUpTo = 0.02;
/** So many idle looks in a row: few after the start, when no code is warm yet; a minute of them after a busy time. */
const quietLooks = { first: 2, later: 30 };

/**
 * Whether it is time to give memory back: once after each busy time, when nothing has happened for a while. A start is a
 * busy time. Asked at regular intervals with the share of the time since the last look that the thread was busy.
 */
export class IdleWatch {
  #owed = true;
  #first = true;
  #quiet = 0;
  /** The time since the last look is that of the collection. */
  #collecting = false;

  look(busyShare: number): boolean {
    if (this.#collecting) {
      this.#collecting = false;
      return false;
    }
    if (busyShare >= busyFrom) this.#owed = true;
    this.#quiet = busyShare <= idleUpTo ? this.#quiet + 1 : 0;
    if (!this.#owed || this.#quiet < (this.#first ? quietLooks.first : quietLooks.later)) return false;
    this.#owed = false;
    this.#first = false;
    this.#collecting = true;
    return true;
  }
}

/**
 * Keeps the memory of an idle process small: V8 lets its heap stand as large as the last busy time made it, for ever where
 * nothing is allocated any more. After the start that is 27 MB of 102, as measured; the collection takes about 0.1 s,
 * and no time is taken from events: under load, and between events that come every second, none is made. It also throws
 * compiled code away: with one between two bursts, the second took 20 % more processor time for its events (209 against 174 µs).
 */
export function giveBackWhenIdle(collect: () => Promise<void> = collectAll): Disposable {
  const watch = new IdleWatch();
  let last = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    // without an inspector there is no way to ask; nothing is lost but memory
    if (watch.look(utilization)) void collect().catch(() => undefined);
  }, everyMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/**
 * A collection of all garbage that also gives the pages back, as V8 does when the system runs short of memory. The flag
 * `--expose-gc` would do as well, but it changes what programs of users see.
 */
export async function collectAll(): Promise<void> {
  const { Session } = await import("node:inspector/promises");
  const session = new Session();
  session.connect();
  try {
    await session.post("HeapProfiler.collectGarbage");
  } finally {
    session.disconnect();
  }
}
