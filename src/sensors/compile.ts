import type { TemplateOptions } from "../expressions/go-template.ts";
import { digest } from "../lib/digest.ts";
import { type AllowRule, parseAllow } from "../lib/egress-rules.ts";
import type { Finding, Path } from "../lib/finding.ts";
import { canonicalJson } from "../lib/json.ts";
import { compileDependency } from "./compile-dependency.ts";
import { compileTrigger, type TriggerPlace, triggerKinds } from "./compile-trigger.ts";
import { member, withoutNulls } from "./json.ts";
import { compileNotifications } from "./notify-compile.ts";
import type { DependencyPlan, SensorPlan, TriggerPlan } from "./plan.ts";
import { Report } from "./report.ts";
import { checkShape, type SensorSpec, sensorSpecSchema } from "./schema.ts";

export interface CompileContext {
  readonly namespace: string;
  readonly name: string;
  readonly bus: string;
  /** The folder of the manifest. */
  readonly folder: string;
  /** Trigger types beyond those of Argo Events. */
  readonly kinds?: readonly string[];
  /** What the template functions env and expandenv read (reference F4); without it they are refused. */
  readonly env?: (name: string) => string;
}

export interface Compiled {
  /** undefined when any finding is an error: a sensor runs whole or not at all. */
  readonly plan: SensorPlan | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Checks a Sensor and compiles every expression of it, once. `object` is the whole Sensor as JSON; paths of findings
 * start at its root. Pure. Everything wrong is reported, not only the first fault.
 */
export function compileSensor(object: unknown, cx: CompileContext): Compiled {
  const report = new Report();
  const path: Path = ["spec"];
  // What Kubernetes would have stored: null is absent.
  const written = withoutNulls(member(object, "spec"));
  const spec = checkShape(sensorSpecSchema, written, { path, report });
  if (spec === undefined) return { plan: undefined, findings: report.findings };
  const env: TemplateOptions = cx.env === undefined ? {} : { env: cx.env };
  const dependencies = compileDependencies(spec, { path, report, env });
  const kinds = [...triggerKinds, ...(cx.kinds ?? [])];
  const triggers = compileTriggers(spec, { path, report, env, kinds, dependencies, written });
  const notifications = compileNotifications(spec, { path, report, env, kinds, dependencies, written });
  const egress = compileEgress(spec, { path, report });
  warnUnused(triggers, { path, report, dependencies });
  if (report.failed) return { plan: undefined, findings: report.findings };
  const { namespace, name, bus, folder } = cx;
  const revision = digest(canonicalJson(written)).slice(0, 16);
  const wantedBy = byDependency(triggers);
  const made = { dependencies, triggers, wantedBy, notifications, ...(egress === undefined ? {} : { egress }) };
  return { plan: { namespace, bus, name, revision, spec: written, folder, ...made }, findings: report.findings };
}

/** An empty list is one: nothing may be connected to. */
function compileEgress({ egress }: SensorSpec, { path, report }: Pick<Place, "path" | "report">) {
  return egress?.allow.flatMap((text, i): readonly AllowRule[] => {
    const rule = parseAllow(text);
    if (!("problem" in rule)) return [rule];
    report.error([...path, "egress", "allow", i], rule.problem);
    return [];
  });
}

function byDependency(triggers: readonly TriggerPlan[]): ReadonlyMap<string, readonly TriggerPlan[]> {
  const found = new Map<string, TriggerPlan[]>();
  for (const trigger of triggers) {
    for (const name of trigger.conditions.names) {
      const those = found.get(name) ?? [];
      those.push(trigger);
      found.set(name, those);
    }
  }
  return found;
}

interface Place {
  readonly path: Path;
  readonly report: Report;
  readonly env: TemplateOptions;
}

function compileDependencies(spec: SensorSpec, place: Place): readonly DependencyPlan[] {
  const seen = new Set<string>();
  return spec.dependencies.map((dependency, i) => {
    const path = [...place.path, "dependencies", i];
    if (seen.has(dependency.name))
      place.report.error([...path, "name"], `there is another dependency ${dependency.name}`);
    seen.add(dependency.name);
    return compileDependency(dependency, { ...place, path });
  });
}

function compileTriggers(
  spec: SensorSpec,
  place: Place & Pick<TriggerPlace, "dependencies" | "kinds"> & { readonly written: unknown },
): readonly TriggerPlan[] {
  const seen = new Set<string>();
  const plans: TriggerPlan[] = [];
  for (const [i, trigger] of spec.triggers.entries()) {
    const path = [...place.path, "triggers", i];
    const { name } = trigger.template;
    if (seen.has(name)) place.report.error([...path, "template", "name"], `there is another trigger ${name}`);
    seen.add(name);
    const plan = compileTrigger(trigger, member(member(place.written, "triggers"), i), { ...place, path });
    if (plan !== undefined) plans.push(plan);
  }
  return plans;
}

function warnUnused(
  triggers: readonly TriggerPlan[],
  { path, report, dependencies }: Pick<Place, "path" | "report"> & { readonly dependencies: readonly DependencyPlan[] },
): void {
  if (report.failed) return;
  const used = new Set(triggers.flatMap((trigger) => trigger.conditions.names));
  for (const [i, { name }] of dependencies.entries()) {
    if (used.has(name)) continue;
    const message = `no trigger's conditions name ${name}`;
    report.warn([...path, "dependencies", i, "name"], message, { code: "DEPENDENCY_UNUSED" });
  }
}
