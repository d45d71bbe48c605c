import type { Claimed } from "../bus/bus.ts";
import { nowUs } from "../lib/clock.ts";
import type { Actor } from "./attempt.ts";
import { settle, settleEnds } from "./attempt-ends.ts";
import { isFoldTimer } from "./notify.ts";
import type { QueueRun } from "./queue-run.ts";
import type { RateLimit } from "./rate-limit.ts";
import { hasInvalid } from "./refit.ts";
import { type AttemptEnd, planLost, resultOf, untriedResult } from "./settlement.ts";
import { untilKept } from "./until-kept.ts";

/** One attempt of one firing, or of a batch in one call, settled; `acted` is called between the two. */
export async function runCall(run: QueueRun, claimed: readonly Claimed[], acted: () => void): Promise<void> {
  const { parts, queue, hard } = run;
  const [one] = claimed;
  if (one === undefined) return;
  // nothing is waited for that is there already: each wait of a call costs as much as a filter
  const making = run.actorOf(one);
  const actor = making instanceof Promise ? await making : making;
  // what they remember must be there before anything is noted or told
  if (run.work.notify === true || actor?.plan.notifications.length) await parts.notify.ready();
  const live = run.work.notify === true ? await unfold(run, claimed) : claimed;
  const firings = actor !== undefined && hasInvalid(live) ? await buryInvalid(run, live, actor) : live;
  const [first] = firings;
  if (first === undefined) return;
  const asked = actor?.mustWait(firings, hard);
  const waitMs = asked instanceof Promise ? await asked : asked;
  if (waitMs !== undefined) return defer(run, firings, waitMs);
  if (run.limit !== undefined && !(await mayStart(run, run.limit, first))) return queue.release(idsOf(firings));
  const startedUs = nowUs(parts.clock);
  for (const { madeUs } of firings) parts.metrics.delay("queue", (startedUs - madeUs) / 1000);
  const verdicts = actor === undefined ? firings.map(planLost) : await actor.attempt(firings, hard);
  // stopped in the middle: not an attempt that counts; it runs again at the next start
  if (hard.aborted) return queue.release(idsOf(firings));
  acted();
  const at = {
    startedUs,
    endedUs: nowUs(parts.clock),
    dlq: run.work.dlq ? undefined : actor?.trigger.dlqTrigger,
    plan: actor?.plan,
  };
  const tookMs = (at.endedUs - startedUs) / 1000;
  parts.metrics.delay("trigger", tookMs);
  const ended: AttemptEnd[] = [];
  for (const [i, firing] of firings.entries()) {
    const verdict = verdicts[i];
    if (verdict === undefined) continue;
    run.metrics.attempt(verdict.outcome, tookMs);
    const spans = parts.spans.end(firing.id);
    ended.push(resultOf(firing, verdict, spans.length === 0 ? at : { ...at, spans }));
  }
  await settleEnds(run, ended, actor);
}

/**
 * Settles those whose event is not as its schema says: dead at once, without an attempt, whatever the target, its rate limit
 * and its retries are. Returns the others.
 */
async function buryInvalid(run: QueueRun, claimed: readonly Claimed[], actor: Actor): Promise<readonly Claimed[]> {
  const left: Claimed[] = [];
  const ended: AttemptEnd[] = [];
  const dlq = run.work.dlq ? undefined : actor.trigger.dlqTrigger;
  for (const firing of claimed) {
    const fit = firing.invalid === undefined ? { firing } : actor.refit(firing);
    if ("firing" in fit) left.push(fit.firing);
    else ended.push(untriedResult(firing, fit, { atUs: nowUs(run.parts.clock), dlq, plan: actor.plan }));
  }
  if (ended.length === 0) return left;
  await settleEnds(run, ended, actor);
  return left;
}

/** The ends of folding windows among them become notifications; returns what is to be tried. */
async function unfold(run: QueueRun, claimed: readonly Claimed[]): Promise<readonly Claimed[]> {
  const timers = claimed.filter(isFoldTimer);
  if (timers.length === 0) return claimed;
  const results = timers.map((timer) => run.parts.notify.unfold(timer));
  await settle(run, () => results);
  return claimed.filter((firing) => !isFoldTimer(firing));
}

/** Waits for its turn under the rate limit; false at the soft end. A full or failing disk delays the start as well. */
async function mayStart({ parts, soft }: QueueRun, limit: RateLimit, firing: Claimed): Promise<boolean> {
  const failed = (error: unknown): void =>
    parts.log.warn({ err: error, firing: firing.id }, "the start of an attempt is not yet kept");
  try {
    await untilKept(() => limit.acquire(soft), { clock: parts.clock, signal: soft, failed });
    return true;
  } catch (error) {
    if (soft.aborted) return false;
    throw error;
  }
}

/** What cannot go on for a reason of ours is given back after a pause: never left claimed, never in a tight loop. */
export async function giveBack(run: QueueRun, firings: readonly Claimed[], error: unknown): Promise<void> {
  const { parts, queue, hard } = run;
  parts.log.error({ err: error, firing: firings[0]?.id }, "a firing could not be run or its result not be kept");
  await parts.clock.sleep(1_000, hard).catch(() => undefined);
  queue.release(idsOf(firings));
}

/** Their target is down. That is no attempt: they come back when it is looked at again, a little apart from each other. */
function defer({ parts, queue }: QueueRun, firings: readonly Claimed[], waitMs: number): void {
  const waitUs = (waitMs + parts.random() * 100) * 1000;
  queue.release(idsOf(firings), Math.ceil(nowUs(parts.clock) + waitUs));
}

function idsOf(firings: readonly Claimed[]): readonly string[] {
  return firings.map(({ id }) => id);
}
