import type { Changed, ObjectPlace } from "../../kit/cluster.ts";
import { isTide, TideError } from "../../lib/errors.ts";
import { type Fields, isFields, nameOf, type Resource, textAt, withLabels } from "../k8s/object.ts";
import { type Action, create, namespaceOf } from "../k8s/operations.ts";
import type { Options } from "./args.ts";
import { nodesStopped, resumed } from "./nodes.ts";
import {
  fromTemplate,
  resubmitted,
  shutDown,
  suspended,
  templateKinds,
  withOptions,
  workflowKind,
} from "./workflow.ts";

/** What an operation acts with: the object after its parameters, and what `args` say. */
export interface WorkflowAction extends Action {
  readonly options: Options;
}

/** Where the workflow is that the object names. Throws RESOURCE_INVALID when it has no name. */
export function workflowPlace({ object, namespace }: Pick<Action, "object" | "namespace">): ObjectPlace {
  const name = textAt(object.metadata, "name");
  if (name === "") throw new TideError("RESOURCE_INVALID", `${nameOf(object)}: metadata.name is needed`);
  return { ...workflowKind, namespace: namespaceOf({ object, namespace }), name };
}

export function submit(action: WorkflowAction): Promise<Changed> {
  const { object, options } = action;
  if (object.kind !== workflowKind.kind) throw invalid(action, "submit needs a Workflow");
  return make(action, withOptions(withLabels(object, action), options));
}

/** T3: Argo Events looks for a workflow of the template's name afterwards, finds none, and submits once more. */
export async function submitFrom(action: WorkflowAction): Promise<Changed> {
  const { cluster, object, options, signal } = action;
  const { apiVersion, kind } = object;
  if (!templateKinds.includes(kind)) throw invalid(action, `submit-from needs a ${templateKinds.join(", ")}`);
  const place = { ...workflowPlace(action), apiVersion, kind };
  const template = await cluster.get(place, signal);
  if (template === undefined) throw missing(place, kind === "ClusterWorkflowTemplate");
  const made = fromTemplate({ ...template, apiVersion, kind }, action.nowMs);
  return make(action, withOptions(withLabels(made, action), options));
}

export async function resubmit(action: WorkflowAction): Promise<Changed> {
  const { cluster, options, signal } = action;
  const place = workflowPlace(action);
  const former = await cluster.get(place, signal);
  if (former === undefined) throw missing(place, false);
  return make(action, withLabels(resubmitted(former, options), action));
}

function make(action: WorkflowAction, workflow: Resource): Promise<Changed> {
  return create({ ...action, object: workflow, namespace: namespaceOf(action) });
}

export function steer(
  action: WorkflowAction,
  operation: "resume" | "suspend" | "terminate" | "stop",
): Promise<Changed> {
  const { options, nowMs, key } = action;
  switch (operation) {
    case "suspend":
      return change(action, "suspended", suspended);
    case "resume":
      return change(action, "resumed", (workflow) => resumed(workflow, options, { nowMs, key }));
    case "terminate":
      return change(action, "terminated", (workflow) => shutDown(workflow, "Terminate"));
    case "stop":
      return options.values.has("node-field-selector")
        ? change(action, "stopped nodes of", (workflow) => nodesStopped(workflow, options, nowMs))
        : change(action, "stopped", (workflow) => shutDown(workflow, "Stop"));
  }
}

async function change(
  action: WorkflowAction,
  did: string,
  by: (workflow: Fields) => Fields | undefined,
): Promise<Changed> {
  const place = workflowPlace(action);
  const said = `workflow ${place.namespace}/${place.name}`;
  let written = false;
  try {
    const { object } = await action.cluster.update(
      place,
      (workflow) => {
        const next = by(workflow);
        written = next !== undefined;
        return next;
      },
      action.signal,
    );
    return {
      said: written ? `${did} ${said}` : `${said} is so already: ${did}`,
      ...(isFields(object) ? { object } : {}),
    };
  } catch (error) {
    if (isTide(error, "RESOURCE_MISSING")) throw missing(place, false, error);
    throw error;
  }
}

function invalid({ object }: Action, why: string): TideError {
  return new TideError("RESOURCE_INVALID", `${nameOf(object)}: ${why}`);
}

function missing(place: ObjectPlace, isClusterWide: boolean, cause?: unknown): TideError {
  const kind = "kind" in place ? place.kind : place.resource;
  const where = isClusterWide ? place.name : `${place.namespace}/${place.name}`;
  return new TideError("RESOURCE_MISSING", `there is no ${kind} ${where}`, cause === undefined ? {} : { cause });
}
