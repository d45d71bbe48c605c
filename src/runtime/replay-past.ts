import { createDecider, type Decider } from "../sensors/decide.ts";
import { queueOf } from "../sensors/firing-of.ts";
import { firesAtOnce, withTriggers } from "../sensors/replay-target.ts";
import type { PlanStore } from "./plan-store.ts";

/** What deciding as it was decided then needs. */
export interface PastParts {
  readonly plans: Pick<PlanStore, "set">;
  /** Whether anybody works this queue: a firing for a trigger that is gone would wait for ever. */
  readonly worked: (queue: string) => boolean;
}

/**
 * The decider of a set of plans of then. A sensor that catches up alone (`only`) decides nothing: all the sensors of the
 * set decide together, with the others of today. What the set's triggers held then is not known: only those that fire by one
 * event, at once, take part. A set that is not known any more decides nothing; who replays looks before.
 */
export type PastDeciders = (planSet: string, only?: string) => Promise<Decider>;

/** Sets that are kept ready. */
const mostKept = 8;

export function createPastDeciders({ plans, worked }: PastParts): PastDeciders {
  const kept = new Map<string, Decider>();
  const nobody = createDecider([]);
  return async (planSet, only) => {
    if (only !== undefined) return nobody;
    const known = kept.get(planSet);
    if (known !== undefined) return known;
    const set = (await plans.set(planSet)) ?? [];
    const decider = createDecider(
      set.map((plan) => {
        const triggers = plan.triggers.filter((one) => firesAtOnce(one) && worked(queueOf(plan.name, one.name)));
        return withTriggers(plan, triggers);
      }),
    );
    kept.set(planSet, decider);
    const [oldest] = kept.keys();
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    return decider;
  };
}
