import type { Outcome } from "../kit/trigger.ts";
import type { Clock } from "../lib/clock.ts";
import { sayDuration } from "../lib/duration.ts";
import { type CodeName, isTide, messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { BreakerPlan } from "../sensors/plan.ts";

/** A target that is given a rest. Times are Unix milliseconds. */
export interface OpenBreaker {
  /** `host:port` of an HTTP target, else the trigger's type and connection. */
  readonly target: string;
  /** half-open: a probe is under way. */
  readonly state: "open" | "half-open";
  readonly sinceMs: number;
  /** In a row. */
  readonly failures: number;
  readonly nextProbeMs: number;
  /** The last one. */
  readonly error: string;
}

interface Breaker {
  failures: number;
  firstMs: number;
  lastMs: number;
  /** The firing that failed first, and whether another one did too. */
  readonly firstBy: string;
  several: boolean;
  error: string;
  open?: { readonly sinceMs: number; pauseMs: number; untilMs: number; probeUntilMs: number | undefined };
}

/** A burst of failures that is over at once is no reason to wait. */
const leastSpanMs = 10_000;
/** What nobody asked for any more is forgotten. */
const idleMs = 3_600_000;
const manyTargets = 1_000;
/** A pause is so many times as long at most: they are spread. */
const longestShare = 1.5;
/** While a probe is under way the others look again in a fourth of the pause, within these bounds. */
const lookMs = { least: 1_000, most: 15_000 };

/**
 * Which targets are down. Fed with what became of each call; one success closes. In memory: after a restart a target that
 * is still down is found out again. A breaker opens after `failures` failures in a row of at least two firings, over at
 * least 10 s: a firing alone keeps the schedule of its `retryStrategy`.
 */
export class Breakers {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: Log;
  readonly #failing = new Map<string, Breaker>();
  #open = 0;

  constructor({ clock, random, log }: { readonly clock: Clock; readonly random: () => number; readonly log: Log }) {
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
  }

  /** No target has failed of late: nothing needs to be told of one that answers. */
  get allWell(): boolean {
    return this.#failing.size === 0;
  }

  /** No target is down: nothing needs to be asked. */
  get allClosed(): boolean {
    return this.#open === 0;
  }

  /** How long the call has to wait before it asks again; undefined: it may be made, and may be the probe. */
  admit(target: string): number | undefined {
    const { open } = this.#failing.get(target) ?? {};
    if (open === undefined) return undefined;
    const nowMs = this.#clock.nowMs();
    const leftMs = open.untilMs - nowMs;
    // further off than the longest pause: the clock was set back, and is not waited for
    if (leftMs > longestShare * open.pauseMs) {
      open.untilMs = nowMs;
      open.probeUntilMs = undefined;
    } else if (leftMs > 0) return leftMs;
    // a probe whose end nobody reports (its parameters could not be resolved) must not keep the target waiting for ever
    if (open.probeUntilMs !== undefined && nowMs < open.probeUntilMs)
      return Math.min(Math.max(open.pauseMs / 4, lookMs.least), lookMs.most);
    open.probeUntilMs = nowMs + 2 * open.pauseMs;
    return undefined;
  }

  succeeded(target: string): void {
    const breaker = this.#failing.get(target);
    if (breaker === undefined) return;
    this.#failing.delete(target);
    if (breaker.open === undefined) return;
    this.#open -= 1;
    const downMs = Math.round(this.#clock.nowMs() - breaker.open.sinceMs);
    this.#log.info({ target, failures: breaker.failures }, `${target} answers again, after ${sayDuration(downMs)}`);
  }

  /** `by`: the firing. */
  failed(
    target: string,
    { by, plan, error }: { readonly by: string; readonly plan: BreakerPlan; readonly error: string },
  ) {
    const nowMs = this.#clock.nowMs();
    const breaker = this.#failing.get(target) ?? this.#first(target, by, nowMs);
    breaker.failures += 1;
    breaker.lastMs = nowMs;
    breaker.error = error;
    breaker.several ||= by !== breaker.firstBy;
    const { open } = breaker;
    if (open === undefined) {
      if (breaker.failures < plan.failures || !breaker.several || nowMs - breaker.firstMs < leastSpanMs) return;
      breaker.open = {
        sinceMs: nowMs,
        pauseMs: plan.pauseMs,
        untilMs: this.#after(plan.pauseMs),
        probeUntilMs: undefined,
      };
      this.#open += 1;
      this.#log.warn(
        { target, failures: breaker.failures, error },
        `${target} failed ${breaker.failures} times in a row: its firings wait`,
      );
    } else if (nowMs >= open.untilMs) {
      // what was under way when it opened says nothing new
      open.pauseMs = Math.min(open.pauseMs * 2, Math.max(plan.maxPauseMs, plan.pauseMs));
      open.untilMs = this.#after(open.pauseMs);
      open.probeUntilMs = undefined;
    }
  }

  list(): readonly OpenBreaker[] {
    const nowMs = this.#clock.nowMs();
    return [...this.#failing].flatMap(([target, { open, failures, error }]) => {
      if (open === undefined) return [];
      const probing = open.probeUntilMs !== undefined && nowMs < open.probeUntilMs;
      const { sinceMs, untilMs: nextProbeMs } = open;
      return [{ target, state: probing ? "half-open" : "open", sinceMs, failures, nextProbeMs, error } as const];
    });
  }

  #first(target: string, firstBy: string, nowMs: number): Breaker {
    if (this.#failing.size >= manyTargets) this.#forget(nowMs);
    const breaker = { failures: 0, firstMs: nowMs, lastMs: nowMs, firstBy, several: false, error: "" };
    this.#failing.set(target, breaker);
    return breaker;
  }

  #forget(nowMs: number): void {
    for (const [target, { lastMs, open }] of this.#failing) {
      if (nowMs - lastMs < idleMs) continue;
      this.#failing.delete(target);
      if (open !== undefined) this.#open -= 1;
    }
  }

  /** Spread over a half, so that the probes of several processes do not come together. */
  #after(pauseMs: number): number {
    return this.#clock.nowMs() + pauseMs * (1 + this.#random() * (longestShare - 1));
  }
}

/** No connection, or no answer. A refusal by the target itself (4xx) shows that it is there. */
const down: ReadonlySet<CodeName> = new Set<CodeName>([
  ...(["TARGET_UNREACHABLE", "TARGET_TIMEOUT", "TARGET_TLS", "TARGET_RESET", "TARGET_PROTOCOL"] as const),
  ...(["ATTEMPT_TIMEOUT", "CLUSTER_BUSY", "AWS_FAILED"] as const),
]);

/** The failure that tells of a target that is down; undefined where the error is about something else. */
export function downBy(error: unknown): string | undefined {
  return isTide(error) && down.has(error.code) ? messageOf(error) : undefined;
}

/** The same of an answer: 5xx, unless the manifest takes it for a success. */
export function downByStatus({ status }: Outcome, allow: readonly number[] | undefined): string | undefined {
  if (status === undefined || status < 500 || allow?.includes(status) === true) return undefined;
  return `the target answered ${status}`;
}
