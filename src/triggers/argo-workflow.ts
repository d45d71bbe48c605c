import type { Changed } from "../kit/cluster.ts";
import { placeOfUrl } from "../kit/egress-place.ts";
import { type Call, defineTrigger, type Outcome } from "../kit/trigger.ts";
import { TideError } from "../lib/errors.ts";
import { type Options, parseArgs } from "./argo-workflow/args.ts";
import { type ArgoWorkflowConfig, config, type Operation } from "./argo-workflow/config.ts";
import { lint } from "./argo-workflow/lint.ts";
import { resubmit, steer, submit, submitFrom, type WorkflowAction, workflowPlace } from "./argo-workflow/operations.ts";
import { type ArgoServer, askServer, connectServer } from "./argo-workflow/server.ts";
import { withOptions, workflowKind } from "./argo-workflow/workflow.ts";
import { artifactPlaces } from "./artifact/places.ts";
import { readArtifact } from "./artifact.ts";
import { nameOf, readResource, textAt } from "./k8s/object.ts";

/**
 * Submits an Argo workflow, or steers one (reference 4, argoWorkflow), through the Kubernetes API and without the `argo`
 * command, whose flags in `args` are followed. A workflow that is made has Argo Events' three labels and a name that the
 * firing id decides, so that another attempt finds it again; `policy.k8s` looks at it (T3, T4). What only the Argo Server
 * can do, because it means rewriting the nodes of a workflow as its version does, is asked of it: `retry`, and `resubmit`
 * with `--memoized`.
 */
export const argoWorkflow = defineTrigger<ArgoWorkflowConfig, ArgoServer>({
  kind: "argoWorkflow",
  longRunning: true,
  title: "Argo workflow",
  summary: "Submits an Argo workflow, or steers one: resubmit, resume, retry, suspend, terminate, stop.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: orders
spec:
  dependencies:
    - name: order
      eventSourceName: shop
      eventName: order
  triggers:
    - template:
        name: pack
        argoWorkflow:
          operation: submit
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata:
                generateName: pack-
              spec:
                workflowTemplateRef:
                  name: pack
                arguments:
                  parameters:
                    - name: order
                      value: none
          parameters:
            - src:
                dependencyName: order
                dataKey: body
              dest: spec.arguments.parameters.0.value
`,
  config,
  lint,
  connectionKey: ({ server }) => JSON.stringify(server ?? {}),
  reaches: ({ source, server }) => [...artifactPlaces(source), ...(server?.url ? [placeOfUrl(server.url)] : [])],
  connect: connectServer,
  async resource(cx) {
    // a parameter may have put a number where a text belongs
    const read = config.safeParse(cx.config);
    if (!read.success) {
      const issue = read.error.issues[0];
      throw new TideError("RESOURCE_INVALID", `argoWorkflow.${issue?.path.map(String).join(".")}: ${issue?.message}`);
    }
    return readArtifact(cx.config.source ?? {}, cx);
  },
  fire,
  render(call) {
    const { operation, options } = asked(call.config);
    const resource = readResource(call.resource);
    return operation === "submit" ? { resource: withOptions(resource, options) } : { operation, resource };
  },
});

async function fire(call: Call<ArgoWorkflowConfig, ArgoServer>): Promise<Outcome> {
  const { operation, options } = asked(call.config);
  const object = readResource(call.resource);
  if (operation === "retry" || (operation === "resubmit" && options.set.has("memoized"))) {
    const { namespace, name } = workflowPlace({ object, namespace: call.namespace });
    const { signal } = call;
    const outcome = await askServer(call.client, { operation, namespace, name, options, signal });
    return operation === "retry" ? { ...outcome, object: { ...workflowKind, namespace, name } } : outcome;
  }
  const { cluster } = call;
  if (cluster === undefined) {
    throw new TideError("CLUSTER_MISSING", `${operation} of ${nameOf(object)}: there is no cluster`);
  }
  const { said, object: now } = await act({ ...call, cluster, object, options, nowMs: call.clock.nowMs() }, operation);
  if (now === undefined) return { said };
  const { metadata } = now;
  const place = { namespace: textAt(metadata, "namespace"), name: textAt(metadata, "name") };
  return { said, object: { ...workflowKind, ...place } };
}

function act(action: WorkflowAction, operation: Exclude<Operation, "retry">): Promise<Changed> {
  switch (operation) {
    case "submit":
      return submit(action);
    case "submit-from":
      return submitFrom(action);
    case "resubmit":
      return resubmit(action);
    default:
      return steer(action, operation);
  }
}

/** Throws WORKFLOW_ARGUMENT. */
function asked(config: ArgoWorkflowConfig): { readonly operation: Operation; readonly options: Options } {
  const { operation = "submit", args = [] } = config;
  const { options, faults } = parseArgs(operation, args);
  const [fault] = faults;
  if (fault !== undefined) throw new TideError("WORKFLOW_ARGUMENT", `args.${fault.index}: ${fault.message}`);
  return { operation, options };
}
