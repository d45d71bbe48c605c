import { didYouMean } from "../../lib/did-you-mean.ts";
import type { CodeName } from "../../lib/errors.ts";
import type { Finding, Path } from "../../lib/finding.ts";
import { isRecord } from "../../lib/json.ts";
import { own, recordAt } from "../json.ts";
import { argoSources } from "../types/argo-sources.ts";
import type { DependencyView, SensorView } from "./view.ts";

/** A place that reads the event's data by a path or a template. */
interface Reading {
  readonly dependency: string;
  readonly path: Path;
  readonly text: string;
  readonly template?: boolean;
  /** The path is a key of the manifest. */
  readonly key?: boolean;
}

/**
 * Paths that begin with a key which events of this type never have (usually `body.` is missing), and paths into a body
 * that is base64 text (reference 1.6). Only where the EventSource is among the manifests, and without a transform.
 */
export function* dataPaths(view: SensorView): Iterable<Finding> {
  for (const { dependency: name, path, text, template, key = false } of readings(view)) {
    const dependency = view.dependencies.get(name);
    const shape = dependency === undefined ? undefined : shapeOf(dependency);
    if (shape === undefined) continue;
    const steps = template === true ? templateSteps(text) : [plainSteps(text)];
    for (const written of steps) {
      const told = written === undefined ? undefined : judge(written, shape);
      if (told === undefined) continue;
      yield { severity: "warning", path, key, ...told };
      break;
    }
  }
}

function* readings({ dependencies, triggers }: SensorView): Iterable<Reading> {
  for (const [dependency, { spec, path }] of dependencies) {
    for (const [i, { path: text }] of spec.filters?.data?.entries() ?? [])
      yield { dependency, text, path: [...path, "filters", "data", i, "path"] };
    const pattern = recordAt(spec.filters?.pattern);
    for (const key of Object.keys(pattern)) {
      const text = isRecord(own(pattern, key)) ? `${key}.` : key;
      if (!key.startsWith("$")) yield { dependency, text, path: [...path, "filters", "pattern", key], key: true };
    }
    for (const [i, { fields }] of spec.filters?.exprs?.entries() ?? []) {
      for (const [j, field] of fields.entries())
        yield { dependency, text: field.path, path: [...path, "filters", "exprs", i, "fields", j, "path"] };
    }
  }
  for (const { parameters } of triggers) {
    for (const { path, items } of parameters) {
      for (const [i, { src }] of items.entries()) {
        const dependency = src.dependencyName;
        if (src.dataKey) yield { dependency, text: src.dataKey, path: [...path, i, "src", "dataKey"] };
        if (src.dataTemplate)
          yield { dependency, text: src.dataTemplate, path: [...path, i, "src", "dataTemplate"], template: true };
      }
    }
  }
}

interface DataShape {
  readonly kind: string;
  readonly keys: readonly string[];
  /** Why nothing is inside `body`. */
  readonly bare: string | undefined;
  readonly fix: string | undefined;
}

function shapeOf({ entry, spec }: DependencyView): DataShape | undefined {
  const known = entry === undefined ? undefined : argoSources.get(entry.plan.kind);
  if (entry === undefined || known?.keys === undefined || spec.transform !== undefined) return undefined;
  const { kind, eventSource, event } = entry.plan;
  const config = recordAt(entry.plan.config);
  // the data is what came in the envelope
  if (own(config, "envelope") !== undefined) return undefined;
  const raw = known.body === "jsonBody" && own(config, "jsonBody") !== true;
  const bare =
    known.body === "text"
      ? `the body of ${kind} events is text`
      : raw
        ? `the body of ${eventSource}/${event} is text, because jsonBody is not set`
        : undefined;
  return {
    kind,
    keys: [...known.keys, "metadata"],
    bare,
    fix: raw ? `Set \`jsonBody: true\` for ${eventSource}/${event}.` : undefined,
  };
}

function judge(steps: Steps, shape: DataShape): { code: CodeName; message: string; fix?: string } | undefined {
  const { first, deeper } = steps;
  if (shape.keys.includes(first)) {
    if (first !== "body" || !deeper || shape.bare === undefined) return undefined;
    const message = `${shape.bare}: nothing is inside`;
    return { code: "BODY_ENCODED", message, ...(shape.fix === undefined ? {} : { fix: shape.fix }) };
  }
  const meant = didYouMean(first, shape.keys);
  const under = shape.keys.includes("body")
    ? `body.${first}`
    : shape.keys.includes("values")
      ? `values.${first}`
      : undefined;
  const message = `the data of ${shape.kind} events has no "${first}" (it has ${shape.keys.join(", ")})`;
  const fix = meant === undefined ? under && `Write ${under}.` : `Did you mean ${meant}?`;
  return { code: "DATA_PATH_MISSING", message, ...(fix === undefined ? {} : { fix }) };
}

interface Steps {
  readonly first: string;
  readonly deeper: boolean;
}

/** The first key of a path that begins with a plain one; undefined for wildcards, modifiers and the like. */
function plainSteps(path: string): Steps | undefined {
  const [, first, next] = /^([A-Za-z_][\w-]*)(?:$|([.|]))/.exec(path) ?? [];
  return first === undefined
    ? undefined
    : { first, deeper: next !== undefined && !/^[.|]@/.test(path.slice(first.length)) };
}

/** `.Input.body.x` of a template's actions. */
function templateSteps(template: string): Steps[] {
  const actions = template.match(/\{\{[^{}]*\}\}/g) ?? [];
  return actions.flatMap((action) =>
    [...action.matchAll(/(?:^|[\s({|])\.Input\.([A-Za-z_]\w*)(\.)?/g)].map(([, first = "", dot]) => ({
      first,
      deeper: dot !== undefined,
    })),
  );
}
