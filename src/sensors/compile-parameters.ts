import { ExpressionError } from "../expressions/fault.ts";
import { compilePath } from "../expressions/gjson.ts";
import { compileTemplate, type TemplateOptions } from "../expressions/go-template.ts";
import { triggerParameter } from "../kit/schemas.ts";
import type { Parameter } from "../kit/trigger.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import type { Path } from "../lib/finding.ts";
import { member } from "./json.ts";
import type { DependencyPlan } from "./plan.ts";
import type { Report } from "./report.ts";

interface ParametersPlace {
  readonly path: Path;
  readonly report: Report;
  readonly env: TemplateOptions;
  readonly dependencies: readonly Pick<DependencyPlan, "name">[];
  /** Dependencies whose events the trigger can have. */
  readonly available: readonly string[];
  readonly destRequired: boolean;
}

const shape = triggerParameter({ description: "One parameter." });

/** The lists of parameters inside a trigger's own configuration; entries of another shape are its schema's to refuse. */
export function parameterLists(config: unknown): { readonly key: string; readonly parameters: readonly Parameter[] }[] {
  const lists: { key: string; parameters: readonly Parameter[] }[] = [];
  for (const key of ["parameters", "payload", "dynamicHeaders"]) {
    const checked = shape.array().safeParse(member(config, key));
    if (checked.success) lists.push({ key, parameters: checked.data });
  }
  return lists;
}

/** Names, keys and templates of parameters (reference 3.7). */
export function checkParameters(parameters: readonly Parameter[], place: ParametersPlace): void {
  for (const [i, parameter] of parameters.entries()) {
    const at = { ...place, path: [...place.path, i] };
    checkDependency(parameter, at);
    checkSource(parameter, at);
    if (parameter.dest === "" && place.destRequired) place.report.error([...at.path, "dest"], "dest must not be empty");
  }
}

/** Without its event a parameter is skipped, or has its `value`: probably not meant when it can never have one. */
function checkDependency({ src }: Parameter, { path, report, dependencies, available }: ParametersPlace): void {
  const at = [...path, "src", "dependencyName"];
  if (src.dependencyName === "") {
    report.error(at, "dependencyName must not be empty");
    return;
  }
  if (available.includes(src.dependencyName)) return;
  const names = dependencies.map((dependency) => dependency.name);
  const skipped = src.value == null ? "the parameter is always skipped" : "the parameter always has its value";
  if (names.includes(src.dependencyName)) {
    report.warn(at, `${src.dependencyName} is not in the trigger's conditions: ${skipped}`);
  } else {
    const meant = didYouMean(src.dependencyName, names);
    const fix = meant === undefined ? undefined : `did you mean ${meant}?`;
    report.warn(at, `there is no dependency ${src.dependencyName}: ${skipped}`, fix);
  }
}

function checkSource({ src }: Parameter, { path, report, env }: ParametersPlace): void {
  for (const key of ["contextKey", "dataKey"] as const)
    report.expression([...path, "src", key], () => compilePath(src[key] ?? ""));
  checkTemplate("context");
  checkTemplate("data");
  if ((src.contextKey || src.contextTemplate) && (src.dataKey || src.dataTemplate)) {
    const given = src.contextKey ? "contextKey" : "contextTemplate";
    report.warn([...path, "src", given], "without effect: the parameter reads the event's data");
  }

  function checkTemplate(of: "context" | "data"): void {
    const template = src[`${of}Template`] ?? "";
    if (template === "") return;
    const at = [...path, "src", `${of}Template`];
    try {
      compileTemplate(template, env);
    } catch (cause) {
      if (!(cause instanceof ExpressionError)) throw cause;
      // Argo Events goes on with the key or the default then, so such a manifest works.
      const survives = src[`${of}Key`] || src.value != null;
      if (cause.code === "EXPRESSION_INVALID" && survives)
        report.warn(at, `the template cannot be compiled, its key or value is used instead: ${cause.message}`);
      else report.expression(at, () => compileTemplate(template, env));
    }
  }
}
