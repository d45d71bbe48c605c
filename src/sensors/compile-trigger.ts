import { type Conditions, parseConditions } from "../expressions/conditions.ts";
import type { TemplateOptions } from "../expressions/go-template.ts";
import type { Parameter } from "../kit/trigger.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import type { Path } from "../lib/finding.ts";
import { compileBackoff } from "./backoff.ts";
import { compileFlow } from "./compile-flow.ts";
import { checkParameters, parameterLists } from "./compile-parameters.ts";
import { durationOf } from "./duration-of.ts";
import { member } from "./json.ts";
import { failureName } from "./notify-failure.ts";
import type { DependencyPlan, PolicyPlan, RetryPlan, TriggerPlan } from "./plan.ts";
import type { Report } from "./report.ts";
import { checkShape, type TriggerSpec, triggerSchema } from "./schema.ts";

/** Trigger types in the order in which Argo Events looks for them: the first that is there runs (reference 3.1). */
export const triggerKinds: readonly string[] = [
  "k8s",
  "argoWorkflow",
  "http",
  "awsLambda",
  "azureEventHubs",
  "azureServiceBus",
  "kafka",
  "pulsar",
  "nats",
  "slack",
  "openWhisk",
  "custom",
  "log",
  "email",
];

export interface TriggerPlace {
  readonly path: Path;
  readonly report: Report;
  readonly dependencies: readonly Pick<DependencyPlan, "name">[];
  readonly kinds: readonly string[];
  readonly env: TemplateOptions;
  /** The conditions of the trigger whose `dlqTrigger` this is: it gets the same events. */
  readonly parent?: Conditions;
}

/** `spec` has the checked shape; `written` is the same as it stands in the manifest. */
export function compileTrigger(spec: TriggerSpec, written: unknown, place: TriggerPlace): TriggerPlan | undefined {
  const { path, report } = place;
  const template: unknown = member(written, "template");
  const kind = kindOf(template, place);
  const conditions = place.parent ?? conditionsOf(spec, place);
  const { atLeastOnce = false, rateLimit } = spec;
  const flow = compileFlow(spec, {
    path,
    report,
    names: conditions?.names,
    needsState: conditions?.needsState === true,
    follows: place.parent !== undefined,
    config: kind === undefined ? undefined : member(template, kind),
  });
  const parameters = spec.parameters ?? [];
  // what a dlqTrigger sends may say why
  const failure = path.includes("dlqTrigger") ? [failureName] : [];
  const available = [...(conditions?.names ?? []), ...failure];
  checkParameters(parameters, { ...place, path: [...path, "parameters"], available, destRequired: true });
  if (kind !== undefined) {
    for (const list of parameterLists(member(template, kind))) {
      const at = [...path, "template", kind, list.key];
      const destRequired = list.key !== "dynamicHeaders" && !(kind === "http" && list.key === "payload");
      checkParameters(list.parameters, { ...place, path: at, available, destRequired });
    }
  }
  if (kind === "sql") refuseMadeSql(parameters, place);
  const retry = retryOf(spec, place);
  const policy = policyOf(spec, kind, place);
  const dlqTrigger = dlqOf(spec, written, { ...place, ...(conditions === undefined ? {} : { parent: conditions }) });
  if (kind === undefined || conditions === undefined) return undefined;
  return {
    name: spec.template.name,
    kind,
    template: JSON.stringify(template),
    conditions,
    parameters,
    retry,
    policy,
    rateLimit: rateLimit && { count: rateLimit.requestsPerUnit, perMs: unitMs[rateLimit.unit ?? ""] },
    atLeastOnce,
    ...flow,
    dlqTrigger,
    ...(place.env.env === undefined ? {} : { env: place.env.env }),
    path,
  };
}

const unitMs = { "": 1000, Second: 1000, Minute: 60_000, Hour: 3_600_000 } as const;

function kindOf(template: unknown, { path, report, kinds }: TriggerPlace): string | undefined {
  const present = kinds.filter((kind) => (member(template, kind) ?? null) !== null);
  const at = [...path, "template"];
  const [first, ...rest] = present;
  if (first === undefined) {
    const keys = Object.keys(Object(template)).filter(
      (key) => !["name", "conditions", "conditionsReset"].includes(key),
    );
    for (const key of keys) {
      const meant = didYouMean(key, kinds);
      if (meant !== undefined) {
        const told = { fix: `did you mean ${meant}?`, key: true, repair: { do: "rename", to: meant } } as const;
        report.error([...at, key], `there is no trigger type ${key}`, told);
        return undefined;
      }
    }
    report.error(at, "the template has no trigger type", { fix: `add one of ${kinds.join(", ")}` });
  } else if (rest.length > 0) {
    const message = `of several trigger types only ${first} runs; without effect: ${rest.join(", ")}`;
    report.warn(at, message, { code: "TRIGGER_TYPES" });
  }
  return first;
}

function conditionsOf(spec: TriggerSpec, { path, report, dependencies }: TriggerPlace): Conditions | undefined {
  const names = dependencies.map((dependency) => dependency.name);
  return report.expression([...path, "template", "conditions"], () => parseConditions(spec.template.conditions, names));
}

/** No text of an event becomes SQL: the type checks its own parameters, these are not its own. */
function refuseMadeSql(parameters: readonly Parameter[], { path, report }: TriggerPlace): void {
  for (const [i, { dest }] of parameters.entries()) {
    const [type, field] = dest
      .replaceAll("\\", "")
      .split(".")
      .map((part) => part.replace(/^:/, ""));
    if (type !== "sql" || (field !== undefined && field !== "statement")) continue;
    report.error([...path, "parameters", i, "dest"], "no text of an event becomes SQL", {
      fix: "Use :name in the statement, and payload for its value.",
    });
  }
}

/** Without a `retryStrategy`: 5 tries, of which the stage gives all only to refused connections and DNS failures. */
function retryOf(spec: TriggerSpec, { path, report }: TriggerPlace): RetryPlan {
  const written = spec.retryStrategy ?? {};
  const at = [...path, "retryStrategy"];
  const capMs = written.cap === undefined ? undefined : durationOf(written.cap, { path: [...at, "cap"], report });
  const declared = spec.retryStrategy !== undefined;
  return { ...compileBackoff(written, { path: at, report }), ...(capMs === undefined ? {} : { capMs }), declared };
}

function policyOf(spec: TriggerSpec, kind: string | undefined, { path, report }: TriggerPlace): PolicyPlan | undefined {
  const { k8s, status } = spec.policy ?? {};
  if (k8s === undefined && status === undefined) return undefined;
  const at = [...path, "policy"];
  if (status !== undefined && kind !== undefined && !["http", "awsLambda", "openWhisk"].includes(kind))
    report.warn([...at, "status"], `${kind} triggers have no status: the policy has no effect`);
  if (k8s !== undefined && kind !== undefined && !["k8s", "argoWorkflow"].includes(kind))
    report.warn([...at, "k8s"], `${kind} triggers make no object: the policy has no effect`);
  const plan: PolicyPlan = status === undefined ? {} : { allow: status.allow };
  if (k8s === undefined) return plan;
  const { attempts, baseMs, factor, jitter } = compileBackoff(k8s.backoff ?? {}, {
    path: [...at, "k8s", "backoff"],
    report,
  });
  const errorOnBackoffTimeout = k8s.errorOnBackoffTimeout ?? false;
  return { ...plan, k8s: { labels: k8s.labels, attempts, baseMs, factor, jitter, errorOnBackoffTimeout } };
}

/** `dlqTrigger` and its parent must both have atLeastOnce; a dlqTrigger of a dlqTrigger is never used (reference 3.6). */
function dlqOf(spec: TriggerSpec, written: unknown, place: TriggerPlace): TriggerPlan | undefined {
  if (spec.dlqTrigger === undefined) return undefined;
  const { report } = place;
  const path = [...place.path, "dlqTrigger"];
  if (place.path.includes("dlqTrigger")) {
    report.warn(path, "a dlqTrigger's own dlqTrigger never runs");
    return undefined;
  }
  if (spec.atLeastOnce !== true) report.error(path, "a trigger with a dlqTrigger must have atLeastOnce: true");
  const dlq = checkShape(triggerSchema, spec.dlqTrigger, { path, report });
  if (dlq === undefined) return undefined;
  if (dlq.atLeastOnce !== true) report.error(path, "a dlqTrigger must have atLeastOnce: true");
  return compileTrigger(dlq, member(written, "dlqTrigger"), { ...place, path });
}
