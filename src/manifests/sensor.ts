import { missing, needs } from "../kit/rules.ts";
import type { Finding, Path } from "../lib/finding.ts";
import type { JsonObject } from "../lib/json.ts";
import { triggerKinds } from "../sensors/compile-trigger.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import { sensorSpecSchema, triggerSchema } from "../sensors/schema.ts";
import { codeChoosers } from "./function-modules.ts";
import { own, recordAt, textAt } from "./json.ts";
import type { Lists, TriggerType } from "./lists.ts";
import type { ManifestObject } from "./objects.ts";
import { sourceRules } from "./resource-rules.ts";
import { type ReadSchema, readSchema } from "./schema-files.ts";
import { sensorKey } from "./sensor-keys.ts";
import { shape } from "./shape.ts";
import type { DescribedType } from "./types/described.ts";
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
  readonly root: JsonObject;
}

/** Trigger types that this version knows: those of Argo Events, in its order, and extensions. */
export function knownTriggers(lists: Lists): {
  readonly all: readonly string[];
  readonly extensions: readonly string[];
} {
  const extensions = lists.triggers.map(({ kind }) => kind).filter((kind) => !triggerKinds.includes(kind));
  return { all: [...triggerKinds, ...extensions], extensions };
}

/** Checks a Sensor and compiles it: it runs whole or not at all. */
export function planSensor(manifest: ManifestObject, lists: Lists): PlannedSensor {
  const spec = recordAt(manifest.value, "spec");
  const bus = textAt(spec, "eventBusName") ?? "default";
  const { all: kinds, extensions } = knownTriggers(lists);
  const types = { kinds, lists, root: manifest.value };
  const unknown = sensorKey(manifest.value, kinds);
  const shapes = [...shape(sensorSpecSchema, own(manifest.value, "spec") ?? {}, { path: ["spec"], unknown }).findings];
  const findings: Finding[] = [];
  for (const [index, trigger] of listAt(spec, "triggers").entries()) {
    const checked = checkTrigger(trigger, ["spec", "triggers", index], types);
    shapes.push(...checked.shapes);
    findings.push(...checked.findings);
  }
  for (const [index, notification] of listAt(spec, "notifications").entries())
    findings.push(...checkNotification(notification, ["spec", "notifications", index], types));
  const { namespace, name, folder } = manifest;
  // What has another shape than it must have is said above, in better words than a compiler has.
  const compiled = shapes.some(({ severity }) => severity === "error")
    ? { plan: undefined, findings: [] }
    : compileWith(manifest, lists, { namespace, name, bus, folder, kinds: extensions });
  const all = [...shapes, ...findings, ...compiled.findings];
  const failed = all.some(({ severity }) => severity === "error");
  return { plan: failed ? undefined : compiled.plan, bus, dependencies: written(spec), findings: all };
}

/** The schemas of its dependencies are read from their files first: the plan has them whole. */
function compileWith(manifest: ManifestObject, lists: Lists, cx: Parameters<Lists["compileSensor"]>[1]) {
  const spec = recordAt(manifest.value, "spec");
  const reads: ReadSchema[] = [];
  const dependencies = listAt(spec, "dependencies").map((dependency, index) => {
    const { schema, ...rest } = recordAt(dependency);
    if (schema === undefined || schema === null) return dependency;
    const path = ["spec", "dependencies", index, "schema"];
    const read = readSchema(schema, { path, folder: manifest.folder, readText: lists.readText });
    reads.push(read);
    return read.value === undefined ? rest : { ...rest, schema: read.value };
  });
  const value = reads.length === 0 ? manifest.value : { ...manifest.value, spec: { ...spec, dependencies } };
  const { plan, findings } = lists.compileSensor(value, cx);
  const relocated = findings.flatMap((finding) => {
    const moved = reads.map((read) => read.relocate(finding)).find(([first]) => first !== finding);
    return moved ?? [finding];
  });
  return { plan, findings: [...reads.flatMap((read) => read.findings), ...relocated] };
}

/** The settings of the type that runs, and the `dlqTrigger` inside with its shape. */
function checkTrigger(trigger: unknown, path: Path, types: TriggerTypes): { shapes: Finding[]; findings: Finding[] } {
  const findings: Finding[] = [];
  const template = recordAt(trigger, "template");
  const kind = types.kinds.find((one) => (own(template, one) ?? undefined) !== undefined);
  if (kind !== undefined)
    findings.push(...checkType(kind, template[kind], { path: [...path, "template", kind], types }));
  if (kind === "function") findings.push(...codeChoosers(trigger, path));
  const allowed = own(recordAt(trigger, "policy", "status"), "allow");
  if (Array.isArray(allowed) && allowed.length === 0)
    findings.push(
      missing(
        [...path, "policy", "status", "allow"],
        "allow must not be empty: no status would do",
        "List the statuses that are a success.",
      ),
    );
  const dlq = own(recordAt(trigger), "dlqTrigger");
  if (dlq === undefined || dlq === null) return { shapes: [], findings };
  const at = [...path, "dlqTrigger"];
  const shaped = shape(triggerSchema, dlq, { path: at, unknown: sensorKey(types.root, types.kinds) });
  const inner = checkTrigger(dlq, at, types);
  return { shapes: [...shaped.findings, ...inner.shapes], findings: [...findings, ...inner.findings] };
}

/** What an event's own target fills in, for checking the settings around it. */
const filledIn: Readonly<Record<string, JsonObject>> = {
  http: { url: "https://target.invalid" },
  sns: { topicArn: "arn:aws:sns:us-east-1:000000000000:target", region: "us-east-1" },
  email: { to: ["target@example.invalid"] },
  slack: { channel: "#target" },
};

/** The settings of the types that a notification is told by. */
function checkNotification(notification: unknown, path: Path, types: TriggerTypes): Finding[] {
  const { findings } = checkTrigger(notification, path, types);
  const targets = recordAt(notification, "target", "template");
  for (const [kind, filled] of Object.entries(filledIn)) {
    const config = own(targets, kind) ?? undefined;
    if (config === undefined) continue;
    const whole = { ...recordAt(config), ...filled };
    findings.push(...checkType(kind, whole, { path: [...path, "target", "template", kind], types }));
  }
  return findings;
}

/** A trigger type: its connector, or the description of one that has none yet. */
export function typeOf(kind: string, lists: Lists): TriggerType | DescribedType | undefined {
  return lists.triggers.find((one) => one.kind === kind) ?? describedTriggers.find((one) => one.kind === kind);
}

function checkType(kind: string, config: unknown, at: { path: Path; types: TriggerTypes }): Finding[] {
  const { path } = at;
  const type = typeOf(kind, at.types.lists);
  if (type === undefined) return [];
  const shaped = shape(type.config, config, { path, unknown: (unknown) => typeKey(kind, unknown) });
  const findings = [...shaped.findings];
  if (!at.types.lists.triggers.some((one) => one.kind === kind)) {
    const message = `${kind} has no connector yet: what fires here becomes a dead letter`;
    findings.push({ severity: "warning", code: "TRIGGER_UNSUPPORTED", path, key: true, message });
  }
  if (findings.some(({ severity }) => severity === "error")) return findings;
  const rules = [...(type.lint?.(shaped.value) ?? []), ...templateRules(kind, recordAt(shaped.value))];
  for (const found of rules) findings.push({ ...found, path: [...path, ...found.path] });
  return findings;
}

/** Rules of trigger types that Argo Events does not check. */
function* templateRules(kind: string, config: JsonObject): Iterable<Finding> {
  if (kind === "http") {
    for (const [i, header] of listAt(config, "dynamicHeaders").entries())
      yield* needs(recordAt(header), ["dest"], ["dynamicHeaders", i]);
  }
  if (kind === "k8s" || kind === "argoWorkflow") yield* sourceRules(recordAt(config, "source"));
}

/** Keys that older versions or the documentation of Argo Events have, and that do nothing (reference 10.3). */
function typeKey(kind: string, path: Path): Partial<Finding> | undefined {
  const key = String(path.at(-1));
  if (path.at(-2) !== kind) return undefined;
  if (kind === "http" && key === "serverURL") {
    const repair = { do: "rename", to: "url" } as const;
    return { code: "FIELD_MISPLACED", message: "serverURL has no effect: the key is url", fix: "Write url.", repair };
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
