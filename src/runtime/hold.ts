import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import type { Pauses } from "./pauses.ts";

/** Why the firings of a trigger wait in their queue. */
export interface Held {
  readonly by: "pause" | "maintenance";
  /** When they go on by themselves, Unix milliseconds. */
  readonly untilMs?: number | undefined;
  readonly reason?: string | undefined;
}

/** A pause first: it is what somebody asked for. A `dlqTrigger` goes by its own name, and in the windows of its trigger. */
export function heldAt(of: {
  readonly namespace: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly pauses: Pauses;
  /** Of the sensor; undefined when it has none any more. */
  readonly plan: SensorPlan | undefined;
  readonly nowMs: number;
}): Held | undefined {
  const { namespace, sensor, trigger, pauses, plan, nowMs } = of;
  const pause = pauses.of({ kind: "trigger", namespace, names: [sensor, trigger] });
  if (pause !== undefined) return { by: "pause", untilMs: pause.untilMs, reason: pause.reason };
  const untilMs = plan?.triggers.find((one) => named(one, trigger))?.maintenance?.(nowMs).untilMs;
  return untilMs === undefined ? undefined : { by: "maintenance", untilMs };
}

/** When the next maintenance window of any trigger begins or ends. */
export function nextBoundaryMs(plans: readonly SensorPlan[], nowMs: number): number | undefined {
  let nextMs: number | undefined;
  for (const { triggers } of plans) {
    for (const { maintenance } of triggers) {
      const { untilMs, beginsMs } = maintenance?.(nowMs) ?? {};
      const atMs = untilMs ?? beginsMs;
      if (atMs !== undefined) nextMs = Math.min(atMs, nextMs ?? atMs);
    }
  }
  return nextMs;
}

function named(trigger: TriggerPlan, name: string): boolean {
  return trigger.name === name || trigger.dlqTrigger?.name === name;
}
