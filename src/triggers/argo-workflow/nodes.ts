import { gunzipSync, gzipSync } from "node:zlib";
import { type Fields, textAt } from "../k8s/object.ts";
import { compileSelector, type Options, type Selector } from "./args.ts";
import { part, refuse, resumedAnnotation } from "./workflow.ts";

/** etcd takes 1.5 MB; nodes shrink to a tenth or so. */
const maxNodesBytes = 64 * 1024 * 1024;

interface Now {
  readonly nowMs: number;
  /** The firing: it resumes a workflow once. */
  readonly key: string;
}

/**
 * What `argo resume` writes: the workflow goes on, and the nodes that wait have succeeded, with the defaults of what they
 * were to be given. With a selector only the nodes that fit. undefined: nothing waits, or this firing resumed it before.
 * Throws WORKFLOW_REFUSED. Pure.
 */
export function resumed(workflow: Fields, options: Options, { nowMs, key }: Now): Fields | undefined {
  const metadata = part(workflow.metadata);
  const annotations = part(metadata.annotations);
  if (annotations[resumedAnnotation] === key) return undefined;
  const selector = selectorOf(options);
  const { suspend, ...spec } = part(workflow.spec);
  const going = selector === undefined && suspend === true;
  const status = withNodes(workflow, (node) => {
    if (!isWaiting(node) || (selector !== undefined && !fits(node, selector))) return node;
    const outputs = selector === undefined ? withDefaults(workflow, node) : {};
    return { ...node, ...outputs, phase: "Succeeded", finishedAt: secondOf(nowMs) };
  });
  if (status === undefined && selector !== undefined) refuse(workflow, "has no waiting node that the selector names");
  if (status === undefined && !going) return undefined;
  return {
    ...workflow,
    metadata: { ...metadata, annotations: { ...annotations, [resumedAnnotation]: key } },
    ...(going ? { spec } : {}),
    ...(status === undefined ? {} : { status }),
  };
}

/** What `argo stop --node-field-selector` writes: the waiting nodes that fit have failed. Throws WORKFLOW_REFUSED. Pure. */
export function nodesStopped(workflow: Fields, options: Options, nowMs: number): Fields {
  const selector = selectorOf(options);
  const message = options.values.get("message");
  const status = withNodes(workflow, (node) => {
    if (selector === undefined || !isWaiting(node) || !fits(node, selector)) return node;
    return { ...node, phase: "Failed", finishedAt: secondOf(nowMs), ...(message ? { message } : {}) };
  });
  if (status === undefined) refuse(workflow, "has no waiting node that the selector names");
  return { ...workflow, status };
}

function selectorOf({ values }: Options): Selector | undefined {
  const text = values.get("node-field-selector");
  return text === undefined || text === "" ? undefined : compileSelector(text);
}

function isWaiting(node: Fields): boolean {
  return node.type === "Suspend" && node.phase === "Running";
}

function fits(node: Fields, selector: Selector): boolean {
  const { templateRef, inputs } = node;
  const given: readonly unknown[] = Array.isArray(part(inputs).parameters)
    ? (part(inputs).parameters as unknown[])
    : [];
  const fields = new Map<string, unknown>([
    ...["displayName", "phase", "name", "id"].map((name) => [name, node[name]] as const),
    ["templateName", part(templateRef).template ?? node.templateName],
    ["templateRef.name", part(templateRef).name],
    ["templateRef.template", part(templateRef).template],
    ...given.map((one) => [`inputs.parameters.${textAt(one, "name")}.value`, part(one).value] as const),
  ]);
  return selector((name) => {
    const value = fields.get(name);
    return value === undefined || value === null ? "" : String(value);
  });
}

function withDefaults(workflow: Fields, node: Fields): Fields {
  const outputs = part(node.outputs);
  if (!Array.isArray(outputs.parameters)) return {};
  const parameters = outputs.parameters.map((one: unknown) => {
    const { valueFrom, ...rest } = part(one);
    const { supplied, default: value } = part(valueFrom);
    if (supplied === undefined || supplied === null) return one;
    if (value === undefined || value === null) {
      refuse(workflow, `waits for the output parameter ${textAt(one, "name")}, which has no default`);
    }
    return { ...rest, value };
  });
  return { outputs: { ...outputs, parameters } };
}

/** The status with changed nodes, packed as it was; undefined when none was changed. Throws WORKFLOW_REFUSED. */
function withNodes(workflow: Fields, change: (node: Fields) => Fields): Fields | undefined {
  const status = part(workflow.status);
  if (textAt(status, "offloadNodeStatusVersion") !== "") {
    refuse(workflow, "keeps its nodes in Argo's database, which only the Argo Server reads");
  }
  const packed = textAt(status, "compressedNodes");
  const nodes =
    Object.keys(part(status.nodes)).length > 0 || packed === "" ? part(status.nodes) : unpack(workflow, packed);
  let changed = false;
  const next = Object.entries(nodes).map(([id, value]) => {
    const node = part(value);
    if ("compressedNode" in node) refuse(workflow, "packs its nodes in a way that is not known here");
    const made = change(node);
    if (made === node) return [id, value] as const;
    changed = true;
    return [id, made] as const;
  });
  if (!changed) return undefined;
  const all = Object.fromEntries(next);
  if (packed === "") return { ...status, nodes: all };
  const { nodes: _, ...rest } = status;
  return { ...rest, compressedNodes: gzipSync(JSON.stringify(all)).toString("base64") };
}

function unpack(workflow: Fields, packed: string): Fields {
  try {
    const text = gunzipSync(Buffer.from(packed, "base64"), { maxOutputLength: maxNodesBytes }).toString();
    return part(JSON.parse(text));
  } catch {
    return refuse(workflow, "packs its nodes in a way that is not known here");
  }
}

/** As the API writes times. */
function secondOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
