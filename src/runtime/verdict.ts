import type { Outcome } from "../kit/trigger.ts";
import { codes } from "../lib/codes/index.ts";
import { isTide, messageOf, TideError } from "../lib/errors.ts";
import type { RetryPlan, TriggerPlan } from "../sensors/plan.ts";

/** How one attempt ended, judged. */
export type Verdict =
  | { readonly outcome: "done"; readonly status: string | undefined }
  | {
      readonly outcome: "failed";
      readonly status: string | undefined;
      readonly code: string;
      readonly error: string;
      /** When to try again, from now; undefined: never. */
      readonly retryInMs: number | undefined;
    };

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
 * What follows a failure. `attempt` counts from 1. A failure that says "never" (a parameter that cannot be resolved, a
 * configuration that is no request) is final at once: the same again would fail the same.
 */
export function afterFailure(
  trigger: TriggerPlan,
  failure: { readonly error: unknown; readonly attempt: number; readonly random: number; readonly status?: number },
): Verdict {
  const { error, attempt, random } = failure;
  const plan = trigger.retry.declared ? trigger.retry : unreachableRetry;
  const attempts = trigger.retry.declared || isTide(error, "TARGET_UNREACHABLE") ? plan.attempts : 1;
  const never = isTide(error) && error.retry === "never";
  const askedMs = isTide(error) && typeof error.retry === "object" ? error.retry.afterMs : 0;
  const pauseMs = Math.min(plan.baseMs * plan.factor ** (attempt - 1), longestPauseMs) * (1 + plan.jitter * random);
  return {
    outcome: "failed",
    status: failure.status === undefined ? undefined : String(failure.status),
    code: isTide(error) ? error.id : codes.INTERNAL.id,
    error: messageOf(error),
    retryInMs: never || attempt >= attempts ? undefined : Math.max(pauseMs, askedMs),
  };
}

/** A factor above 1 must not put the next try beyond anybody's patience. */
const longestPauseMs = 6 * 3_600_000;
