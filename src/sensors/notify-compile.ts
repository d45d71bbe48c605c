import { type Conditions, parseConditions } from "../expressions/conditions.ts";
import { compileGlob, isGlob } from "../expressions/glob.ts";
import { compileTemplate, type GoTemplate } from "../expressions/go-template.ts";
import type { Parameter } from "../kit/trigger.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import type { Path } from "../lib/finding.ts";
import { type JsonObject, recordOf } from "../lib/json.ts";
import { keyPath } from "./compile-flow.ts";
import { checkParameters } from "./compile-parameters.ts";
import { compileTrigger, type TriggerPlace } from "./compile-trigger.ts";
import { durationOf } from "./duration-of.ts";
import { member } from "./json.ts";
import { type AllowEntry, readAllow, type TargetKind } from "./notify-allow.ts";
import { failureHeading, failureName, failureText } from "./notify-failure.ts";
import type { FoldPlan, NotificationPlan, OwnTargetPlan, TriggerPlan } from "./plan.ts";
import type { NotificationSpec, SensorSpec } from "./schema.ts";

interface Place extends TriggerPlace {
  readonly written: unknown;
}

/** `spec.notifications`: each becomes a trigger of its own, whose firings are made by failures instead of events. */
export function compileNotifications(spec: SensorSpec, place: Place): readonly NotificationPlan[] {
  const notifications = spec.notifications ?? [];
  if (notifications.length === 0) return [];
  const { report } = place;
  const taken = new Set(spec.triggers.flatMap((trigger) => [trigger.template.name, ...dlqNames(trigger.dlqTrigger)]));
  const triggers = [...taken];
  for (const [i, { name }] of spec.dependencies.entries()) {
    if (name !== failureName) continue;
    const message = `with notifications, ${failureName} is the name of what they tell`;
    report.error([...place.path, "dependencies", i, "name"], message, { fix: "Rename the dependency." });
  }
  return notifications.flatMap((notification, i): readonly NotificationPlan[] => {
    const path = [...place.path, "notifications", i];
    const { name } = notification;
    if (taken.has(name)) report.error([...path, "name"], `there is another notification or trigger ${name}`);
    if (/[/#@]/.test(name)) report.error([...path, "name"], "the name of a notification has no /, # and @");
    taken.add(name);
    const written = member(member(place.written, "notifications"), i);
    const made = compileOne(notification, { ...place, path, written, triggers });
    return made === undefined ? [] : [made];
  });
}

interface OnePlace extends Place {
  /** Names of the sensor's triggers. */
  readonly triggers: readonly string[];
}

function compileOne(spec: NotificationSpec, place: OnePlace): NotificationPlan | undefined {
  const { path, report, triggers, written } = place;
  const names = [...place.dependencies.map(({ name }) => name), failureName];
  const parent = everything(names);
  const within = { ...place, parent, dependencies: names.map((name) => ({ name })) };
  const template = recordOf(member(written, "template"));
  const trigger = wayOf(spec, template, within);
  const target = spec.target === undefined ? undefined : targetOf(spec, spec.target, { ...within, template });
  const fold = foldOf(spec, place);
  const job =
    spec.job === undefined
      ? undefined
      : keyPath(spec.job, { path: [...path, "job"], report, names: names.slice(0, -1) });
  const wants = wanted(spec.triggers, { path: [...path, "triggers"], report, triggers });
  if (trigger === undefined) return undefined;
  return {
    name: spec.name,
    on: new Set(spec.on ?? ["dead"]),
    wants,
    trigger,
    ...(job === undefined ? {} : { job }),
    ...(target === undefined ? {} : { target }),
    ...(fold === undefined ? {} : { fold }),
  };
}

function dlqNames(dlq: unknown): readonly string[] {
  const name = member(member(dlq, "template"), "name");
  return typeof name === "string" ? [name] : [];
}

/** All events that the failed firing had, and the failure. */
function everything(names: readonly string[]): Conditions {
  return { ...parseConditions("", names), names };
}

type Within = OnePlace & { readonly parent: Conditions };

/** Tried again by itself, longer than a trigger is: what nobody is told of is worse than what comes late. */
const defaultRetry = { steps: 8, duration: "1s", factor: 2, jitter: 0.5, cap: "1m" } as const;

function wayOf(spec: NotificationSpec, template: JsonObject, place: Within): TriggerPlan | undefined {
  const { name, parameters, retryStrategy = defaultRetry, rateLimit, concurrency, timeout } = spec;
  const as = { template: { name }, parameters, retryStrategy, rateLimit, concurrency, timeout };
  const plan = compileTrigger(as, { template }, place);
  if (plan === undefined) return undefined;
  const made = { ...recordOf(JSON.parse(plan.template)), name };
  return { ...plan, template: JSON.stringify(withDefaults(made, plan)) };
}

/** Types whose call has no body that `payload` makes. */
const withoutPayload: ReadonlySet<string> = new Set(["k8s", "argoWorkflow", "slack", "email", "log", "sql", "custom"]);

const whole: Parameter = {
  src: { dependencyName: failureName, dataKey: "@this", useRawData: true },
  dest: "",
};

/** What is told where the template does not say: the failure as JSON, or as text in a message or a mail. */
function withDefaults(template: JsonObject, plan: Pick<TriggerPlan, "kind" | "parameters">): JsonObject {
  const { kind } = plan;
  const config = recordOf(template[kind]);
  const own: readonly unknown[] = Array.isArray(config.parameters) ? config.parameters : [];
  const says = (key: string): boolean =>
    (config[key] ?? "") !== "" ||
    plan.parameters.some(({ dest }) => dest === `${kind}.${key}`) ||
    own.some((one) => member(one, "dest") === key);
  if (!withoutPayload.has(kind)) {
    return says("payload") ? template : { ...template, [kind]: { ...config, payload: [whole] } };
  }
  const texts: Parameter[] = [];
  if (kind === "slack" && !["message", "blocks", "attachments"].some(says))
    texts.push(textAt("message", failureText("slack")));
  if (kind === "email" && !says("subject")) texts.push(textAt("subject", failureHeading()));
  if (kind === "email" && !says("body")) texts.push(textAt("body", failureText("plain")));
  return texts.length === 0 ? template : { ...template, [kind]: { ...config, parameters: [...texts, ...own] } };
}

function textAt(dest: string, dataTemplate: string): Parameter {
  return { src: { dependencyName: failureName, dataTemplate }, dest };
}

/**
 * A way for each kind of target that has settings. For HTTP these are those under `target` alone, or none: the headers of
 * the template are for its own URL, and may be secret.
 */
function targetOf(
  spec: NotificationSpec,
  target: NonNullable<NotificationSpec["target"]>,
  place: Within & { readonly template: JsonObject },
): OwnTargetPlan {
  const { path, report, template } = place;
  const at = [...path, "target"];
  const parameter = { src: target.from, dest: "target" };
  const available = place.dependencies.map(({ name }) => name).filter((name) => name !== failureName);
  const dependencies = available.map((name) => ({ name }));
  checkParameters([parameter], { ...place, path: [...at, "from"], dependencies, available, destRequired: true });
  const allow = target.allow.flatMap((text, i): readonly AllowEntry[] => {
    const entry = readAllow(text);
    if (!("problem" in entry)) return [entry];
    report.error([...at, "allow", i], `${JSON.stringify(text)} allows nothing: ${entry.problem}`);
    return [];
  });
  const own = recordOf(member(member(place.written, "target"), "template"));
  const ways = new Map<TargetKind, TriggerPlan>();
  for (const [kind, set] of Object.entries(setters) as [TargetKind, (typeof setters)[TargetKind]][]) {
    const given = own[kind] ?? (kind === "http" ? {} : template[kind]) ?? undefined;
    if (given === undefined || !place.kinds.includes(kind)) continue;
    const way = { ...spec, name: `${spec.name}@${kind}`, parameters: sameKind(spec, kind, template) };
    const plan = wayOf(way, { [kind]: set(recordOf(given)) }, { ...place, path: [...at] });
    if (plan !== undefined) ways.set(kind, plan);
  }
  for (const kind of Object.keys(own)) {
    if (kind in setters) continue;
    report.error([...at, "template", kind], `no target is of type ${kind}`, { fix: "Use http, sns, email, slack." });
  }
  return { from: target.from, allow, ways };
}

/** Parameters name places inside the template of their type. */
function sameKind(spec: NotificationSpec, kind: string, template: JsonObject): NotificationSpec["parameters"] {
  return template[kind] === undefined || kind === "http" ? undefined : spec.parameters;
}

/** The target goes in last, so that no other parameter can put another one in its place. */
const setters: Readonly<Record<TargetKind, (config: JsonObject) => JsonObject>> = {
  http: (config) => ({ ...setting(config, "url"), followRedirects: false }),
  sns: (config) => {
    const region = '{{ index (splitList ":" .Input.target) 3 }}';
    const made = setting(config, "topicArn");
    return { ...made, parameters: [...made.parameters, textAt("region", region)] };
  },
  email: (config) => setting({ ...config, to: [] }, "to.0"),
  slack: (config) => setting(config, "channel"),
};

function setting(config: JsonObject, dest: string): JsonObject & { readonly parameters: readonly unknown[] } {
  const own: readonly unknown[] = Array.isArray(config.parameters) ? config.parameters : [];
  const target = { src: { dependencyName: failureName, dataKey: "target" }, dest };
  return { ...config, parameters: [...own, target] };
}

const defaultWindowMs = 60_000;

function foldOf({ fold = true }: NotificationSpec, { path, report, env }: OnePlace): FoldPlan | undefined {
  if (fold === false) return undefined;
  if (fold === true) return { windowMs: defaultWindowMs };
  const at = [...path, "fold"];
  const windowMs =
    fold.window === undefined ? defaultWindowMs : durationOf(fold.window, { path: [...at, "window"], report });
  const { key: text } = fold;
  const key: GoTemplate | undefined =
    text === undefined ? undefined : report.expression([...at, "key"], () => compileTemplate(text, env));
  return windowMs === undefined ? undefined : { windowMs, ...(key === undefined ? {} : { key }) };
}

function wanted(
  globs: readonly string[] | undefined,
  { path, report, triggers }: Pick<OnePlace, "report" | "triggers"> & { readonly path: Path },
): (trigger: string) => boolean {
  if (globs === undefined) return () => true;
  const tests = globs.map((text, i) => {
    const glob = isGlob(text) ? report.expression([...path, i], () => compileGlob(text)) : undefined;
    const test = (name: string): boolean => (glob === undefined ? name === text : glob.test(name));
    if (!triggers.some(test)) {
      const meant = didYouMean(text, triggers);
      const fix = meant === undefined ? `use one of ${triggers.join(", ")}` : `did you mean ${meant}?`;
      report.warn([...path, i], `no trigger is called ${text}`, fix);
    }
    return test;
  });
  return (name) => tests.some((test) => test(name));
}
