import type { Finding, Path } from "../../lib/finding.ts";
import { own, recordAt, textAt } from "../json.ts";
import { conditionsOf } from "./triggers.ts";
import type { SensorView, TriggerView } from "./view.ts";

/** Where Argo Events does something else with a Sensor (reference 3, 9): loses, crashes, or never starts a trigger. */
export function* sensorBehaviour(view: SensorView): Iterable<Finding> {
  for (const [name, { spec, path }] of view.dependencies) {
    if (/^[A-Za-z_][\w-]*$/.test(name) && !reserved.has(name)) {
      if (spec.filtersLogicalOperator === "or" && spec.filters !== undefined) {
        const message = "a filter that cannot be evaluated (a missing path) rejects the event there, also with or";
        yield differs(
          [...path, "filtersLogicalOperator"],
          message,
          "Write a dependency for each, joined by || in conditions.",
        );
      }
      continue;
    }
    const message = `a trigger whose conditions name ${JSON.stringify(name)} never starts there`;
    yield differs([...path, "name"], message, "Use letters, digits, - and _, with a letter first.");
  }
  for (const trigger of view.triggers) {
    yield* attempts(trigger);
    yield* ignoredParameters(trigger);
    yield* absentEvents(trigger, view);
  }
}

/** Words of the two languages that conditions go through there. */
const reserved = new Set(["in", "true", "false", "nil", "not", "and", "or", "matches", "contains", "let"]);

function differs(path: Path, message: string, fix: string, key = false): Finding {
  return { severity: "warning", code: "DIFFERS_UPSTREAM", path, message, fix, ...(key ? { key } : {}) };
}

function* attempts({ spec, path, kind, config }: TriggerView): Iterable<Finding> {
  if (spec.retryStrategy !== undefined && spec.atLeastOnce !== true) {
    const message = "without atLeastOnce there is one attempt there, whatever retryStrategy says";
    yield differs(
      [...path, "retryStrategy"],
      message,
      "Add `atLeastOnce: true`, and `concurrency` to keep firings beside each other here.",
      true,
    );
  }
  if (spec.rateLimit !== undefined) {
    const message = "up to 10 firings more go through there after a quiet time";
    yield differs([...path, "rateLimit"], message, "Nothing to do where a few more do no harm.", true);
  }
  if (kind === "http" && spec.policy?.status === undefined) {
    const message = "without policy.status every HTTP status is a success there; here 400 and above are failures";
    yield differs([...path, "template", "http"], message, "Add `policy: { status: { allow: [200] } }`.", true);
  }
  const patch = textAt(config, "patchStrategy");
  if (kind === "k8s" && (patch === "application/json-patch+json" || patch === "application/apply-patch+yaml")) {
    const message = `${patch} cannot succeed there`;
    yield differs([...path, "template", "k8s", "patchStrategy"], message, "Use application/merge-patch+json.");
  }
}

/** Types whose own `parameters` are worked out there and then not used (T2). */
const unusing: ReadonlySet<string> = new Set(["slack", "email", "nats"]);

function* ignoredParameters({ kind, config, path }: TriggerView): Iterable<Finding> {
  if (kind === undefined || !unusing.has(kind) || own(recordAt(config), "parameters") === undefined) return;
  const message = `parameters of ${kind} have no effect there`;
  const fix = `Write them beside template, with dest \`${kind}.…\`.`;
  yield differs([...path, "template", kind, "parameters"], message, fix, true);
}

/** A payload parameter of a dependency that a firing may be without crashes the sensor there (L3). */
function* absentEvents({ parameters, spec, parent }: TriggerView, { dependencies }: SensorView): Iterable<Finding> {
  const conditions = conditionsOf((parent?.spec ?? spec).template.conditions, [...dependencies.keys()]);
  if (conditions === undefined) return;
  for (const { of, path, items } of parameters) {
    if (of !== "payload" && of !== "dynamicHeaders") continue;
    for (const [i, { src }] of items.entries()) {
      const { dependencyName, value } = src;
      const absent = conditions.satisfied((name) => name !== dependencyName);
      if (value != null || !absent) continue;
      const message = `the sensor crashes there when it fires without an event of ${dependencyName}`;
      yield differs([...path, i, "src", "dependencyName"], message, "Give the parameter a `value`.");
    }
  }
}
