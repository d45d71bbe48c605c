import type { Changed, ObjectPlace } from "../kit/cluster.ts";
import { type Call, type ConnectContext, defineTrigger, type Outcome } from "../kit/trigger.ts";
import { TideError } from "../lib/errors.ts";
import { artifactPlaces } from "./artifact/places.ts";
import { readArtifact } from "./artifact.ts";
import { config, type K8sConfig } from "./k8s/config.ts";
import { lint } from "./k8s/lint.ts";
import { isFields, nameOf, readResource, textAt } from "./k8s/object.ts";
import { type Action, create, patch, patchTypes, placeOf, remove, update } from "./k8s/operations.ts";

/**
 * Creates, updates, patches or deletes a Kubernetes object (reference 4, k8s): in the cluster, or, with `--jobs process`, a
 * batch/v1 Job as local processes. The API tells which kinds there are and which have namespaces (T5). An object that is
 * made gets Argo's three labels, and one with the firing id; one that is changed keeps its own.
 */
export const k8s = defineTrigger<K8sConfig>({
  kind: "k8s",
  target: () => "kubernetes",
  // with `policy.k8s` an attempt lasts until the object's labels say how it ended
  longRunning: true,
  title: "Kubernetes object",
  summary: "Creates, updates, patches or deletes a Kubernetes object, such as a Job.",
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
        k8s:
          source:
            resource:
              apiVersion: batch/v1
              kind: Job
              metadata:
                generateName: pack-
              spec:
                template:
                  spec:
                    restartPolicy: Never
                    containers:
                      - name: pack
                        image: busybox
                        command: [echo]
                        args: [none]
          parameters:
            - src:
                dependencyName: order
                dataKey: body
              dest: spec.template.spec.containers.0.args.0
`,
  config,
  lint,
  reaches: ({ source }) => artifactPlaces(source),
  async resource(cx) {
    // a parameter may have put a number where a text belongs
    const read = config.safeParse(cx.config);
    if (!read.success) {
      const issue = read.error.issues[0];
      throw new TideError("RESOURCE_INVALID", `k8s.${issue?.path.map(String).join(".")}: ${issue?.message}`);
    }
    const text = await readArtifact(cx.config.source ?? {}, cx);
    const { liveObject, operation } = cx.config;
    return liveObject === true && operation === "update" && cx.cluster !== undefined ? readLive(text, cx) : text;
  },
  fire,
  render: (call) => ({ resource: readResource(call.resource) }),
});

/** The object as it is in the cluster: parameters change that one (reference 4, `liveObject`). */
async function readLive(text: string, { cluster, namespace, signal }: ConnectContext<K8sConfig>): Promise<string> {
  const object = readResource(text);
  const place = placeOf({ object, namespace });
  const live = await cluster?.get(place, signal);
  if (live === undefined) {
    throw new TideError(
      "RESOURCE_MISSING",
      `${nameOf(object)} of namespace ${place.namespace}: there is no live object`,
    );
  }
  return JSON.stringify(live);
}

async function fire(call: Call<K8sConfig, undefined>): Promise<Outcome> {
  const { operation = "create" } = call.config;
  const object = readResource(call.resource);
  const { cluster } = call;
  if (cluster === undefined) {
    throw new TideError("CLUSTER_MISSING", `${operation} of ${nameOf(object)}: there is no cluster`);
  }
  const { said, object: now } = await act({ ...call, cluster, object, nowMs: call.clock.nowMs() }, call.config);
  const place = operation === "delete" ? undefined : placeIn(now);
  return { said, ...(place === undefined ? {} : { object: place }) };
}

function act(action: Action, { operation, patchStrategy }: K8sConfig): Promise<Changed> {
  switch (operation) {
    case "update":
      return update(action);
    case "patch": {
      const type = patchTypes.find((one) => one === (patchStrategy || "application/merge-patch+json"));
      if (type !== undefined) return patch(action, type);
      const known = patchTypes.join(", ");
      throw new TideError("RESOURCE_INVALID", `there is no patchStrategy ${patchStrategy}; there are ${known}`);
    }
    case "delete":
      return remove(action);
    default:
      return create(action);
  }
}

function placeIn(now: Changed["object"]): ObjectPlace | undefined {
  if (!isFields(now)) return undefined;
  const { metadata } = now;
  return {
    apiVersion: textAt(now, "apiVersion"),
    kind: textAt(now, "kind"),
    namespace: textAt(metadata, "namespace"),
    name: textAt(metadata, "name"),
  };
}
