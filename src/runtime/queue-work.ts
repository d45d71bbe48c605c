import { dlqQueueOf, notifyQueueOf } from "../sensors/firing-of.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import { waysOf } from "./plan-store.ts";

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
