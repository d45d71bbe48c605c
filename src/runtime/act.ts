import type { Bus, Claimed, FiringEvent, NewFiring, Queue, SettleResult } from "../bus/bus.ts";
import { within } from "../lib/abort.ts";
import { nowUs } from "../lib/clock.ts";
import { codes } from "../lib/codes/index.ts";
import type { AttemptFact, Fact } from "../lib/facts.ts";
import { Wakeup } from "../lib/wakeup.ts";
import { dlqQueueOf } from "../sensors/advance.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import type { Metrics, TriggerMetrics } from "../telemetry/metrics.ts";
import { type Actor, type ActParts, createActor } from "./attempt.ts";
import { type PlanStore, triggerOf } from "./plan-store.ts";
import { createRateLimit, type RateLimit } from "./rate-limit.ts";
import type { SettledWatch } from "./settled.ts";
import type { Verdict } from "./verdict.ts";

export interface ActStageParts extends ActParts {
  readonly namespace: string;
  readonly bus: Bus;
  readonly plans: PlanStore;
  readonly metrics: Metrics;
  readonly watch: SettledWatch;
  /** Each settled attempt, for whoever watches. */
  readonly told?: (firing: Claimed, fact: AttemptFact) => void;
}

/** Which queue to work, and how wide. */
export interface QueueWork {
  readonly queue: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly dlq: boolean;
  readonly concurrency: number;
  readonly serial: boolean;
  readonly rateLimit: TriggerPlan["rateLimit"];
}

/** The queues of a plan: one per trigger, one per `dlqTrigger`. */
export function queuesOf(plan: SensorPlan, queueOf: (sensor: string, trigger: string) => string): readonly QueueWork[] {
  return plan.triggers.flatMap((trigger) => {
    const work = (queue: string, of: TriggerPlan, dlq: boolean): QueueWork => ({
      queue,
      sensor: plan.name,
      trigger: of.name,
      dlq,
      concurrency: of.concurrency,
      serial: of.atLeastOnce,
      rateLimit: of.rateLimit,
    });
    const own = work(queueOf(plan.name, trigger.name), trigger, false);
    return trigger.dlqTrigger === undefined
      ? [own]
      : [own, work(dlqQueueOf(plan.name, trigger.name), trigger.dlqTrigger, true)];
  });
}

/**
 * Works one queue until `soft` aborts: claims as many firings as may run, tries each alone, and settles it with its
 * facts. A failure with tries left goes back with its due time; without, it becomes a dead letter and makes the firing of
 * the `dlqTrigger`. At the soft end, what runs may finish until `hard` aborts; then it is given back untouched.
 */
export async function workQueue(
  parts: ActStageParts,
  work: QueueWork,
  signals: { readonly soft: AbortSignal; readonly hard: AbortSignal },
): Promise<void> {
  const { soft, hard } = signals;
  const queue = parts.bus.queue(work.queue);
  const metrics = parts.metrics.trigger({ namespace: parts.namespace, sensor: work.sensor, trigger: work.trigger });
  const limit = rateLimitOf(parts, work);
  const actors = new Map<string, Actor | undefined>();
  const ended = new Wakeup();
  const actorOf = async (firing: Claimed): Promise<Actor | undefined> => {
    if (actors.has(firing.revision)) return actors.get(firing.revision);
    const plan = await parts.plans.plan(firing.sensor, firing.revision);
    const trigger = plan === undefined ? undefined : triggerOf(plan, firing.trigger, work.dlq);
    const actor = plan === undefined || trigger === undefined ? undefined : createActor(parts, plan, trigger);
    actors.set(firing.revision, actor);
    return actor;
  };
  const one: OneFiring = { parts, work, queue, metrics, limit, actorOf, soft, hard };
  let acting = 0;
  let settling = 0;
  const launch = (firing: Claimed): void => {
    acting += 1;
    let acted = false;
    // the place is free once the target has answered: keeping the result is no load on it
    const freePlace = (): void => {
      acted = true;
      acting -= 1;
      settling += 1;
      ended.ring();
    };
    const over = (): void => {
      if (acted) settling -= 1;
      else acting -= 1;
      ended.ring();
    };
    runOne(one, firing, freePlace)
      .catch((error: unknown) => giveBack(one, firing, error))
      .then(over, over);
  };
  while (!soft.aborted) {
    const seen = ended.rings;
    if (acting >= work.concurrency || settling >= mostSettling) {
      await ended.wait(seen, soft);
      continue;
    }
    const claimed = await queue.claim({ max: work.concurrency - acting, serial: work.serial, signal: soft });
    for (const firing of claimed) launch(firing);
  }
  while (acting + settling > 0 && !hard.aborted) await ended.wait(ended.rings, hard);
  // a trigger ends within a second of the abort, or is left behind: its firing runs again under the same key
  using late = within(unending, lateMs);
  while (acting + settling > 0 && !late.signal.aborted) await ended.wait(ended.rings, late.signal);
}

/** Results on their way to the disk; with more of them no new firing starts. */
const mostSettling = 256;

/** What cannot go on for a reason of ours is given back after a pause: never left claimed, never in a tight loop. */
async function giveBack({ parts, queue, hard }: OneFiring, firing: Claimed, error: unknown): Promise<void> {
  parts.log.error({ err: error, firing: firing.id }, "a firing could not be run or its result not be kept");
  await parts.clock.sleep(1_000, hard).catch(() => undefined);
  queue.release([firing.id]);
}

const unending = new AbortController().signal;
const lateMs = 1_000;

interface OneFiring {
  readonly parts: ActStageParts;
  readonly work: QueueWork;
  readonly queue: Queue;
  readonly metrics: TriggerMetrics;
  readonly limit: RateLimit | undefined;
  readonly actorOf: (firing: Claimed) => Promise<Actor | undefined>;
  readonly soft: AbortSignal;
  readonly hard: AbortSignal;
}

/** One attempt of one firing, settled; `acted` is called between the two. */
async function runOne(one: OneFiring, firing: Claimed, acted: () => void): Promise<void> {
  const { parts, queue, hard } = one;
  const actor = await one.actorOf(firing);
  if (!(await mayStart(one, firing))) return queue.release([firing.id]);
  const startedUs = nowUs(parts.clock);
  parts.metrics.delay("queue", (startedUs - firing.madeUs) / 1000);
  const verdict = actor === undefined ? planLost(firing) : await actor.attempt(firing, hard);
  // stopped in the middle: not an attempt that counts; it runs again at the next start
  if (hard.aborted) return queue.release([firing.id]);
  acted();
  const endedUs = nowUs(parts.clock);
  one.metrics.attempt(verdict.outcome, (endedUs - startedUs) / 1000);
  parts.metrics.delay("trigger", (endedUs - startedUs) / 1000);
  const { result, fact } = resultOf(firing, verdict, {
    startedUs,
    endedUs,
    dlq: one.work.dlq ? undefined : actor?.trigger.dlqTrigger,
  });
  await settle(one, result, hard);
  if (fact.state === "dead") {
    one.metrics.dead();
    parts.log.error(
      {
        sensorName: firing.sensor,
        triggerName: firing.trigger,
        firing: firing.id,
        code: fact.code,
        error: fact.error,
        attempts: fact.n,
      },
      "Failed to execute a trigger",
    );
  } else if (fact.state === "pending") {
    parts.log.debug(
      {
        sensorName: firing.sensor,
        triggerName: firing.trigger,
        firing: firing.id,
        error: fact.error,
        dueUs: fact.dueUs,
      },
      "an attempt failed and will be tried again",
    );
  }
  if (fact.state !== "pending" && !parts.watch.idle)
    parts.watch.settled(firing, fact.state === "done" ? "done" : "failed");
  parts.told?.(firing, fact);
}

/** Waits for its turn under the rate limit; false at the soft end. A full or failing disk delays the start as well. */
async function mayStart({ parts, limit, soft }: OneFiring, firing: Claimed): Promise<boolean> {
  for (let pauseMs = 100; !soft.aborted; pauseMs = Math.min(pauseMs * 2, 5_000)) {
    try {
      await limit?.acquire(soft);
      return true;
    } catch (error) {
      if (soft.aborted) return false;
      parts.log.warn({ err: error, firing: firing.id }, "the start of an attempt is not yet kept");
      await parts.clock.sleep(pauseMs, soft).catch(() => undefined);
    }
  }
  return limit === undefined;
}

/** A full or failing disk delays the result, it does not lose it: the attempt was made and must be kept. */
async function settle({ parts, queue }: OneFiring, result: SettleResult, hard: AbortSignal): Promise<void> {
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 5_000)) {
    try {
      return await queue.settle([result]);
    } catch (error) {
      if (hard.aborted) throw error;
      parts.log.warn({ err: error, firing: result.id }, "the result of an attempt is not yet kept");
      await parts.clock.sleep(pauseMs, hard).catch(() => undefined);
    }
  }
}

function rateLimitOf(parts: ActStageParts, work: QueueWork): RateLimit | undefined {
  if (work.rateLimit === undefined) return undefined;
  return createRateLimit({ ...work.rateLimit, clock: parts.clock, state: parts.bus.state("rate"), key: work.queue });
}

function planLost(firing: Claimed): Verdict {
  const error = `the plan ${firing.revision} of sensor ${firing.sensor} can no longer be compiled; retry with --config current`;
  return { outcome: "failed", status: undefined, code: codes.PLAN_LOST.id, error, retryInMs: undefined };
}

/** What a verdict changes: the firing's own row, its fact, and the firing of the `dlqTrigger` when it died. */
function resultOf(
  firing: Claimed,
  verdict: Verdict,
  at: { readonly startedUs: number; readonly endedUs: number; readonly dlq: TriggerPlan | undefined },
): { readonly result: SettleResult; readonly fact: AttemptFact } {
  const base = {
    k: "attempt",
    firing: firing.id,
    n: firing.attempts + 1,
    startedUs: at.startedUs,
    endedUs: at.endedUs,
  } as const;
  const status = verdict.status === undefined ? {} : { status: verdict.status };
  if (verdict.outcome === "done") {
    const fact: AttemptFact = { ...base, ...status, outcome: "done", state: "done" };
    return { result: { id: firing.id, outcome: "done", facts: [fact] }, fact };
  }
  const failed = { ...base, ...status, outcome: "failed", code: verdict.code, error: verdict.error } as const;
  if (verdict.retryInMs !== undefined) {
    const dueUs = at.endedUs + Math.round(verdict.retryInMs * 1000);
    const fact: AttemptFact = { ...failed, state: "pending", dueUs };
    return { result: { id: firing.id, outcome: { retryAtUs: dueUs }, facts: [fact] }, fact };
  }
  const fact: AttemptFact = { ...failed, state: "dead" };
  const dead = { code: verdict.code, message: verdict.error, atUs: at.endedUs };
  const follow = at.dlq === undefined ? undefined : dlqFiring(firing, at.dlq, at.endedUs);
  const facts: Fact[] = follow === undefined ? [fact] : [fact, createdFact(follow, firing.id)];
  return {
    result: { id: firing.id, outcome: { dead }, facts, ...(follow === undefined ? {} : { firings: [follow] }) },
    fact,
  };
}

/** The firing of a `dlqTrigger`: the dead one's id + `/dlq`, with the same events. */
function dlqFiring(firing: Claimed, dlq: TriggerPlan, atUs: number): NewFiring {
  const events: FiringEvent[] = firing.events.map((place) => {
    const event = firing.loaded.find((loaded) => loaded.dependency === place.dependency)?.event;
    return event === undefined ? place : { ...place, event };
  });
  return {
    queue: dlqQueueOf(firing.sensor, firing.trigger),
    id: `${firing.id}/dlq`,
    dueUs: atUs,
    madeUs: atUs,
    revision: firing.revision,
    sensor: firing.sensor,
    trigger: dlq.name,
    events,
    parent: firing.id,
  };
}

function createdFact(follow: NewFiring, parent: string): Fact {
  const events = follow.events.map(({ dependency, id }) => [dependency, id] as const);
  const { sensor, trigger, revision, dueUs } = follow;
  return {
    k: "firing",
    firing: follow.id,
    state: "pending",
    atUs: dueUs,
    dueUs,
    created: { sensor, trigger, revision, events, parent },
  };
}
