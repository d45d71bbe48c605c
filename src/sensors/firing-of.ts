import type { FiringEvent, NewFiring } from "../bus/bus.ts";
import { digest } from "../lib/digest.ts";
import type { Event } from "../lib/event.ts";
import { keyOf } from "./key-of.ts";
import type { SensorPlan, TriggerPlan } from "./plan.ts";

/** The queue of a trigger's firings. A sensor's name has neither `/` nor `#`, so that no two triggers share one. */
export function queueOf(sensor: string, trigger: string): string {
  return `${sensor}/${trigger}`;
}

/** The queue of its `dlqTrigger`. */
export function dlqQueueOf(sensor: string, trigger: string): string {
  return `${sensor}#dlq/${trigger}`;
}

/** The queue of a notification; `trigger` is its name, or `NAME@KIND` where it goes to targets that events name. */
export function notifyQueueOf(sensor: string, trigger: string): string {
  return `${sensor}#notify/${trigger}`;
}

/** Whether a queue is a notification's. */
export function isNotifyQueue(queue: string): boolean {
  return queue.split("/", 1)[0]?.endsWith("#notify") === true;
}

/** The extension of a replay's events: what makes their firings new ones. */
export const replayExtension = "replayid";

/** The firing of a satisfied condition; `events` are in the order of their dependencies. */
export function firingOf(
  plan: SensorPlan,
  trigger: TriggerPlan,
  of: {
    readonly events: readonly FiringEvent[];
    readonly atMs: number;
    readonly replayId: string;
    readonly eventOf: (dependency: string) => Event | undefined;
    readonly invalid?: string | undefined;
  },
): NewFiring {
  const atUs = Math.round(of.atMs * 1000);
  const firing: NewFiring = {
    queue: queueOf(plan.name, trigger.name),
    id: firingId(plan, trigger.name, of.events, of.replayId),
    dueUs: atUs,
    madeUs: atUs,
    revision: plan.revision,
    sensor: plan.name,
    trigger: trigger.name,
    events: of.events,
  };
  // it has no turn among others: nothing is called for it
  if (of.invalid !== undefined) return { ...firing, invalid: of.invalid };
  if (trigger.orderBy === undefined) return firing;
  const orderKey = keyOf(trigger.orderBy, trigger.conditions.names, of.eventOf);
  return orderKey === undefined ? firing : { ...firing, orderKey };
}

/**
 * The same events at the same trigger are the same firing, whenever and however often it is decided. JSON keeps names
 * apart that plain joining would not.
 */
function firingId(plan: SensorPlan, trigger: string, events: readonly FiringEvent[], replayId: string): string {
  const pairs = events.map((event) => [event.dependency, event.id]);
  return digest(JSON.stringify([plan.bus, plan.namespace, plan.name, trigger, pairs, replayId]));
}

/** The event that completed the condition: the firing is in its trace. */
export function newestOf(events: readonly FiringEvent[]): FiringEvent | undefined {
  let newest = events[0];
  for (const event of events) if (newest === undefined || event.seq > newest.seq) newest = event;
  return newest;
}

/** Pairs as facts have them: the newest event is the last. */
export function pairsOf(events: readonly FiringEvent[]): readonly (readonly [dependency: string, event: string])[] {
  const inOrder = events.length < 2 ? events : events.toSorted((a, b) => a.seq - b.seq);
  return inOrder.map(({ dependency, id }) => [dependency, id] as const);
}

export function byDependency(a: { readonly dependency: string }, b: { readonly dependency: string }): number {
  return a.dependency < b.dependency ? -1 : 1;
}
