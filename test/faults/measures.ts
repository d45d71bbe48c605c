import { readFileSync } from "node:fs";

/** What the command is started with, which decides how much memory it keeps (src/cli/main.ts). */
export const shippedArgs: readonly string[] = [
  "--max-semi-space-size=12",
  "--heap-growing-percent=60",
  "--no-parallel-scavenge",
];

/** Memory of a process that is its own, not mapped from files, in MB; NaN where the system does not tell (no Linux). */
export function rssAnonMb(pid: number): number {
  try {
    return Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? Number.NaN) / 1024;
  } catch {
    return Number.NaN;
  }
}

/** Looks four times a second, and remembers the most it has seen. */
export interface MemoryWatch extends Disposable {
  /** Since the watch began, or `mostMb` was asked the last time. */
  mostMb(): number;
  nowMb(): number;
}

export function watchMemory(pid: number): MemoryWatch {
  let most = 0;
  const look = (): void => {
    const now = rssAnonMb(pid);
    if (now > most) most = now;
  };
  look();
  const timer = setInterval(look, 250);
  return {
    mostMb() {
      look();
      const was = most;
      most = 0;
      return was;
    },
    nowMb: () => rssAnonMb(pid),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Times of one phase. */
export interface Times {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
}

export function timesOf(ms: readonly number[]): Times {
  const sorted = ms.toSorted((one, other) => one - other);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), mostMs: sorted.at(-1) ?? 0 };
}

/** `p50 1.2 ms, p99 9.0 ms, most 12 ms of 4,000`. */
export function sayTimes({ count, p50Ms, p99Ms, mostMs }: Times): string {
  const events = count.toLocaleString("en-US");
  return `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, most ${Math.round(mostMs)} ms of ${events}`;
}

export function sayMb(mb: number): string {
  return `${Math.round(mb)} MB`;
}
