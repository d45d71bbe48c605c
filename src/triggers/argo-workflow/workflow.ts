import { TideError } from "../../lib/errors.ts";
import { type Fields, isFields, type Resource, textAt } from "../k8s/object.ts";
import { eventAnnotation, traceAnnotation } from "../k8s/trace.ts";
import { type Options, pairsOf } from "./args.ts";

export const workflowKind = { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow" } as const;

/** What `submit-from` can make a workflow of. */
export const templateKinds: readonly string[] = ["WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"];

const prefix = "workflows.argoproj.io/";
/** Labels that say how a workflow goes, or who made it: not those of another one made from it. */
const ownLabels: ReadonlySet<string> = new Set(
  ["creator", "creator-email", "creator-preferred-username", "phase", "completed", "workflow-archiving-status"].map(
    (name) => prefix + name,
  ),
);
/** The firing that resumed a workflow last. */
export const resumedAnnotation = "tidemill/resumed";
/** What firings wrote on a workflow: not of another one made from it. */
const ownAnnotations: ReadonlySet<string> = new Set([resumedAnnotation, traceAnnotation, eventAnnotation]);

/** The workflow with what the flags say, as `argo submit` puts it there. Pure. */
export function withOptions(workflow: Resource, { values, parameters }: Options): Resource {
  const metadata = part(workflow.metadata);
  const pairs = (flag: "labels" | "annotations"): Fields => Object.fromEntries(pairsOf(values.get(flag) ?? "") ?? []);
  const instance = values.get("instanceid");
  const labels = {
    ...part(metadata.labels),
    ...(instance ? { [`${prefix}controller-instanceid`]: instance } : {}),
    ...pairs("labels"),
  };
  const annotations = { ...part(metadata.annotations), ...pairs("annotations") };
  const priority = values.get("priority");
  return {
    ...workflow,
    metadata: {
      ...metadata,
      ...named("name", values.get("name")),
      ...named("generateName", values.get("generate-name")),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    spec: withParameters(
      {
        ...part(workflow.spec),
        ...named("entrypoint", values.get("entrypoint")),
        ...named("serviceAccountName", values.get("serviceaccount")),
        ...(priority === undefined ? {} : { priority: Number(priority) }),
      },
      parameters,
    ),
  };
}

/** Those that are given come first, as argo writes them. */
function withParameters(spec: Fields, given: readonly string[]): Fields {
  if (given.length === 0) return spec;
  const added = given.map((one) => {
    const end = one.indexOf("=");
    return { name: one.slice(0, end), value: one.slice(end + 1) };
  });
  const names = new Set(added.map(({ name }) => name));
  const args = part(spec.arguments);
  const there: readonly unknown[] = Array.isArray(args.parameters) ? args.parameters : [];
  const kept = there.filter((one) => !names.has(textAt(one, "name")));
  return { ...spec, arguments: { ...args, parameters: [...added, ...kept] } };
}

/** What `argo submit --from` makes of a template or a cron workflow. Pure. */
export function fromTemplate(template: Resource, nowMs: number): Resource {
  const name = textAt(template.metadata, "name");
  if (template.kind === "CronWorkflow") return fromCron(template, nowMs);
  const cluster = template.kind === "ClusterWorkflowTemplate";
  const label = cluster ? "cluster-workflow-template" : "workflow-template";
  return {
    ...workflowKind,
    metadata: { generateName: `${name}-`, labels: { [prefix + label]: name } },
    spec: { workflowTemplateRef: { name, ...(cluster ? { clusterScope: true } : {}) } },
  };
}

function fromCron(cron: Resource, nowMs: number): Resource {
  const metadata = part(cron.metadata);
  const name = textAt(metadata, "name");
  const spec = part(cron.spec);
  const its = part(spec.workflowMetadata);
  const instance = textAt(metadata.labels, `${prefix}controller-instanceid`);
  const owner = { ...workflowKind, kind: "CronWorkflow", name, uid: textAt(metadata, "uid") };
  return {
    ...workflowKind,
    metadata: {
      generateName: `${name}-`,
      labels: {
        ...(instance === "" ? {} : { [`${prefix}controller-instanceid`]: instance }),
        [`${prefix}cron-workflow`]: name,
        ...part(its.labels),
      },
      annotations: {
        [`${prefix}scheduled-time`]: new Date(nowMs).toISOString().replace(/\.\d+Z$/, "Z"),
        ...part(its.annotations),
      },
      ...(Array.isArray(its.finalizers) ? { finalizers: its.finalizers } : {}),
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    },
    spec: part(spec.workflowSpec),
  };
}

/** A new workflow that does again what another did, with all that its maker put into it. Pure. */
export function resubmitted(workflow: Fields, options: Options): Resource {
  const metadata = part(workflow.metadata);
  const name = textAt(metadata, "name");
  const { shutdown: _, activeDeadlineSeconds, ...spec } = part(workflow.spec);
  const kept = Object.entries(part(metadata.labels)).filter(([label]) => !ownLabels.has(label));
  const annotations = Object.entries(part(metadata.annotations)).filter(([name]) => !ownAnnotations.has(name));
  const owners = metadata.ownerReferences;
  const made = {
    ...workflowKind,
    metadata: {
      generateName: textAt(metadata, "generateName") || `${name}-`,
      labels: { ...Object.fromEntries(kept), [`${prefix}resubmitted-from-workflow`]: name },
      annotations: Object.fromEntries(annotations),
      ...(Array.isArray(owners) ? { ownerReferences: owners } : {}),
    },
    // 0 is how a workflow once was terminated
    spec: { ...spec, ...(activeDeadlineSeconds ? { activeDeadlineSeconds } : {}) },
  };
  return withOptions(made, options);
}

type Shutdown = "Terminate" | "Stop";

/** undefined: it is so already. Throws WORKFLOW_REFUSED when it has ended otherwise. Pure. */
export function shutDown(workflow: Fields, how: Shutdown): Fields | undefined {
  const spec = part(workflow.spec);
  // also when it has ended since: an earlier attempt, or another, has done it
  if (spec.shutdown === how) return undefined;
  const phase = textAt(workflow.status, "phase");
  if (["Succeeded", "Failed", "Error"].includes(phase)) refuse(workflow, `has ended (${phase})`);
  return { ...workflow, spec: { ...spec, shutdown: how } };
}

/** undefined: it is so already. Throws WORKFLOW_REFUSED when it has ended. Pure. */
export function suspended(workflow: Fields): Fields | undefined {
  const labels = part(part(workflow.metadata).labels);
  if (textAt(labels, `${prefix}completed`) === "true") refuse(workflow, "has ended");
  const spec = part(workflow.spec);
  return spec.suspend === true ? undefined : { ...workflow, spec: { ...spec, suspend: true } };
}

export function refuse(workflow: Fields, why: string): never {
  throw new TideError("WORKFLOW_REFUSED", `workflow ${textAt(workflow.metadata, "name")} ${why}`);
}

/** The map that is there, or an empty one. */
export function part(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function named(key: string, value: string | undefined): Fields {
  return value ? { [key]: value } : {};
}
