import type { z } from "zod";
import type { Parameter } from "../../kit/trigger.ts";
import type { Path } from "../../lib/finding.ts";
import type { JsonObject } from "../../lib/json.ts";
import { parameterLists } from "../../sensors/compile-parameters.ts";
import type { DependencySpec } from "../../sensors/dependency-schema.ts";
import { withoutNulls } from "../../sensors/json.ts";
import { type SensorSpec, sensorSpecSchema, type TriggerSpec, triggerSchema } from "../../sensors/schema.ts";
import type { PlannedEntry } from "../event-source.ts";
import { own, recordAt } from "../json.ts";
import type { Lists } from "../lists.ts";
import type { ManifestObject } from "../objects.ts";
import { knownTriggers, type PlannedSensor, typeOf } from "../sensor.ts";

/** A Sensor as the lint rules see it: of the right shape, with what its dependencies lead to. */
export interface SensorView {
  readonly manifest: ManifestObject;
  readonly planned: PlannedSensor;
  readonly spec: SensorSpec;
  readonly dependencies: ReadonlyMap<string, DependencyView>;
  /** Triggers, and their `dlqTrigger`s after them. */
  readonly triggers: readonly TriggerView[];
}

export interface DependencyView {
  readonly spec: DependencySpec;
  readonly path: Path;
  /** The entry of an EventSource among the manifests that its events come from; undefined: not known. */
  readonly entry: PlannedEntry | undefined;
  /** The EventSource is among the manifests, and does not have this event. */
  readonly eventless: boolean;
}

export interface TriggerView {
  readonly path: Path;
  readonly spec: TriggerSpec;
  readonly kind: string | undefined;
  /** What stands under the type's key. */
  readonly config: JsonObject;
  /** Of that configuration; undefined: the type is not known. */
  readonly schema: z.ZodType | undefined;
  readonly parameters: readonly ParameterList[];
  /** It is the `dlqTrigger` of this one. */
  readonly parent: TriggerView | undefined;
}

export interface ParameterList {
  /** Beside the template, or a list of the type's own. */
  readonly of: "trigger" | "parameters" | "payload" | "dynamicHeaders";
  readonly path: Path;
  readonly items: readonly Parameter[];
}

/** What the lint rules need to know of the other manifests. */
export interface Surroundings {
  readonly lists: Lists;
  entry(namespace: string, eventSource: string, event: string): PlannedEntry | undefined;
  /** undefined: no such EventSource is among the manifests, or it cannot be read. */
  events(namespace: string, eventSource: string): ReadonlySet<string> | undefined;
  /** Whether a trigger may put this event on a bus of the namespace. */
  put(namespace: string, eventSource: string, event: string): boolean;
}

/** undefined where the Sensor has another shape than it must have: that is told already. */
export function viewSensor(
  manifest: ManifestObject,
  planned: PlannedSensor,
  around: Surroundings,
): SensorView | undefined {
  const read = sensorSpecSchema.safeParse(withoutNulls(own(manifest.value, "spec")));
  if (!read.success) return undefined;
  const spec = read.data;
  const dependencies = new Map<string, DependencyView>();
  for (const [i, dependency] of spec.dependencies.entries()) {
    const { eventSourceName, eventName } = dependency;
    const events = around.events(manifest.namespace, eventSourceName);
    const glob = /[*?[{]/.test(eventSourceName + eventName);
    dependencies.set(dependency.name, {
      spec: dependency,
      path: ["spec", "dependencies", i],
      entry: around.entry(manifest.namespace, eventSourceName, eventName),
      eventless:
        !glob &&
        events !== undefined &&
        !events.has(eventName) &&
        !around.put(manifest.namespace, eventSourceName, eventName),
    });
  }
  const triggers = spec.triggers.flatMap((trigger, i) =>
    viewTriggers(trigger, { path: ["spec", "triggers", i], lists: around.lists }),
  );
  return { manifest, planned, spec, dependencies, triggers };
}

interface TriggerPlace {
  readonly path: Path;
  readonly lists: Lists;
  readonly parent?: TriggerView;
}

function viewTriggers(spec: TriggerSpec, { path, lists, parent }: TriggerPlace): TriggerView[] {
  const template = recordAt(spec.template);
  const kind = knownTriggers(lists).all.find((one) => (own(template, one) ?? undefined) !== undefined);
  const config = kind === undefined ? {} : recordAt(own(template, kind));
  const parameters: ParameterList[] = [
    { of: "trigger", path: [...path, "parameters"], items: spec.parameters ?? [] },
    ...parameterLists(config).map(({ key, parameters: items }) => ({
      of: key as ParameterList["of"],
      path: [...path, "template", kind ?? "", key],
      items,
    })),
  ];
  const schema = kind === undefined ? undefined : typeOf(kind, lists)?.config;
  const view: TriggerView = { path, spec, kind, config, schema, parameters, parent };
  const dlq = parent === undefined ? triggerSchema.safeParse(spec.dlqTrigger) : undefined;
  if (dlq?.success !== true) return [view];
  return [view, ...viewTriggers(dlq.data, { path: [...path, "dlqTrigger"], lists, parent: view })];
}
