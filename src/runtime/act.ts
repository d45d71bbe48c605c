import type { Bus, Claimed, Queue, SettleResult } from "../bus/bus.ts";
import { within } from "../lib/abort.ts";
import { nowUs } from "../lib/clock.ts";
import type { AttemptFact } from "../lib/facts.ts";
import { Wakeup } from "../lib/wakeup.ts";
import { dlqQueueOf, notifyQueueOf } from "../sensors/firing-of.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import type { Metrics, TriggerMetrics } from "../telemetry/metrics.ts";
import { placeOfEvent } from "../telemetry/span-place.ts";
import { type Actor, type ActParts, createActor } from "./attempt.ts";
import { gather } from "./batch.ts";
import { isFoldTimer, type NotifyBook } from "./notify.ts";
import { type PlanStore, triggerOf, waysOf } from "./plan-store.ts";
import { createRateLimit, type RateLimit } from "./rate-limit.ts";
import { hasInvalid } from "./refit.ts";
import type { SettledWatch } from "./settled.ts";
import { planLost, resultOf, untriedResult } from "./settlement.ts";

export interface ActStageParts extends ActParts {
  readonly namespace: string;
  readonly bus: Bus;
  readonly plans: PlanStore;
  readonly metrics: Metrics;
  readonly watch: SettledWatch;
  readonly notify: NotifyBook;
  /** Each settled attempt, for whoever watches. */
  readonly told?: (firing: Claimed, fact: AttemptFact) => void;
}

/** Which queue to work, and how wide. */
export interface QueueWork {
  readonly queue: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly dlq: boolean;
  /** It is a notification's: what fails here is told to nobody. */
  readonly notify?: true;
  readonly concurrency: number;
  readonly serial: boolean;
  readonly rateLimit: TriggerPlan["rateLimit"];
  readonly batch?: TriggerPlan["batch"];
}

/** The queues of a plan: one per trigger, one per `dlqTrigger`, one per way of a notification. */
export function queuesOf(plan: SensorPlan, queueOf: (sensor: string, trigger: string) => string): readonly QueueWork[] {
  const work = (queue: string, of: TriggerPlan, dlq: boolean): QueueWork => ({
    queue,
    sensor: plan.name,
    trigger: of.name,
    dlq,
    concurrency: of.concurrency,
    serial: of.serial,
    rateLimit: of.rateLimit,
    ...(of.batch === undefined ? {} : { batch: of.batch }),
  });
  const told = waysOf(plan).map((way): QueueWork => {
    return { ...work(notifyQueueOf(plan.name, way.name), way, false), notify: true };
  });
  const triggers = plan.triggers.flatMap((trigger) => {
    const own = work(queueOf(plan.name, trigger.name), trigger, false);
    return trigger.dlqTrigger === undefined
      ? [own]
      : [own, work(dlqQueueOf(plan.name, trigger.name), trigger.dlqTrigger, true)];
  });
  return [...triggers, ...told];
}

/**
 * Works one queue until `soft` aborts: claims as many firings as may run, tries each alone (or, with `batch`, many in one
 * call), and settles it with its facts. A failure with tries left goes back with its due time; without, it becomes a dead letter and makes the firing of
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
    // a manifest that is edited for months leaves a plan for each edit
    const [oldest] = actors.keys();
    if (actors.size > mostActors && oldest !== undefined) actors.delete(oldest);
    return actor;
  };
  const one: QueueRun = { parts, work, queue, metrics, limit, actorOf, soft, hard };
  let acting = 0;
  let settling = 0;
  const launch = (firings: readonly Claimed[]): void => {
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
    runCall(one, firings, freePlace)
      .catch((error: unknown) => giveBack(one, firings, error))
      .then(over, over);
  };
  while (!soft.aborted) {
    const seen = ended.rings;
    if (acting >= work.concurrency || settling >= mostSettling) {
      await ended.wait(seen, soft);
      continue;
    }
    if (work.batch !== undefined) {
      const firings = await gather(queue, work.batch, { clock: parts.clock, signal: soft });
      for (const call of await callsOf(one, firings)) launch(call);
      continue;
    }
    const claimed = await queue.claim({ max: work.concurrency - acting, serial: work.serial, signal: soft });
    for (const firing of claimed) launch([firing]);
  }
  while (acting + settling > 0 && !hard.aborted) await ended.wait(ended.rings, hard);
  // a trigger ends within a second of the abort, or is left behind: its firing runs again under the same key
  using late = within(unending, lateMs);
  while (acting + settling > 0 && !late.signal.aborted) await ended.wait(ended.rings, late.signal);
}

/** Plans whose triggers are kept ready, of one queue. */
const mostActors = 32;

/** Results on their way to the disk; with more of them no new firing starts. */
const mostSettling = 256;

/** What cannot go on for a reason of ours is given back after a pause: never left claimed, never in a tight loop. */
async function giveBack(run: QueueRun, firings: readonly Claimed[], error: unknown): Promise<void> {
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

/** One call, or one for each where the plan that made them knows no batch. */
async function callsOf(run: QueueRun, firings: readonly Claimed[]): Promise<readonly (readonly Claimed[])[]> {
  const [first] = firings;
  if (first === undefined) return [];
  const actor = await run.actorOf(first);
  return actor?.trigger.batch === undefined ? firings.map((firing) => [firing]) : [firings];
}

const unending = new AbortController().signal;
const lateMs = 1_000;

interface QueueRun {
  readonly parts: ActStageParts;
  readonly work: QueueWork;
  readonly queue: Queue;
  readonly metrics: TriggerMetrics;
  readonly limit: RateLimit | undefined;
  readonly actorOf: (firing: Claimed) => Promise<Actor | undefined>;
  readonly soft: AbortSignal;
  readonly hard: AbortSignal;
}

/** One attempt of one firing, or of a batch in one call, settled; `acted` is called between the two. */
async function runCall(run: QueueRun, claimed: readonly Claimed[], acted: () => void): Promise<void> {
  const { parts, queue, hard } = run;
  const [one] = claimed;
  if (one === undefined) return;
  const actor = await run.actorOf(one);
  // what they remember must be there before anything is noted or told
  if (run.work.notify === true || actor?.plan.notifications.length) await parts.notify.ready();
  const live = run.work.notify === true ? await unfold(run, claimed) : claimed;
  const firings = actor !== undefined && hasInvalid(live) ? await buryInvalid(run, live, actor) : live;
  const [first] = firings;
  if (first === undefined) return;
  const waitMs = await actor?.mustWait(firings, hard);
  if (waitMs !== undefined) return defer(run, firings, waitMs);
  if (!(await mayStart(run, first))) return queue.release(idsOf(firings));
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
  const ended = firings.flatMap((firing, i) => {
    const verdict = verdicts[i];
    if (verdict === undefined) return [];
    run.metrics.attempt(verdict.outcome, tookMs);
    return [{ firing, ...resultOf(firing, verdict, { ...at, spans: parts.spans.end(firing.id) }) }];
  });
  await settleNoted(run, ended, actor);
  for (const { firing, fact } of ended) tell(run, firing, fact);
}

/**
 * Settles those whose event is not as its schema says: dead at once, without an attempt, whatever the target, its rate limit
 * and its retries are. Returns the others.
 */
async function buryInvalid(run: QueueRun, claimed: readonly Claimed[], actor: Actor): Promise<readonly Claimed[]> {
  const left: Claimed[] = [];
  const ended: (ReturnType<typeof untriedResult> & { readonly firing: Claimed })[] = [];
  const dlq = run.work.dlq ? undefined : actor.trigger.dlqTrigger;
  for (const firing of claimed) {
    const fit = firing.invalid === undefined ? { firing } : actor.refit(firing);
    if ("firing" in fit) left.push(fit.firing);
    else ended.push({ firing, ...untriedResult(firing, fit, { atUs: nowUs(run.parts.clock), dlq, plan: actor.plan }) });
  }
  if (ended.length === 0) return left;
  await settleNoted(run, ended, actor);
  for (const { firing, fact } of ended) tell(run, firing, fact);
  return left;
}

/** Settles attempts, and in the same commit makes the notifications of their failures. */
async function settleNoted(
  run: QueueRun,
  ended: readonly { readonly firing: Claimed; readonly fact: AttemptFact; readonly result: SettleResult }[],
  actor: Actor | undefined,
): Promise<void> {
  const { work, parts } = run;
  const plan = work.notify === true ? undefined : actor?.plan;
  const results = ended.map(({ firing, fact, result }) => {
    const noted = plan && parts.notify.note({ plan, firing, fact, dlq: work.dlq });
    return noted === undefined ? () => result : () => parts.notify.into(result, noted);
  });
  await settle(run, () => results.map((make) => make()));
}

/** The ends of folding windows among them become notifications; returns what is to be tried. */
async function unfold(run: QueueRun, claimed: readonly Claimed[]): Promise<readonly Claimed[]> {
  const timers = claimed.filter(isFoldTimer);
  if (timers.length === 0) return claimed;
  const results = timers.map((timer) => run.parts.notify.unfold(timer));
  await settle(run, () => results);
  return claimed.filter((firing) => !isFoldTimer(firing));
}

function tell({ parts, metrics, work }: QueueRun, firing: Claimed, fact: AttemptFact): void {
  const of = { sensorName: firing.sensor, triggerName: firing.trigger, firing: firing.id, ...traced(firing) };
  const batch = fact.batch === undefined ? {} : { batch: fact.batch.id, batchSize: fact.batch.size };
  if (fact.state === "done" || fact.state === "dead") metrics.ended(fact.state, (fact.endedUs - firing.madeUs) / 1000);
  if (fact.state === "dead") {
    const { code, error, n: attempts } = fact;
    const what = work.notify === true ? "a notification could not be sent" : "Failed to execute a trigger";
    parts.log.error({ ...of, ...batch, code, error, attempts }, what);
  } else if (fact.state === "pending") {
    const { error, dueUs } = fact;
    parts.log.debug({ ...of, ...batch, error, dueUs }, "an attempt failed and will be tried again");
  }
  // whether somebody was told of it is nothing that its upstream waits for
  if (fact.state !== "pending" && work.notify !== true && !parts.watch.idle)
    parts.watch.settled(firing, fact.state === "done" ? "done" : "failed");
  parts.told?.(firing, fact);
}

/** By which its lines are found beside its spans. */
function traced({ loaded }: Claimed): object {
  const event = loaded.at(-1)?.event;
  if (event === undefined) return {};
  return { "event.id": event.id, "trace.id": placeOfEvent(event.id, event.extensions.traceparent).traceId };
}

/** Waits for its turn under the rate limit; false at the soft end. A full or failing disk delays the start as well. */
async function mayStart({ parts, limit, soft }: QueueRun, firing: Claimed): Promise<boolean> {
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
async function settle({ parts, queue, hard }: QueueRun, make: () => readonly SettleResult[]): Promise<void> {
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 5_000)) {
    const results = make();
    try {
      return await queue.settle(results);
    } catch (error) {
      if (hard.aborted) throw error;
      parts.log.warn({ err: error, firing: results[0]?.id }, "the result of an attempt is not yet kept");
      await parts.clock.sleep(pauseMs, hard).catch(() => undefined);
    }
  }
}

function rateLimitOf(parts: ActStageParts, work: QueueWork): RateLimit | undefined {
  if (work.rateLimit === undefined) return undefined;
  return createRateLimit({ ...work.rateLimit, clock: parts.clock, state: parts.bus.state("rate"), key: work.queue });
}
