import type { Outcome } from "../kit/trigger.ts";
import { codes } from "../lib/codes/index.ts";
import { type CodeName, isTide, messageOf, TideError } from "../lib/errors.ts";
import type { RetryPlan, TriggerPlan } from "../sensors/plan.ts";

/** How one attempt ended, judged. */
export type Verdict = (
  | { readonly outcome: "done"; readonly status: string | undefined }
  | {
      readonly outcome: "failed";
      readonly status: string | undefined;
      readonly code: string;
      readonly error: string;
      /** When to try again, from now; undefined: never. */
      readonly retryInMs: number | undefined;
    }
) & {
  /** The call that it was made with others by: its idempotency key, and how many they were. */
  readonly batch?: { readonly id: string; readonly size: number };
};

export function doneWith(status: number | undefined): Verdict {
  return { outcome: "done", status: status === undefined ? undefined : String(status) };
}

/**
 * Judges what the target said: listed by `policy.status.allow`, or below 400 where there is no such policy (the peer
 * takes every answer for success; a silent 500 is loss).
 */
export function judge(trigger: TriggerPlan, outcome: Outcome): TideError | undefined {
  const { status } = outcome;
  if (status === undefined) return undefined;
  const allow = trigger.policy?.allow;
  const good = allow === undefined ? status < 400 : allow.includes(status);
  if (good) return undefined;
  const wanted = allow === undefined ? "" : `, wanted ${allow.join(" or ")}`;
  const body = outcome.body === undefined || outcome.body === "" ? "" : `: ${outcome.body.slice(0, 200)}`;
  if (outcome.stop !== undefined)
    return new TideError("TARGET_GONE", `the target answered ${status} and ${outcome.stop}${body}`);
  if (status === 410) return new TideError("TARGET_GONE", `the target answered 410${wanted}${body}`);
  const retry = outcome.retryAfterMs === undefined ? undefined : { afterMs: outcome.retryAfterMs };
  return new TideError(
    "TARGET_STATUS",
    `the target answered ${status}${wanted}${body}`,
    retry === undefined ? {} : { retry },
  );
}

/** Without a `retryStrategy`, only what certainly did nothing yet is tried again. */
const unreachableRetry: RetryPlan = { attempts: 5, baseMs: 1_000, factor: 2, jitter: 0.5, declared: false };

/**
 * Nothing was sent, or nothing was done, or what was done is found again: a Kubernetes object is made once per firing id,
 * and changing it twice is changing it once (a JSON patch that broke off is TARGET_RESET, and is not among these).
 */
const harmlessCodes: ReadonlySet<CodeName> = new Set([
  ...(["TARGET_UNREACHABLE", "ARTIFACT_UNREACHABLE", "AWS_BUSY"] as const),
  // a module may be half written, or be built just now
  ...(["FUNCTION_UNLOADABLE"] as const),
  ...(["CLUSTER_CONFIG", "CLUSTER_BUSY", "CLUSTER_UNAUTHORIZED", "QUOTA_EXCEEDED", "RESOURCE_CONFLICT"] as const),
]);

/**
 * What follows a failure. `attempt` counts from 1. A failure that says "never" (a parameter that cannot be resolved, a
 * configuration that is no request, a target that is gone) is final at once: the same again would fail the same. The next
 * try is at the later of the backoff, which `cap` bounds, and what the target asked for.
 */
export function afterFailure(
  trigger: TriggerPlan,
  failure: {
    readonly error: unknown;
    readonly attempt: number;
    readonly random: number;
    readonly status?: number;
    /** Takes secrets out of the error's text, which is kept. */
    readonly clean?: (text: string) => string;
  },
): Verdict {
  const { error, attempt, random } = failure;
  const plan = trigger.retry.declared ? trigger.retry : unreachableRetry;
  const harmless = isTide(error) && harmlessCodes.has(error.code);
  const attempts = trigger.retry.declared || harmless ? plan.attempts : 1;
  const never = isTide(error) && error.retry === "never";
  const askedMs = isTide(error) && typeof error.retry === "object" ? error.retry.afterMs : 0;
  const pauseMs = pauseOf(plan, attempt, random);
  return {
    outcome: "failed",
    status: failure.status === undefined ? undefined : String(failure.status),
    code: isTide(error) ? error.id : codes.INTERNAL.id,
    error: failure.clean?.(messageOf(error)) ?? messageOf(error),
    retryInMs: never || attempt >= attempts ? undefined : Math.max(pauseMs, Math.min(askedMs, longestPauseMs)),
  };
}

/** The pause after the attempt; attempts count from 1, `random` is in [0, 1). */
function pauseOf({ baseMs, factor, jitter, capMs = furthestMs }: RetryPlan, attempt: number, random: number): number {
  if (baseMs === 0) return 0;
  const growing = Math.min(baseMs * factor ** (attempt - 1), Math.max(baseMs, longestPauseMs));
  return Math.min(growing * (1 + jitter * random), capMs, furthestMs);
}

/** Neither a factor above 1 nor a target's `Retry-After` may put the next try beyond anybody's patience. */
const longestPauseMs = 24 * 3_600_000;
/** Whatever a manifest says: a due time stays a time. */
const furthestMs = 366 * 24 * 3_600_000;
