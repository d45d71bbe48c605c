import type { Finding, Path } from "../lib/finding.ts";
import { triggerKinds } from "../sensors/compile-trigger.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import { sensorSpecSchema, triggerSchema } from "../sensors/schema.ts";
import { isRecord, type JsonObject, own, recordAt, textAt } from "./json.ts";
import type { Lists } from "./lists.ts";
import type { ManifestObject } from "./objects.ts";
import { sensorKey } from "./sensor-keys.ts";
import { shape, unknownFields } from "./shape.ts";
import { describedTriggers } from "./types/trigger-types.ts";

/** A dependency as written, for looking up its event. */
interface WrittenDependency {
  readonly eventSource: string;
  readonly event: string;
  readonly path: Path;
}

export interface PlannedSensor {
  readonly plan: SensorPlan | undefined;
  readonly bus: string;
  readonly dependencies: readonly WrittenDependency[];
  readonly findings: readonly Finding[];
}

interface TriggerTypes {
  readonly kinds: readonly string[];
  readonly lists: Lists;
}

/** Checks a Sensor and compiles it: it runs whole or not at all. */
export function planSensor(manifest: ManifestObject, lists: Lists): PlannedSensor {
  const spec = recordAt(manifest.value, "spec");
  const bus = textAt(spec, "eventBusName") ?? "default";
  const extensions = lists.triggers.map(({ kind }) => kind).filter((kind) => !triggerKinds.includes(kind));
  const kinds = [...triggerKinds, ...extensions];
  const types = { kinds, lists };
  const findings: Finding[] = [];
  findings.push(
    ...unknownFields(sensorSpecSchema, spec, { path: ["spec"], unknown: sensorKey(manifest.value, kinds) }).findings,
  );
  for (const [index, trigger] of listAt(spec, "triggers").entries()) {
    findings.push(...checkTrigger(trigger, ["spec", "triggers", index], { ...types, root: manifest.value }));
  }
  const { namespace, name, folder } = manifest;
  const compiled = lists.compileSensor(manifest.value, { namespace, name, bus, folder, kinds: extensions });
  findings.push(...compiled.findings);
  const failed = findings.some(({ severity }) => severity === "error");
  return { plan: failed ? undefined : compiled.plan, bus, dependencies: written(spec), findings };
}

/** The settings of the type that runs, and the `dlqTrigger` inside. */
function checkTrigger(trigger: unknown, path: Path, types: TriggerTypes & { readonly root: JsonObject }): Finding[] {
  const findings: Finding[] = [];
  const template = recordAt(trigger, "template");
  const kind = types.kinds.find((one) => (own(template, one) ?? undefined) !== undefined);
  if (kind !== undefined)
    findings.push(...checkType(kind, template[kind], { path: [...path, "template", kind], types }));
  const dlq = own(recordAt(trigger), "dlqTrigger");
  if (isRecord(dlq)) {
    const at = [...path, "dlqTrigger"];
    const unknown = unknownFields(triggerSchema, dlq, { path: at, unknown: sensorKey(types.root, types.kinds) });
    findings.push(...unknown.findings, ...checkTrigger(dlq, at, types));
  }
  return findings;
}

function checkType(kind: string, config: unknown, at: { path: Path; types: TriggerTypes }): Finding[] {
  const { path } = at;
  const connector = at.types.lists.triggers.find((one) => one.kind === kind);
  const type = connector ?? describedTriggers.find((one) => one.kind === kind);
  if (type === undefined) return [];
  const shaped = shape(type.config, config, { path, unknown: (unknown) => typeKey(kind, unknown) });
  const findings = [...shaped.findings];
  if (connector === undefined) {
    const message = `${kind} has no connector yet: what fires here becomes a dead letter`;
    findings.push({ severity: "warning", code: "TRIGGER_UNSUPPORTED", path, key: true, message });
  }
  if (findings.some(({ severity }) => severity === "error")) return findings;
  for (const found of type.lint?.(shaped.value) ?? []) findings.push({ ...found, path: [...path, ...found.path] });
  return findings;
}

/** Keys that older versions or the documentation of Argo Events have, and that do nothing (reference 10.3). */
function typeKey(kind: string, path: Path): Partial<Finding> | undefined {
  const key = String(path.at(-1));
  if (path.at(-2) !== kind) return undefined;
  if (kind === "http" && key === "serverURL") {
    return { code: "FIELD_MISPLACED", message: "serverURL has no effect: the key is url", fix: "Write url." };
  }
  if (kind === "k8s" && ["group", "version", "resource"].includes(key)) {
    const message = `${key} has no effect here: the object says its own kind and version`;
    return { code: "FIELD_MISPLACED", message, fix: "Remove it." };
  }
  return undefined;
}

function listAt(object: JsonObject, key: string): readonly unknown[] {
  const value = own(object, key);
  return Array.isArray(value) ? value : [];
}

function written(spec: JsonObject): WrittenDependency[] {
  return listAt(spec, "dependencies").flatMap((dependency, index) => {
    const eventSource = textAt(recordAt(dependency), "eventSourceName");
    const event = textAt(recordAt(dependency), "eventName");
    if (eventSource === undefined || event === undefined) return [];
    return [{ eventSource, event, path: ["spec", "dependencies", index] }];
  });
}
