import type { TemplateOptions } from "../expressions/go-template.ts";
import type { Event } from "../lib/event.ts";
import type { Path } from "../lib/finding.ts";
import { digest } from "./digest.ts";
import { compileFilters, type Filters } from "./filters/index.ts";
import { viewOf } from "./filters/view.ts";
import { canonicalJson } from "./json.ts";
import type { DependencyPlan, EvaluateContext, Evaluation } from "./plan.ts";
import type { Report } from "./report.ts";
import type { DependencySpec } from "./schema.ts";

interface Place {
  readonly path: Path;
  readonly report: Report;
  readonly env: TemplateOptions;
}

export function compileDependency(spec: DependencySpec, place: Place): DependencyPlan {
  const { path, report } = place;
  const transform = spec.transform;
  if ((transform?.jq ?? "") !== "" || (transform?.script ?? "") !== "") {
    const key = (transform?.jq ?? "") !== "" ? "jq" : "script";
    const code = "EXPRESSION_UNSUPPORTED";
    report.error([...path, "transform", key], `transforms with ${key} are not supported yet`, { code });
  }
  for (const key of ["eventSourceName", "eventName"] as const) {
    // Globs work on Argo's STAN bus only (reference 3.1); everywhere else names are compared for equality.
    if (/[*?]/.test(spec[key])) report.warn([...path, key], "names are compared exactly: no event has this one");
  }
  const filters = compileFilters(spec, place);
  return {
    name: spec.name,
    eventSource: spec.eventSourceName,
    event: spec.eventName,
    hash: digest(canonicalJson(spec)).slice(0, 16),
    evaluate: (event, cx) => evaluate(filters, event, cx),
    ...(filters.demand === undefined ? {} : { literal: filters.demand }),
  };
}

function evaluate(filters: Filters, event: Event, cx: EvaluateContext): Evaluation {
  const view = viewOf(event, cx.view);
  const passed = filters.passes(view, cx);
  return { passed, event, clauses: cx.explain === true ? filters.explain(view, cx) : noClauses };
}

const noClauses: Evaluation["clauses"] = [];
