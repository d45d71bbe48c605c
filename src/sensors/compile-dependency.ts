import { compileGlob, isGlob } from "../expressions/glob.ts";
import type { TemplateOptions } from "../expressions/go-template.ts";
import { digest } from "../lib/digest.ts";
import type { Event } from "../lib/event.ts";
import type { Path } from "../lib/finding.ts";
import { canonicalJson } from "../lib/json.ts";
import type { CheckSchema, SchemaFault } from "../schemas/check.ts";
import { compileWritten, type UsedSchema } from "../schemas/compile-written.ts";
import type { DependencySpec } from "./dependency-schema.ts";
import { compileFilters, type Filters } from "./filters/index.ts";
import { viewOf } from "./filters/view.ts";
import type { Clause, DependencyPlan, EvaluateContext, Evaluation } from "./plan.ts";
import type { Report } from "./report.ts";
import { compileTransform, type Transform, transformClause } from "./transform.ts";

interface Place {
  readonly path: Path;
  readonly report: Report;
  readonly env: TemplateOptions;
}

export function compileDependency(spec: DependencySpec, place: Place): DependencyPlan {
  const { path, report } = place;
  const transform = compileTransform(spec.transform, { path: [...path, "transform"], report });
  const glob = compileNames(spec, place);
  const filters = compileFilters(spec, place);
  const schema = compileSchemaOf(spec, place);
  const evaluate: DependencyPlan["evaluate"] =
    transform === undefined ? (event, cx) => filter(filters, event, cx) : transformFirst(transform, filters);
  return {
    name: spec.name,
    eventSource: spec.eventSourceName,
    event: spec.eventName,
    ...(glob === undefined ? {} : { glob }),
    ...(schema === undefined ? {} : { schema: schema.bundle }),
    hash: digest(canonicalJson(spec)).slice(0, 16),
    evaluate: schema === undefined ? evaluate : schemaLast(schema.check, evaluate),
    // the literal of a filter stands in what the transform makes
    ...(filters.demand === undefined || transform !== undefined ? {} : { literal: filters.demand }),
  };
}

/** undefined where both names stand for themselves only. */
function compileNames(spec: DependencySpec, { path, report }: Place): DependencyPlan["glob"] {
  const { eventSourceName, eventName } = spec;
  if (!isGlob(eventSourceName) && !isGlob(eventName)) return undefined;
  const source = report.expression([...path, "eventSourceName"], () => compileGlob(eventSourceName));
  const event = report.expression([...path, "eventName"], () => compileGlob(eventName));
  if (source === undefined || event === undefined) return undefined;
  return (fromSource, named) => source.test(fromSource) && event.test(named);
}

function filter(filters: Filters, event: Event, cx: EvaluateContext): Evaluation {
  const view = viewOf(event, cx.view);
  const passed = filters.passes(view, cx);
  return { passed, event, clauses: cx.explain === true ? filters.explain(view, cx) : noClauses };
}

/** The transform comes before the filters; an event that it cannot change passes none (reference 3.2, 3.3). */
function transformFirst(transform: Transform, filters: Filters): DependencyPlan["evaluate"] {
  return (event, cx) => {
    const done = transform.apply(viewOf(event, cx.view), cx);
    const clauses = cx.explain === true ? [transformClause(done)] : noClauses;
    if ("fault" in done) return { passed: false, event, clauses, untransformed: true };
    const evaluation = filter(filters, done.event, cx);
    return cx.explain === true ? { ...evaluation, clauses: [...clauses, ...evaluation.clauses] } : evaluation;
  };
}

/**
 * The schema describes what arrives, so that it is asked about the event before the transform; the filters say which events
 * are meant, so that it is asked about those alone. What the transform cannot read may be just what the schema forbids.
 */
function schemaLast(check: CheckSchema, evaluate: DependencyPlan["evaluate"]): DependencyPlan["evaluate"] {
  return (event, cx) => {
    const evaluation = evaluate(event, cx);
    if (!evaluation.passed && evaluation.untransformed !== true) return evaluation;
    const fault = check(event.data);
    const clauses = cx.explain === true ? [...evaluation.clauses, schemaClause(fault)] : evaluation.clauses;
    return fault === undefined ? { ...evaluation, clauses } : { passed: false, event, clauses, invalid: fault.message };
  };
}

function schemaClause(fault: SchemaFault | undefined): Clause {
  const reason = fault === undefined ? "the data matches the schema" : fault.message;
  return { kind: "schema", index: 0, passed: fault === undefined, reason };
}

function compileSchemaOf(spec: DependencySpec, { path, report }: Place): UsedSchema | undefined {
  if (spec.schema === undefined || spec.schema === null) return undefined;
  const { schema, findings } = compileWritten(spec.schema, [...path, "schema"]);
  report.findings.push(...findings);
  return schema;
}

const noClauses: Evaluation["clauses"] = [];
