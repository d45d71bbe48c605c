import type { KubeObject } from "../kit/cluster.ts";
import { goMap, goString, metadataMember } from "../kit/go-json.ts";
import { recordOf } from "../lib/json.ts";
import { type ResourceConfig, timeMs } from "./resource-config.ts";

export type ChangeType = "ADD" | "UPDATE" | "DELETE";

/** One change of one object. */
export interface Change {
  readonly type: ChangeType;
  readonly uid: string;
  /** Of the object that `body` is; of a deletion, that of the object before it. */
  readonly version: string;
  /** JSON as `objectJson` writes it. */
  readonly body: string;
  readonly oldBody: string | undefined;
}

/** The data of an event, byte for byte as Argo Events makes them (reference 1.6, resource). */
export function dataOfChange(config: ResourceConfig, { type, body, oldBody }: Change): Uint8Array {
  const { group = "", version = "", resource = "", metadata } = config;
  const kind = `"group":${goString(group)},"version":${goString(version)},"resource":${goString(resource)}`;
  return Buffer.from(
    `{"type":"${type}","body":${body},"oldBody":${oldBody ?? "null"},${kind}${metadataMember(metadata)}}`,
  );
}

/** No schema of Kubernetes nests deeper; what does was made to hurt. */
const maxDepth = 500;

/** An object as Go writes it, its keys sorted; undefined when it is nested deeper than 500. */
export function objectJson(object: KubeObject): string | undefined {
  try {
    return write(object, 0);
  } catch (error) {
    if (error instanceof TooDeep) return undefined;
    throw error;
  }
}

class TooDeep extends Error {}

function write(value: unknown, depth: number): string {
  if (typeof value === "string") return goString(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (depth > maxDepth) throw new TooDeep();
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(",")}]`;
  return goMap(Object.entries(value).map(([key, item]) => [key, write(item, depth + 1)] as const));
}

/** When the change was made, as far as the object tells, in Unix microseconds; the API counts in seconds. */
export function sentUsOf(type: ChangeType, object: KubeObject): number | undefined {
  const metadata = recordOf(object.metadata);
  const writes = Array.isArray(metadata.managedFields) ? metadata.managedFields : [];
  const times =
    type === "ADD"
      ? [timeMs(metadata.creationTimestamp)]
      : type === "UPDATE"
        ? writes.map((write) => timeMs(recordOf(write).time))
        : [];
  const latestMs = times.filter((time) => !Number.isNaN(time)).reduce((a, b) => Math.max(a, b), 0);
  return latestMs === 0 ? undefined : latestMs * 1000;
}

/** "" where there is no text. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
