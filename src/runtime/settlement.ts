import type { Claimed, FiringEvent, NewFiring, SettleResult } from "../bus/bus.ts";
import { codes } from "../lib/codes/index.ts";
import type { AttemptFact, Fact, FiringFact, SpanFact } from "../lib/facts.ts";
import { dlqQueueOf, pairsOf } from "../sensors/firing-of.ts";
import { failureName } from "../sensors/notify-failure.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import { failureData, failureEvent, type Told } from "./notify-data.ts";
import { originOf, roundOf, saidRound } from "./trace-of-call.ts";
import type { Verdict } from "./verdict.ts";

/** The verdict of a firing whose plan is gone. */
export function planLost(firing: Claimed): Verdict {
  const error = `the plan ${firing.revision} of sensor ${firing.sensor} can no longer be compiled; retry with --config current`;
  return { outcome: "failed", status: undefined, code: codes.PLAN_LOST.id, error, retryInMs: undefined };
}

/** An attempt that has ended, and what that changes. */
export interface AttemptEnd {
  readonly firing: Claimed;
  readonly fact: AttemptFact;
  readonly result: SettleResult;
}

const noSpans: readonly SpanFact[] = [];

/** What a verdict changes: the firing's own row, its fact, and the firing of the `dlqTrigger` when it died. */
export function resultOf(
  firing: Claimed,
  verdict: Verdict,
  at: {
    readonly startedUs: number;
    readonly endedUs: number;
    readonly dlq: TriggerPlan | undefined;
    /** That it was tried by. */
    readonly plan: SensorPlan | undefined;
    /** What the attempt told of its parts, and was not kept yet. */
    readonly spans?: readonly SpanFact[];
  },
): AttemptEnd {
  const { spans = noSpans } = at;
  const base = {
    k: "attempt",
    firing: firing.id,
    n: firing.attempts + 1,
    ...saidRound(firing),
    of: originOf(firing),
    readyUs: Math.max(firing.madeUs, firing.dueUs),
    startedUs: at.startedUs,
    endedUs: at.endedUs,
    ...(verdict.batch === undefined ? {} : { batch: verdict.batch }),
  } as const;
  const status = verdict.status === undefined ? {} : { status: verdict.status };
  if (verdict.outcome === "done") {
    const fact: AttemptFact = { ...base, ...status, outcome: "done", state: "done" };
    return { firing, fact, result: { id: firing.id, outcome: "done", facts: [...spans, fact] } };
  }
  const failed = { ...base, ...status, outcome: "failed", code: verdict.code, error: verdict.error } as const;
  if (verdict.retryInMs !== undefined) {
    const dueUs = at.endedUs + Math.round(verdict.retryInMs * 1000);
    const fact: AttemptFact = { ...failed, state: "pending", dueUs };
    return { firing, fact, result: { id: firing.id, outcome: { retryAtUs: dueUs }, facts: [...spans, fact] } };
  }
  const fact: AttemptFact = { ...failed, state: "dead" };
  const dead = { code: verdict.code, message: verdict.error, atUs: at.endedUs, ...status };
  const follow = dlqFiring(firing, at, fact);
  const facts: Fact[] = follow === undefined ? [...spans, fact] : [...spans, fact, createdFact(follow, firing.id)];
  return {
    firing,
    fact,
    result: { id: firing.id, outcome: { dead }, facts, ...(follow === undefined ? {} : { firings: [follow] }) },
  };
}

/**
 * What a firing changes that died without an attempt: its row, the fact, and the firing of the `dlqTrigger`. `fact` is for
 * those who watch; it is the attempt that there was not, number 0.
 */
export function untriedResult(
  firing: Claimed,
  { code, error }: { readonly code: string; readonly error: string },
  {
    atUs,
    ...after
  }: { readonly atUs: number; readonly dlq: TriggerPlan | undefined; readonly plan: SensorPlan | undefined },
): AttemptEnd {
  const { id } = firing;
  const of = originOf(firing);
  const base = { k: "attempt", firing: id, n: 0, ...saidRound(firing), of, startedUs: atUs, endedUs: atUs } as const;
  const fact: AttemptFact = { ...base, outcome: "failed", code, error, state: "dead" };
  const follow = dlqFiring(firing, after, fact);
  const died: FiringFact = { k: "firing", firing: id, state: "dead", atUs, reason: `${code}: ${error}` };
  const facts: Fact[] = follow === undefined ? [died] : [died, createdFact(follow, id)];
  const outcome = { dead: { code, message: error, atUs }, untried: true } as const;
  return {
    firing,
    fact,
    result: { id, outcome, facts, ...(follow === undefined ? {} : { firings: [follow] }) },
  };
}

/** The events of a firing for one that follows it: whole, as far as they are there. */
export function wholeEvents(firing: Claimed): readonly FiringEvent[] {
  return firing.events.map((place) => {
    const event = firing.loaded.find((loaded) => loaded.dependency === place.dependency)?.event;
    return event === undefined ? place : { ...place, event };
  });
}

/**
 * The id of the `dlqTrigger`'s firing: the dead one's + `/dlq`. One that dies again in a later round makes another firing, whose
 * id ends in that round: under the same one it would be lost among the first, here and where its target knows keys.
 */
export function dlqIdOf(firing: Pick<Claimed, "id" | "retried">): string {
  const round = roundOf(firing);
  return round === 0 ? `${firing.id}/dlq` : `${firing.id}/dlq/${round}`;
}

/**
 * The firing of a `dlqTrigger`: of an id of its own, with the same events, and with the failure as another one where
 * its parameters name it: what is sent then can say why.
 */
function dlqFiring(
  firing: Claimed,
  { dlq, plan }: { readonly dlq: TriggerPlan | undefined; readonly plan: SensorPlan | undefined },
  fact: AttemptFact,
): NewFiring | undefined {
  if (dlq === undefined) return undefined;
  const atUs = fact.endedUs;
  const events = wholeEvents(firing);
  const own = events.some(({ dependency }) => dependency === failureName);
  const told = plan === undefined || own || !namesFailure(dlq) ? [] : [failureOf({ plan, firing, fact, dlq: false })];
  return {
    queue: dlqQueueOf(firing.sensor, firing.trigger),
    id: dlqIdOf(firing),
    dueUs: atUs,
    madeUs: atUs,
    revision: firing.revision,
    sensor: firing.sensor,
    trigger: dlq.name,
    events: [...events, ...told],
    parent: firing.id,
  };
}

/** Whether a parameter of the trigger, or of its type, is about the failure. */
function namesFailure({ template, parameters }: TriggerPlan): boolean {
  return template.includes(failureNamed) || parameters.some(({ src }) => src.dependencyName === failureName);
}

const failureNamed = JSON.stringify({ dependencyName: failureName }).slice(1, -1);

function failureOf(told: Told): FiringEvent {
  const id = dlqIdOf(told.firing);
  return { dependency: failureName, id, seq: -1, event: failureEvent(id, failureData({}, "dead", told)) };
}

/** The fact of a firing that another one's end made. */
export function createdFact(follow: NewFiring, parent: string, reason?: string): Fact {
  const events = pairsOf(follow.events.filter(({ dependency }) => dependency !== failureName));
  const { sensor, trigger, revision, dueUs } = follow;
  return {
    k: "firing",
    firing: follow.id,
    state: "pending",
    atUs: dueUs,
    dueUs,
    ...(reason === undefined ? {} : { reason }),
    created: { sensor, trigger, revision, events, parent },
  };
}
