import type { DependencySpec } from "../dependency-schema.ts";
import type { Clause } from "../plan.ts";
import { compileContext } from "./context.ts";
import { compileData, type Demand } from "./data.ts";
import { compileExprs } from "./exprs.ts";
import { type Filter, type FilterContext, type FilterPlace, operatorOf } from "./filter.ts";
import { compilePattern } from "./pattern.ts";
import { compileScript } from "./script.ts";
import { compileTime } from "./time.ts";
import type { EventView } from "./view.ts";

/** All filters of a dependency. */
export interface Filters {
  passes(view: EventView, cx: FilterContext): boolean;
  explain(view: EventView, cx: FilterContext): readonly Clause[];
  /** What the data must have for `passes` to be true, unless the event has no data. */
  readonly demand: Demand | undefined;
}

const noFilters: Filters = { passes: () => true, explain: () => [], demand: undefined };

/**
 * `filters` with `filtersLogicalOperator` (reference 3.4). `and`: every type that is given must pass. `or`: one that
 * passes is enough, and one that errs counts as false (Argo Events then rejects the event, against its own docs: F1).
 */
export function compileFilters(dependency: DependencySpec, place: FilterPlace): Filters {
  const spec = dependency.filters;
  if (spec === undefined) return noFilters;
  const at = (key: string): FilterPlace => ({ ...place, path: [...place.path, "filters", key] });
  const types: Filter[] = [];
  if (spec.exprs !== undefined) types.push(compileExprs(spec.exprs, operatorOf(spec.exprLogicalOperator), at("exprs")));
  const data =
    spec.data === undefined ? undefined : compileData(spec.data, operatorOf(spec.dataLogicalOperator), at("data"));
  if (data !== undefined) types.push(data);
  if (spec.context !== undefined) types.push(compileContext(spec.context, at("context")));
  if (spec.time !== undefined) {
    const time = compileTime(spec.time, at("time"));
    if (time !== undefined) types.push(time);
  }
  if (spec.script !== undefined && spec.script !== "") {
    const script = compileScript(spec.script, at("script"));
    if (script !== undefined) types.push(script);
  }
  if (spec.pattern !== undefined) {
    const pattern = compilePattern(spec.pattern, at("pattern"));
    if (pattern !== undefined) types.push(pattern);
  }
  const operator = operatorOf(dependency.filtersLogicalOperator);
  if (operator === "or" && types.length === 0)
    place.report.warn([...place.path, "filters"], "no filter is given: with operator or, no event passes");
  return join(types, operator, data?.demand);
}

function join(types: readonly Filter[], operator: "and" | "or", demand: Demand | undefined): Filters {
  return {
    passes:
      operator === "or"
        ? (view, cx) => types.some((type) => type.passes(view, cx))
        : (view, cx) => types.every((type) => type.passes(view, cx)),
    explain: (view, cx) => types.flatMap((type) => type.explain(view, cx)),
    demand: operator === "and" ? demand : undefined,
  };
}
