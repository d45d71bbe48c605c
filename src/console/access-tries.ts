import { isIPv6 } from "node:net";
import type { Clock } from "../lib/clock.ts";

/** So many wrong tokens are free; each one more doubles the pause, up to the longest. */
const freeTries = 5;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
/** Wrong tokens are forgotten after so long without one. */
const forgetMs = 10 * 60_000;
const mostKept = 10_000;

interface Failed {
  readonly count: number;
  readonly lastMs: number;
  readonly untilMs: number;
}

/**
 * Counts wrong tokens for each address and slows it down. Guessing cannot succeed anyhow (256 bits); this keeps a wrong
 * configuration or a scanner from filling the audit log and the disk's queue. It is kept apart for each token that exists,
 * so that somebody behind the same proxy cannot lock out those who have a right one.
 */
export class FailedTries {
  readonly #clock: Clock;
  readonly #failed = new Map<string, Failed>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For how long this address may not try again; 0: it may. */
  pauseMs(address: string, about: string): number {
    const found = this.#failed.get(keyOf(address, about));
    return found === undefined ? 0 : Math.max(0, found.untilMs - this.#clock.nowMs());
  }

  failed(address: string, about: string): void {
    const key = keyOf(address, about);
    const nowMs = this.#clock.nowMs();
    const before = this.#failed.get(key);
    const count = before === undefined || nowMs - before.lastMs > forgetMs ? 1 : before.count + 1;
    const over = count - freeTries;
    const pauseMs = over < 0 ? 0 : Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(over, 10));
    // the latest stands last, so that the first is the one to forget
    this.#failed.delete(key);
    this.#failed.set(key, { count, lastMs: nowMs, untilMs: nowMs + pauseMs });
    if (this.#failed.size > mostKept) for (const oldest of this.#failed.keys()) return void this.#failed.delete(oldest);
  }

  succeeded(address: string, about: string): void {
    this.#failed.delete(keyOf(address, about));
  }
}

/** A machine has a whole /64 of IPv6 addresses to choose from. */
function keyOf(address: string, about: string): string {
  const of = isIPv6(address) && !address.includes(".") ? networkOf(address) : address;
  return `${of} ${about}`;
}

/** The first four groups, in one spelling. */
function networkOf(address: string): string {
  const [head = "", tail] = address.split("%", 1)[0]?.split("::", 2) ?? [];
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => "0");
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
