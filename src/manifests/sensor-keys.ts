import type { Finding, Path, Repair } from "../lib/finding.ts";
import type { JsonObject } from "../lib/json.ts";
import { triggerSchema } from "../sensors/schema.ts";
import { own, recordAt } from "./json.ts";
import { keysOf, type UnknownKey } from "./shape.ts";

/** Fields of a trigger, beside its template. */
const triggerKeys = new Set(keysOf(triggerSchema).filter((key) => key !== "template"));
const templateKeys = new Set(["name", "conditions", "conditionsReset"]);
const filterKeys = new Set([
  "data",
  "exprs",
  "context",
  "time",
  "script",
  "dataLogicalOperator",
  "exprLogicalOperator",
  "pattern",
]);
const dependencyKeys = new Set(["filtersLogicalOperator", "transform", "name", "eventName", "eventSourceName"]);
const renamed: ReadonlyMap<string, string> = new Map([
  ["eventSource", "eventSourceName"],
  ["event", "eventName"],
]);

/**
 * What is said of a key that a Sensor does not have, where more is known than that: Argo Events drops
 * `template.atLeastOnce`, `template.policy` and the like without a word (reference 10.3), so that the trigger does not do
 * what its manifest says.
 */
export function sensorKey(root: JsonObject, kinds: readonly string[]): UnknownKey {
  return (path) => {
    const key = String(path.at(-1));
    const parent = path.at(-2);
    const isTrigger = parent === "dlqTrigger" || (typeof parent === "number" && path.at(-3) === "triggers");
    if (parent === "template" && path.length > 3) {
      if (kinds.includes(key)) return "known";
      if (triggerKeys.has(key)) return misplaced(path, "beside template, in the trigger itself", "outer");
      // A template without any type is an error of its own, which names what was meant.
      return hasType(root, path, kinds) ? undefined : "known";
    }
    if (isTrigger && (templateKeys.has(key) || kinds.includes(key)))
      return misplaced(path, "inside template", { sibling: "template" });
    if (typeof parent === "number" && path.at(-3) === "dependencies") {
      if (filterKeys.has(key)) return misplaced(path, "inside filters", { sibling: "filters" });
      const meant = renamed.get(key);
      if (meant !== undefined)
        return {
          message: `${key} is not known here; did you mean ${meant}?`,
          fix: `Write ${meant}.`,
          repair: { do: "rename", to: meant },
        };
    }
    if (parent === "filters" && dependencyKeys.has(key))
      return misplaced(path, "beside filters, in the dependency", "outer");
    return undefined;
  };
}

type Place = Extract<Repair, { readonly do: "move" }>["to"];

function misplaced(path: Path, where: string, to: Place): Partial<Finding> {
  const key = String(path.at(-1));
  return {
    code: "FIELD_MISPLACED",
    message: `${key} has no effect here: it belongs ${where}`,
    fix: `Move it ${where}.`,
    repair: { do: "move", to },
  };
}

function hasType(root: JsonObject, path: Path, kinds: readonly string[]): boolean {
  let template: unknown = root;
  for (const key of path.slice(0, -1)) {
    template = Array.isArray(template) ? template[Number(key)] : own(recordAt(template), String(key));
  }
  return kinds.some((kind) => (own(recordAt(template), kind) ?? undefined) !== undefined);
}
