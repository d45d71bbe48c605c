import type { Claimed, FiringEvent, NewFiring, SettleResult } from "../bus/bus.ts";
import { codes } from "../lib/codes/index.ts";
import type { AttemptFact, Fact } from "../lib/facts.ts";
import { dlqQueueOf } from "../sensors/firing-of.ts";
import type { TriggerPlan } from "../sensors/plan.ts";
import type { Verdict } from "./verdict.ts";

/** The verdict of a firing whose plan is gone. */
export function planLost(firing: Claimed): Verdict {
  const error = `the plan ${firing.revision} of sensor ${firing.sensor} can no longer be compiled; retry with --config current`;
  return { outcome: "failed", status: undefined, code: codes.PLAN_LOST.id, error, retryInMs: undefined };
}

/** What a verdict changes: the firing's own row, its fact, and the firing of the `dlqTrigger` when it died. */
export function resultOf(
  firing: Claimed,
  verdict: Verdict,
  at: {
    readonly startedUs: number;
    readonly endedUs: number;
    readonly dlq: TriggerPlan | undefined;
  },
): { readonly result: SettleResult; readonly fact: AttemptFact } {
  const base = {
    k: "attempt",
    firing: firing.id,
    n: firing.attempts + 1,
    startedUs: at.startedUs,
    endedUs: at.endedUs,
    ...(verdict.batch === undefined ? {} : { batch: verdict.batch }),
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
