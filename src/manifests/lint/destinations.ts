import { ExpressionError } from "../../expressions/fault.ts";
import { compilePath, get } from "../../expressions/gjson.ts";
import type { Parameter } from "../../kit/trigger.ts";
import type { Finding, Path } from "../../lib/finding.ts";
import { isRecord } from "../../lib/json.ts";
import { own, recordAt } from "../json.ts";
import type { ParameterList, TriggerView } from "./view.ts";

/**
 * Parameters whose value does not arrive (reference 3.7): replaced by a later one, set behind the end of a list, or put
 * where a query finds nothing.
 */
export function* destinations(trigger: TriggerView): Iterable<Finding> {
  for (const list of trigger.parameters) {
    if (list.of === "payload") yield* payload(list);
    if (list.of === "trigger" || list.of === "parameters") yield* replaced(list);
  }
  yield* intoResource(trigger);
}

function lost(path: Path, message: string, fix: string): Finding {
  return { severity: "warning", code: "DEST_LOST", path, message, fix };
}

/** A payload begins empty, each parameter in its order. */
function* payload({ path, items }: ParameterList): Iterable<Finding> {
  const bodies = items.findIndex(({ dest }) => dest === "");
  if (bodies !== -1 && items.length > 1) {
    const message =
      'a parameter with `dest: ""` is the whole body: what comes after it is ignored, what came before is replaced';
    yield lost([...path, bodies, "dest"], message, "Keep this parameter alone, or give it a dest.");
    return;
  }
  const lengths = new Map<string, number>();
  for (const [i, { dest }] of items.entries()) {
    const at = [...path, i, "dest"];
    if (/(?<!\\)[|#@*?]/.test(dest)) {
      yield lost(
        at,
        `${dest} searches for what is there, and the body begins empty: nothing is set`,
        "Write a plain path.",
      );
      continue;
    }
    const behind = sparse(dest, lengths);
    if (behind !== undefined) yield lost(at, behind, "Number the entries of a list from 0, without gaps.");
  }
  yield* replaced({ of: "payload", path, items });
}

/** An index behind the end of a list that this payload makes; undefined where there is none. */
function sparse(dest: string, lengths: Map<string, number>): string | undefined {
  const steps = dest.split(/(?<!\\)\./);
  let around = "";
  for (const step of steps) {
    if (/^\d{1,6}$/.test(step)) {
      const length = lengths.get(around) ?? 0;
      const index = Number(step);
      lengths.set(around, Math.max(length, index + 1));
      if (index > length) return `the list ${around || "of the body"} has ${length} entries before: null fills the gap`;
    }
    around = around === "" ? step : `${around}.${step}`;
  }
  return undefined;
}

/** Parameters that are compared with each other, which costs their square. */
const maxParameters = 300;

/** A later parameter that sets the same place or one around it. Of another dependency it may be the fallback. */
function* replaced({ path, items }: ParameterList): Iterable<Finding> {
  if (items.length > maxParameters) return;
  for (const [i, item] of items.entries()) {
    const later = items.findIndex((one, j) => j > i && covers(one, item));
    if (later === -1 || item.dest === "") continue;
    const message = `what is set here is replaced by parameter ${later}, which sets ${items[later]?.dest}`;
    yield lost([...path, i, "dest"], message, "Give one of the two another dest, or put the inner one behind.");
  }
}

function covers(later: Parameter, earlier: Parameter): boolean {
  if (later.operation === "append" || later.operation === "prepend") return false;
  if (later.src.dependencyName !== earlier.src.dependencyName || later.dest === "" || /[|#@*?]/.test(later.dest))
    return false;
  return earlier.dest === later.dest || earlier.dest.startsWith(`${later.dest}.`);
}

/** Into an object that is written in place it can be seen whether the place is there. */
function* intoResource({ kind, config, parameters, spec }: TriggerView): Iterable<Finding> {
  if (kind !== "k8s" && kind !== "argoWorkflow") return;
  const resource = own(recordAt(config, "source"), "resource");
  const changed = (spec.parameters ?? []).some(({ dest }) => dest.includes("resource"));
  if (!isRecord(resource) || changed || config.liveObject === true) return;
  const text = JSON.stringify(resource);
  for (const list of parameters.filter(({ of }) => of === "parameters")) {
    for (const [i, { dest }] of list.items.entries()) {
      const at = [...list.path, i, "dest"];
      if (/(?<!\\)[|#@*?]/.test(dest)) {
        if (!found(text, dest))
          yield lost(at, `${dest} finds nothing in the object: nothing is set`, "Correct the query.");
        continue;
      }
      const gap = gapIn(resource, dest);
      if (gap !== undefined) yield lost(at, gap, "Correct the index, or add the entries before it.");
    }
  }
}

function found(json: string, path: string): boolean {
  try {
    return get(json, compilePath(path)).exists;
  } catch (cause) {
    if (cause instanceof ExpressionError) return true;
    throw cause;
  }
}

function gapIn(object: unknown, dest: string): string | undefined {
  let value = object;
  const steps = dest.split(/(?<!\\)\./).map((step) => step.replaceAll("\\", ""));
  for (const [i, step] of steps.entries()) {
    if (Array.isArray(value)) {
      const index = Number(step);
      if (step === "-1") return undefined;
      const place = steps.slice(0, i).join(".");
      if (!/^\d+$/.test(step)) return `${place} is a list: ${step} is no index of it`;
      if (index > value.length) return `${place} has ${value.length} entries: null fills the gap up to ${index}`;
      value = value[index];
    } else if (isRecord(value)) value = own(value, step);
    else return undefined;
  }
  return undefined;
}
