import type { Event } from "../lib/event.ts";
import { EventView } from "./filters/view.ts";
import type { Clause, DependencyPlan, SensorPlan } from "./plan.ts";
import { wants } from "./routes.ts";

export interface DependencyExplained {
  readonly name: string;
  /** The event is of the dependency's EventSource and has its name. */
  readonly matched: boolean;
  /** The filters say yes; false where they were not asked. */
  readonly passed: boolean;
  readonly clauses: readonly Clause[];
}

/** A dependency's verdict with the event as it left the transform; the event as it came where it was not asked. */
export interface DependencyVerdict extends DependencyExplained {
  readonly dependency: DependencyPlan;
  readonly event: Event;
  /** Its filters say yes and its schema no: it becomes a dead letter. */
  readonly invalid?: string | undefined;
}

interface ExplainContext {
  readonly nowMs: number;
  readonly seed: number;
}

/**
 * What each of the dependencies makes of an event, clause by clause, by the code that decides: for `why` with the clock
 * and seed of the decision, for `eval` and `test` with their own.
 */
export function judgeEvent(
  dependencies: readonly DependencyPlan[],
  event: Event,
  { nowMs, seed }: ExplainContext,
): readonly DependencyVerdict[] {
  const view = new EventView(event);
  return dependencies.map((dependency) => {
    const { name } = dependency;
    if (!wants(dependency, event.source, event.subject))
      return { name, dependency, event, matched: false, passed: false, clauses: [] };
    const evaluation = dependency.evaluate(event, { nowMs, seed, explain: true, view });
    const { passed, clauses, invalid } = evaluation;
    return { name, dependency, event: evaluation.event, matched: true, passed, clauses, invalid };
  });
}

/** `judgeEvent` for all dependencies of a sensor, as answers show it. */
export function explainEvent(plan: SensorPlan, event: Event, cx: ExplainContext): readonly DependencyExplained[] {
  return judgeEvent(plan.dependencies, event, cx).map(({ name, matched, passed, clauses }) => ({
    name,
    matched,
    passed,
    clauses,
  }));
}

/** The first clause that said no, in one line; undefined where all pass. */
export function firstNo(verdicts: readonly DependencyExplained[]): string | undefined {
  return verdicts.flatMap(everyNo)[0];
}

/** Every clause that said no, a line for each; none where the dependency passes, though one of several may say no then. */
export function everyNo({ name, matched, passed, clauses }: DependencyExplained): readonly string[] {
  if (!matched || passed) return [];
  const noes = clauses.filter((clause) => !clause.passed);
  if (noes.length === 0) return [`${name}: no filter of it passes`];
  return noes.map(({ kind, index, reason }) => `${name}: ${kind}[${index}] ${reason}`);
}
