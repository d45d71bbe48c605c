import { isTide, messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import { createActor } from "./attempt.ts";
import type { ActParts } from "./fire.ts";

/** Makes triggers ready before their first firing (`Trigger.prepare`), one after the other. */
export interface Preparing {
  /** Those of these plans that were not asked before. Never rejects; ends early at the abort of `signal`. */
  prepare(plans: readonly SensorPlan[], signal: AbortSignal): Promise<void>;
}

export function createPreparing(parts: ActParts): Preparing {
  let asked: ReadonlySet<string> = new Set();
  let last = Promise.resolve();
  const prepareAll = async (plans: readonly SensorPlan[], signal: AbortSignal): Promise<void> => {
    for (const plan of plans) {
      for (const trigger of plan.triggers.flatMap((one) => [one, one.dlqTrigger ?? []].flat())) {
        if (signal.aborted) return;
        if (parts.triggers.get(trigger.kind)?.prepare === undefined) continue;
        try {
          await createActor(parts, plan, trigger).prepare(signal);
        } catch (error) {
          if (!signal.aborted) tell(parts.log, error, { sensorName: plan.name, triggerName: trigger.name });
        }
      }
    }
  };
  return {
    prepare(plans, signal) {
      const fresh = plans.filter((plan) => !asked.has(nameOf(plan)));
      asked = new Set(plans.map(nameOf));
      last = last.then(() => prepareAll(fresh, signal));
      return last;
    },
  };
}

function nameOf({ name, revision, folder }: SensorPlan): string {
  return JSON.stringify([name, revision, folder]);
}

function tell(log: Log, error: unknown, names: object): void {
  const code = isTide(error) ? { code: error.id } : {};
  log.warn({ ...names, ...code, error: messageOf(error) }, "a trigger is not ready: its firings will fail of the same");
}
