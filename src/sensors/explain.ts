import type { Event } from "../lib/event.ts";
import { EventView } from "./filters/view.ts";
import type { Clause, SensorPlan } from "./plan.ts";

export interface DependencyExplained {
  readonly name: string;
  /** The event is of the dependency's EventSource and has its name. */
  readonly matched: boolean;
  /** The filters say yes; false where they were not asked. */
  readonly passed: boolean;
  readonly clauses: readonly Clause[];
}

/**
 * What each dependency of a sensor makes of an event, clause by clause: recomputed, with the clock and seed of the
 * decision, by the code that decided. With `everyDependency` the filters are asked whether source and name match or not.
 */
export function explainEvent(
  plan: SensorPlan,
  event: Event,
  cx: { readonly nowMs: number; readonly seed: number; readonly everyDependency?: boolean },
): readonly DependencyExplained[] {
  const view = new EventView(event);
  return plan.dependencies.map((dependency) => {
    const matched = dependency.eventSource === event.source && dependency.event === event.subject;
    if (!matched && cx.everyDependency !== true) return { name: dependency.name, matched, passed: false, clauses: [] };
    const { nowMs, seed } = cx;
    const { passed, clauses } = dependency.evaluate(event, { nowMs, seed, explain: true, view });
    return { name: dependency.name, matched, passed, clauses };
  });
}
