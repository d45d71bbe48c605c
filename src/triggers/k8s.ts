import type { z } from "zod";
import { choice, flag, object, optional, text } from "../kit/fields.ts";
import { triggerParameters } from "../kit/schemas.ts";
import { type Call, defineTrigger, type Outcome } from "../kit/trigger.ts";
import { TideError } from "../lib/errors.ts";
import type { Finding } from "../lib/finding.ts";
import { artifactConfig, artifactRules, readArtifact } from "./artifact.ts";

const operations = ["create", "update", "patch", "delete"] as const;

const config = object(
  {
    source: optional(artifactConfig),
    operation: optional(choice(operations, { description: "What is done with the object. Default create." })),
    parameters: optional(triggerParameters({ description: "Change the object; `dest` is relative to it." })),
    patchStrategy: optional(text({ description: "Content type of a patch. Default application/merge-patch+json." })),
    liveObject: optional(flag({ description: "With update: parameters change the object that is in the cluster." })),
  },
  { description: "Acts with a Kubernetes object." },
);

type K8sConfig = z.infer<typeof config>;

/**
 * Creates a Kubernetes object (reference 4, k8s): in the cluster, or, with `--jobs process`, a batch/v1 Job as local
 * processes. The object gets Argo's three labels.
 */
export const k8s = defineTrigger<K8sConfig>({
  kind: "k8s",
  title: "Kubernetes object",
  summary: "Creates a Kubernetes object, such as a Job.",
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
  async resource(cx) {
    // a parameter may have put a number where a text belongs
    const read = config.safeParse(cx.config);
    if (!read.success) {
      const issue = read.error.issues[0];
      throw new TideError("RESOURCE_INVALID", `k8s.${issue?.path.map(String).join(".")}: ${issue?.message}`);
    }
    return readArtifact(cx.config.source ?? {}, cx);
  },
  fire,
});

function* lint(config: K8sConfig): Iterable<Finding> {
  yield* artifactRules(config.source, ["source"]);
  const { operation } = config;
  if (operation !== undefined && operation !== "create") {
    const message = `operation ${operation} is not there yet: such a firing becomes a dead letter`;
    yield { severity: "warning", code: "OPERATION_UNSUPPORTED", path: ["operation"], message };
  }
}

async function fire(call: Call<K8sConfig, undefined>): Promise<Outcome> {
  const operation = call.config.operation ?? "create";
  const object = labelled(call, parse(call.resource));
  if (call.cluster === undefined) {
    throw new TideError("CLUSTER_MISSING", `${operation} of ${nameOf(object)}: there is no cluster`);
  }
  if (operation !== "create") {
    throw new TideError("OPERATION_UNSUPPORTED", `${operation} of ${nameOf(object)}: only create is there yet`);
  }
  const { said } = await call.cluster.create({
    object,
    namespace: textAt(object.metadata, "namespace") || call.namespace,
    key: call.key,
    folder: call.folder,
    signal: call.signal,
  });
  return { said };
}

type Fields = Readonly<Record<string, unknown>>;

function parse(resource: string | undefined): Fields {
  let object: unknown;
  try {
    object = JSON.parse(resource ?? "");
  } catch (cause) {
    throw new TideError("RESOURCE_INVALID", "the object to create is no JSON after its parameters", { cause });
  }
  if (!isFields(object)) throw new TideError("RESOURCE_INVALID", "the object to create is no object");
  for (const field of ["apiVersion", "kind"] as const) {
    if (!textAt(object, field)) throw new TideError("RESOURCE_INVALID", `the object to create has no ${field}`);
  }
  return object;
}

/** The object with Argo's labels, which only create adds (reference 4, k8s). */
function labelled(call: Call<K8sConfig, undefined>, object: Fields): Fields {
  const metadata = object.metadata ?? {};
  const labels = isFields(metadata) ? (metadata.labels ?? {}) : undefined;
  if (!isFields(metadata) || !isFields(labels)) {
    throw new TideError("RESOURCE_INVALID", `${nameOf(object)}: metadata and its labels must be maps`);
  }
  const added = {
    "events.argoproj.io/sensor": labelValue(call.sensor),
    "events.argoproj.io/trigger": labelValue(call.trigger),
    "events.argoproj.io/action-timestamp": String(Math.floor(call.clock.nowMs())),
  };
  return { ...object, metadata: { ...metadata, labels: { ...labels, ...added } } };
}

/** A trigger may be named as no label value can be; the API would refuse the object (T5). */
function labelValue(name: string): string {
  if (/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/.test(name)) return name;
  return name
    .replace(/[^-A-Za-z0-9_.]/g, "-")
    .slice(0, 63)
    .replace(/^[-_.]+|[-_.]+$/g, "");
}

function nameOf(object: Fields): string {
  const name = textAt(object.metadata, "name") || textAt(object.metadata, "generateName");
  return `${textAt(object, "kind") || "object"} ${name || "without a name"}`;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textAt(value: unknown, key: string): string {
  const held = isFields(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof held === "string" ? held : "";
}
