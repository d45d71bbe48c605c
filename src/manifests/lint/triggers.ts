import { parseConditions } from "../../expressions/conditions.ts";
import { ExpressionError } from "../../expressions/fault.ts";
import type { Finding } from "../../lib/finding.ts";
import { own, recordAt } from "../json.ts";
import { passesNothing } from "./never.ts";
import type { SensorView, TriggerView } from "./view.ts";

/** Traps of single triggers. */
export function* triggerTraps(trigger: TriggerView): Iterable<Finding> {
  yield* serial(trigger);
  yield* resetZone(trigger);
  yield* quotedBackoff(trigger);
}

function* serial({ spec, path, parent }: TriggerView): Iterable<Finding> {
  if (spec.atLeastOnce !== true || spec.concurrency !== undefined || parent !== undefined) return;
  if (["orderBy", "batch"].some((key) => own({ ...spec }, key) !== undefined)) return;
  const message = "firings run one after the other: one that is slow or waits for its retry holds all that follow";
  const found = {
    severity: "warning",
    code: "TRIGGER_SERIAL",
    path: [...path, "atLeastOnce"],
    key: true,
    message,
  } as const;
  const fix = "Write `concurrency: 8` to let so many run at once, or `concurrency: 1` if one at a time is meant.";
  yield spec.dlqTrigger === undefined ? found : { ...found, fix };
}

/**
 * A message that stays on its queue until all is done comes again when something died, and each time it dies the
 * `dlqTrigger` runs: beside what the queue's own redrive policy does with it.
 */
export function* deadTwice({ dependencies, triggers }: SensorView): Iterable<Finding> {
  const kept = Array.from(dependencies.values(), ({ entry }) => entry?.plan).find(
    (plan) => own(recordAt(plan?.config), "ackPolicy") === "onTriggered",
  );
  if (kept === undefined) return;
  for (const { spec, path, parent } of triggers) {
    if (spec.dlqTrigger === undefined || parent !== undefined) continue;
    const message = `runs each time that a message of ${kept.eventSource}/${kept.event} comes again and fails again`;
    yield { severity: "warning", code: "DEAD_TWICE", path: [...path, "dlqTrigger"], key: true, message };
  }
}

function* resetZone({ spec, path }: TriggerView): Iterable<Finding> {
  for (const [i, { byTime }] of spec.template.conditionsReset?.entries() ?? []) {
    if (byTime.timezone || /^(CRON_)?TZ=/.test(byTime.cron)) continue;
    const at = [...path, "template", "conditionsReset", i, "byTime"];
    yield {
      severity: "warning",
      code: "RESET_ZONE",
      path: [...at, "cron"],
      message: `${byTime.cron} is counted in UTC`,
    };
  }
}

function* quotedBackoff({ spec, path }: TriggerView): Iterable<Finding> {
  const policy = spec.policy?.k8s?.backoff;
  for (const [backoff, at] of [
    [spec.retryStrategy, ["retryStrategy"]],
    [policy, ["policy", "k8s", "backoff"]],
  ] as const) {
    for (const key of ["factor", "jitter"] as const) {
      const text = backoff?.[key];
      if (typeof text !== "string" || text.trim() === "" || !Number.isFinite(Number(text))) continue;
      const message = `${key} is a text: Argo Events never runs such a trigger`;
      const fix = `Remove the quotes: ${text}.`;
      yield {
        severity: "warning",
        code: "BACKOFF_QUOTED",
        path: [...path, ...at, key],
        message,
        fix,
        repair: { do: "unquote" },
      };
    }
  }
}

/** Triggers whose conditions need a dependency that never gets an event. */
export function* unreachable({ dependencies, triggers }: SensorView): Iterable<Finding> {
  const dead = new Set<string>();
  for (const [name, dependency] of dependencies) {
    if (dependency.eventless || passesNothing(dependency)) dead.add(name);
  }
  if (dead.size === 0) return;
  for (const { spec, path, parent } of triggers) {
    if (parent !== undefined) continue;
    const conditions = conditionsOf(spec.template.conditions, [...dependencies.keys()]);
    if (conditions === undefined || conditions.satisfied((name) => !dead.has(name))) continue;
    const needed = conditions.names.filter((name) => dead.has(name)).join(", ");
    const message = `${spec.template.name} never fires: no event comes for ${needed}`;
    yield { severity: "warning", code: "TRIGGER_UNREACHABLE", path: [...path, "template", "name"], message };
  }
}

export function conditionsOf(text: string | undefined, names: readonly string[]) {
  try {
    return parseConditions(text, names);
  } catch (cause) {
    if (cause instanceof ExpressionError) return undefined;
    throw cause;
  }
}

/** Names that Argo Events takes for one (reference 3.5, F5). */
export function* collidingNames({ dependencies }: SensorView): Iterable<Finding> {
  const seen = new Map<string, string>();
  for (const [name, { path }] of dependencies) {
    const plain = name.replaceAll("-", "_");
    const other = seen.get(plain);
    seen.set(plain, other ?? name);
    if (other === undefined || other === name) continue;
    const message = `Argo Events takes ${name} and ${other} for one dependency`;
    yield { severity: "warning", code: "NAME_COLLISION", path: [...path, "name"], message };
  }
}

/** The bus of a Sensor refuses two dependencies on one event (reference 7.3, STAN). */
export function* eventTwice({ spec }: SensorView, busKind: string | undefined): Iterable<Finding> {
  if (busKind !== "nats") return;
  const seen = new Map<string, string>();
  for (const [i, { name, eventSourceName, eventName }] of spec.dependencies.entries()) {
    const key = JSON.stringify([eventSourceName, eventName]);
    const other = seen.get(key);
    seen.set(key, other ?? name);
    if (other === undefined) continue;
    const message = `${name} takes the same event as ${other}, which a NATS Streaming bus refuses`;
    yield { severity: "error", code: "EVENT_TWICE", path: ["spec", "dependencies", i, "eventName"], message };
  }
}
