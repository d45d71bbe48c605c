import type { TemplateOptions } from "../../expressions/go-template.ts";
import type { Path } from "../../lib/finding.ts";
import type { Clause } from "../plan.ts";
import type { Report } from "../report.ts";
import type { EventView } from "./view.ts";

export interface FilterContext {
  readonly nowMs: number;
  readonly seed: number;
}

/**
 * One type of filter of a dependency, compiled. Pure; never throws. A fault (a missing path, data that is not JSON) is a
 * no with a reason of its own: where all must pass both end the search, where one is enough neither counts (reference
 * 3.4; there Argo Events' wrapper rejects the event for a fault: F1).
 */
export interface Filter {
  passes(view: EventView, cx: FilterContext): boolean;
  /** A clause for each item, also for those after the answer is known. */
  explain(view: EventView, cx: FilterContext): readonly Clause[];
}

/** What compiling a filter needs besides its definition. */
export interface FilterPlace {
  readonly path: Path;
  readonly report: Report;
  /** What templates may read of the environment (reference F4). */
  readonly env: TemplateOptions;
}

/** One entry of `data` or `exprs`. `say` is only asked for the clauses; it may cost. */
export interface Item {
  passes(view: EventView, cx: FilterContext): boolean;
  say(view: EventView, cx: FilterContext): { readonly value?: string; readonly reason: string };
}

export type Operator = "and" | "or";

export function operatorOf(text: string | undefined): Operator {
  return text === "or" ? "or" : "and";
}

/**
 * A filter over the data: items joined by an operator. An event without data passes, as in Argo Events; data that is not
 * JSON does not.
 */
export function dataFilter(kind: "data" | "exprs", items: readonly Item[], operator: Operator): Filter {
  return {
    passes: (view, cx) => {
      if (view.empty) return true;
      if (view.json === undefined) return false;
      return operator === "and"
        ? items.every((item) => item.passes(view, cx))
        : items.some((item) => item.passes(view, cx));
    },
    explain: (view, cx) =>
      items.map((item, index): Clause => {
        if (view.empty) return { kind, index, passed: true, reason: "the event has no data: passes" };
        if (view.json === undefined) return { kind, index, passed: false, reason: "the data is not JSON" };
        return { kind, index, passed: item.passes(view, cx), ...item.say(view, cx) };
      }),
  };
}

const longestValue = 200;

/** A value as a clause shows it. */
export function shown(value: string): string {
  return value.length > longestValue ? `${value.slice(0, longestValue)}…` : value;
}
