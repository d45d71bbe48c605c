import type { z } from "zod";
import type { Finding, Path } from "../../lib/finding.ts";
import { triggerKinds } from "../../sensors/compile-trigger.ts";
import { sensorSpecSchema, triggerSchema } from "../../sensors/schema.ts";
import type { PlannedEntry } from "../event-source.ts";
import { fieldsAt } from "../fields-at.ts";
import { own } from "../json.ts";
import { argoSources } from "../types/argo-sources.ts";
import { sensorBehaviour } from "./portable-sensors.ts";
import { sourceBehaviour } from "./portable-sources.ts";
import type { SensorView } from "./view.ts";

/** What Argo Events does not know in a Sensor, and where it does something else with it. */
export function* portableSensor(view: SensorView): Iterable<Finding> {
  yield* extensions(sensorSpecSchema, view.spec, ["spec"]);
  for (const { path, kind, config, schema, parent } of view.triggers) {
    if (parent !== undefined) yield* extensions(triggerSchema, parent.spec.dlqTrigger, path);
    if (kind === undefined) continue;
    const at = [...path, "template", kind];
    if (!triggerKinds.includes(kind)) yield extension(at, `the trigger type ${kind}`);
    else if (schema !== undefined) yield* extensions(schema, config, at);
  }
  for (const { spec, path } of view.dependencies.values()) {
    for (const key of ["eventSourceName", "eventName"] as const) {
      if (!/[*?[{]/.test(spec[key])) continue;
      yield { ...extension([...path, key], `a pattern in ${key}`, false), fix: "Write a dependency for each event." };
    }
  }
  yield* sensorBehaviour(view);
}

/** The same of one entry of an EventSource. */
export function* portableEntry({ plan, path }: PlannedEntry, schema: z.ZodType | undefined): Iterable<Finding> {
  if (!argoSources.has(plan.kind)) {
    yield extension(path, `the event source type ${plan.kind}`);
    return;
  }
  if (plan.schema !== undefined) yield extension([...path, "schema"], "schema");
  if (schema !== undefined) yield* extensions(schema, plan.config, path);
  for (const found of sourceBehaviour(plan.kind, plan.config)) yield { ...found, path: [...path, ...found.path] };
}

function* extensions(schema: z.ZodType, value: unknown, path: Path): Iterable<Finding> {
  for (const field of fieldsAt(schema, value, path)) {
    if (field.meta.extension === true) yield extension(field.path, String(field.path.at(-1)));
  }
}

function extension(path: Path, what: string, key = true): Finding {
  const message = `${what} is an extension of tidemill: Argo Events does not know it`;
  return { severity: "warning", code: "EXTENSION_USED", path, key, message };
}

/** Two types of event sources on one port: each type has a server of its own in Argo Events (reference 1.4). */
export function* sharedPorts(entries: readonly PlannedEntry[], portOf: (entry: PlannedEntry) => string | undefined) {
  const holders = new Map<string, PlannedEntry>();
  for (const entry of entries) {
    const port = portOf(entry);
    // An EventSource is a pod of its own there.
    const key = port === undefined ? undefined : `${entry.plan.namespace} ${entry.plan.eventSource} ${port}`;
    const holder = key === undefined ? undefined : holders.get(key);
    if (key === undefined || holder?.plan.kind === entry.plan.kind) continue;
    if (holder === undefined) {
      holders.set(key, entry);
      continue;
    }
    const message = `port ${port} is also that of ${holder.plan.kind} ${holder.plan.event}: in Argo Events the second of two types on a port is never served`;
    const inline = own(Object(entry.plan.config), "port") !== undefined;
    const path = [...entry.path, ...(inline ? [] : ["webhook"]), "port"];
    yield {
      entry,
      finding: { severity: "warning", code: "DIFFERS_UPSTREAM", path, message, fix: "Use another port." } as Finding,
    };
  }
}
