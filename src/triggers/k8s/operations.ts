import type { Changed, Cluster, ObjectPlace, PatchType } from "../../kit/cluster.ts";
import { isTide, TideError } from "../../lib/errors.ts";
import { merged, nameOf, type Resource, textAt, withLabels } from "./object.ts";
import { type Marks, withTrace } from "./trace.ts";

export const patchTypes: readonly PatchType[] = [
  "application/merge-patch+json",
  "application/json-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];

export interface Action extends Marks {
  readonly cluster: Cluster;
  /** The object after its parameters. */
  readonly object: Resource;
  readonly sensor: string;
  readonly trigger: string;
  /** The sensor's: for objects that name none. */
  readonly namespace: string;
  readonly nowMs: number;
  readonly key: string;
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Makes the object, with the three labels and its place in the trace; once per key. */
export function create(action: Action): Promise<Changed> {
  const { cluster, key, folder, signal } = action;
  return cluster.create({
    object: withTrace(withLabels(action.object, action), action),
    namespace: namespaceOf(action),
    key,
    ticket: action.trace.ticket,
    folder,
    signal,
  });
}

/**
 * Merges the object into the one that is there, or makes it. One that carries a `resourceVersion` (that of `liveObject`
 * does) is only written over that version: RESOURCE_CONFLICT otherwise.
 */
export async function update(action: Action): Promise<Changed> {
  const { cluster, object, signal } = action;
  const version = textAt(object.metadata, "resourceVersion");
  return orCreate(action, () =>
    cluster.update(
      placeOf(action),
      (there) => {
        const found = textAt(there.metadata, "resourceVersion");
        if (version !== "" && version !== found) {
          throw new TideError(
            "RESOURCE_CONFLICT",
            `${nameOf(object)} was changed meanwhile (${version}, now ${found})`,
          );
        }
        return merged(there, object);
      },
      signal,
    ),
  );
}

/**
 * Patches the object, or makes it where it is missing. A JSON patch is a list, so its operations stand under `patch` of
 * the object, beside what says which object is meant (T5: Argo Events sends the object, which no API takes for a list);
 * they cannot make an object.
 */
export async function patch(action: Action, type: PatchType): Promise<Changed> {
  const { cluster, object, signal } = action;
  const place = placeOf(action);
  if (type !== "application/json-patch+json") {
    return orCreate(action, () => cluster.patch({ ...place, type, body: object }, signal));
  }
  if (!Array.isArray(object.patch)) {
    const where = "write its operations as a list under `patch`, beside apiVersion, kind and metadata";
    throw new TideError("RESOURCE_INVALID", `${nameOf(object)}: a JSON patch is a list: ${where}`);
  }
  return cluster.patch({ ...place, type, body: object.patch }, signal);
}

export async function remove(action: Action): Promise<Changed> {
  return action.cluster.delete(placeOf(action), action.signal);
}

/** Where the object is. Throws RESOURCE_INVALID when it has no name. */
export function placeOf({ object, namespace }: Pick<Action, "object" | "namespace">): ObjectPlace {
  const name = textAt(object.metadata, "name");
  if (name === "") throw new TideError("RESOURCE_INVALID", `${nameOf(object)}: metadata.name is needed`);
  return { apiVersion: object.apiVersion, kind: object.kind, namespace: namespaceOf({ object, namespace }), name };
}

/** The object's own namespace, or the sensor's. */
export function namespaceOf({ object, namespace }: Pick<Action, "object" | "namespace">): string {
  return textAt(object.metadata, "namespace") || namespace;
}

async function orCreate(action: Action, change: () => Promise<Changed>): Promise<Changed> {
  try {
    return await change();
  } catch (error) {
    if (!isTide(error, "RESOURCE_MISSING")) throw error;
  }
  try {
    return await create(action);
  } catch (error) {
    // somebody else made it in between
    if (!isTide(error, "RESOURCE_EXISTS")) throw error;
    return change();
  }
}
