import type { Claimed } from "../bus/bus.ts";
import { codes } from "../lib/codes/index.ts";
import type { Event } from "../lib/event.ts";
import type { AttemptFact } from "../lib/facts.ts";
import { placeOf, traceIdOf } from "../lib/trace.ts";
import { newestOf } from "../sensors/firing-of.ts";
import { keyOf } from "../sensors/key-of.ts";
import {
  type FailureData,
  type FailureStage,
  type FoldedSample,
  failureName,
  shortReason,
} from "../sensors/notify-failure.ts";
import type { NotificationPlan, NotifyState, SensorPlan } from "../sensors/plan.ts";
import { contextOfCall } from "./trace-of-call.ts";

/** An attempt that is to be told of. */
export interface Told {
  readonly plan: SensorPlan;
  readonly firing: Claimed;
  readonly fact: AttemptFact;
  /** The firing is one of a `dlqTrigger`. */
  readonly dlq: boolean;
}

export function failureData(notification: Pick<NotificationPlan, "job">, state: NotifyState, told: Told): FailureData {
  const { plan, firing, fact } = told;
  const newest = newestOf(firing.events);
  const event = firing.loaded.find(({ dependency }) => dependency === newest?.dependency)?.event;
  const eventId = newest?.id ?? firing.id;
  const { traceparent } = contextOfCall(firing, fact.n);
  const failed = fact.outcome === "failed" ? { stage: stageOf(told), ...reasonOf(fact) } : {};
  return {
    job: jobOf(notification, told, event) ?? eventId,
    event: eventId,
    ...(event === undefined ? {} : { source: `${event.source}/${event.subject}` }),
    namespace: plan.namespace,
    sensor: plan.name,
    trigger: firing.trigger,
    firing: firing.id,
    state,
    ...failed,
    ...(fact.status === undefined ? {} : { status: fact.status }),
    attempt: fact.n,
    traceId: placeOf(traceparent)?.traceId ?? traceIdOf(eventId),
    traceparent,
    at: rfc3339(fact.endedUs),
  };
}

function jobOf(
  { job }: Pick<NotificationPlan, "job">,
  { firing }: Told,
  newest: Event | undefined,
): string | undefined {
  const eventOf = (name: string): Event | undefined =>
    firing.loaded.find(({ dependency }) => dependency === name)?.event;
  const names = firing.loaded.map(({ dependency }) => dependency);
  const own = job === undefined ? undefined : keyOf(job, names, eventOf);
  return own ?? newest?.extensions.correlationid;
}

function stageOf({ fact, dlq }: Told): FailureStage {
  if (fact.code === codes.SCHEMA_INVALID.id) return "schema";
  if (fact.code === codes.PARAMETER_UNRESOLVED.id) return "parameters";
  return dlq ? "dlqTrigger" : "trigger";
}

function reasonOf({ code, error }: AttemptFact): Pick<FailureData, "code" | "reason"> {
  return {
    ...(code === undefined ? {} : { code }),
    ...(error === undefined ? {} : { reason: shortReason(error) }),
  };
}

/** The failure as the event of its pseudo-dependency. */
export function failureEvent(id: string, data: FailureData): Event {
  return {
    id,
    source: data.sensor,
    type: "tidemill",
    subject: failureName,
    time: data.at,
    datacontenttype: "application/json",
    data: Buffer.from(JSON.stringify(data)),
    extensions: {},
  };
}

export function sampleOf({ job, event, firing, reason, at }: FailureData): FoldedSample {
  return { job, event, firing, at, ...(reason === undefined ? {} : { reason: reason.slice(0, 200) }) };
}

export function rfc3339(atUs: number): string {
  return new Date(atUs / 1000).toISOString();
}
