import type { Claimed, FiringEvent, NewFiring } from "../bus/bus.ts";
import { codes } from "../lib/codes/index.ts";
import type { Event } from "../lib/event.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import { seedOf } from "../sensors/seed.ts";

/** What a firing may do whose event was not as its schema says: nothing, or run after all with the event as it is now. */
export type Refit = { readonly firing: Claimed } | { readonly code: string; readonly error: string };

/**
 * Asks the dependency again about the event of a firing that is marked `invalid`. The first time the answer is that of the
 * decision. After `dlq retry` the event may have been corrected, or the plan be today's: then filters, transform and schema
 * are asked as the decider asks them, with the clock of the firing.
 */
export function refit(
  firing: Claimed,
  { plan, trigger }: { readonly plan: SensorPlan; readonly trigger: TriggerPlan },
): Refit {
  const [place] = firing.events;
  const dependency = plan.dependencies.find(({ name }) => name === place?.dependency);
  const event = firing.loaded.find((loaded) => loaded.dependency === place?.dependency)?.event;
  const dead = (error: string): Refit => ({ code: codes.SCHEMA_INVALID.id, error });
  if (dependency === undefined || event === undefined) return dead(firing.invalid ?? "its event is gone");
  const cx = { nowMs: firing.madeUs / 1000, seed: seedOf(event.id), explain: true };
  const evaluation = dependency.evaluate(event, cx);
  if (evaluation.invalid !== undefined) return dead(evaluation.invalid);
  if (!evaluation.passed) {
    const no = evaluation.clauses.find(({ passed }) => !passed);
    return dead(
      `the data matches its schema now, but ${dependency.name} turns it down: ${no?.reason ?? "a filter says no"}`,
    );
  }
  if (!trigger.conditions.satisfied((name) => name === dependency.name)) {
    const needed = trigger.conditions.text;
    return dead(`the data matches its schema now, but ${needed} needs other events too: replay the event instead`);
  }
  return { firing: withEvent(firing, dependency.name, evaluation.event) };
}

function withEvent(firing: Claimed, dependency: string, event: Event): Claimed {
  const loaded = firing.loaded.map((one) => (one.dependency === dependency ? { dependency, event } : one));
  const events: readonly FiringEvent[] = firing.events.map((one) =>
    one.dependency === dependency ? { ...one, event } : one,
  );
  return { ...firing, events, loaded };
}

/** Whether any of them has to be asked about before it is tried. */
export function hasInvalid(firings: readonly NewFiring[]): boolean {
  return firings.some(({ invalid }) => invalid !== undefined);
}
