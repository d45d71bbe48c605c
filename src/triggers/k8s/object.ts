import { TideError } from "../../lib/errors.ts";
import { isExactNumber, parseExact } from "../cluster/exact-json.ts";
import { labelValue } from "../cluster/firing-name.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** A resource after its parameters; it has apiVersion and kind, and its metadata and labels are maps. */
export interface Resource extends Fields {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Reads the JSON text of a resource. Throws RESOURCE_INVALID. */
export function readResource(text: string | undefined): Resource {
  let object: unknown;
  try {
    object = parseExact(text ?? "");
  } catch (cause) {
    throw new TideError("RESOURCE_INVALID", "the object is no JSON after its parameters", { cause });
  }
  if (!isFields(object)) throw new TideError("RESOURCE_INVALID", "the object is no map");
  const apiVersion = textAt(object, "apiVersion");
  const kind = textAt(object, "kind");
  if (apiVersion === "" || kind === "") {
    throw new TideError("RESOURCE_INVALID", `the object has no ${apiVersion === "" ? "apiVersion" : "kind"}`);
  }
  const { metadata = {} } = object;
  if (!isFields(metadata) || !isFields(metadata.labels ?? {})) {
    throw new TideError("RESOURCE_INVALID", `${nameOf(object)}: metadata and its labels must be maps`);
  }
  return { ...object, apiVersion, kind };
}

/** The labels of every object that a trigger makes (reference 4, k8s), as the API takes them (T5). */
export function withLabels(
  object: Resource,
  { sensor, trigger, nowMs }: { readonly sensor: string; readonly trigger: string; readonly nowMs: number },
): Resource {
  const metadata = isFields(object.metadata) ? object.metadata : {};
  const labels = isFields(metadata.labels) ? metadata.labels : {};
  const added = {
    "events.argoproj.io/sensor": labelValue(sensor),
    "events.argoproj.io/trigger": labelValue(trigger),
    "events.argoproj.io/action-timestamp": String(Math.floor(nowMs)),
  };
  return { ...object, metadata: { ...metadata, labels: { ...labels, ...added } } };
}

/**
 * What `update` writes: maps are merged into maps, everything else of `change` replaces what is there, `0`, `false`, `null`
 * and empty lists too, and lists as a whole (measured with mergo 0.3.16, which Argo Events uses).
 */
export function merged(there: Fields, change: Fields): Fields {
  const keys = new Set([...Object.keys(there), ...Object.keys(change)]);
  // not by assignment: a key `__proto__` is data
  return Object.fromEntries(
    [...keys].map((key) => {
      const old = Object.hasOwn(there, key) ? there[key] : undefined;
      if (!Object.hasOwn(change, key)) return [key, old];
      const next = change[key];
      return [key, isFields(old) && isFields(next) ? merged(old, next) : next];
    }),
  );
}

/** `Job pack-`. */
export function nameOf(object: Fields): string {
  const name = textAt(object.metadata, "name") || textAt(object.metadata, "generateName");
  return `${textAt(object, "kind") || "object"} ${name || "without a name"}`;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isExactNumber(value);
}

/** "" where there is no text. */
export function textAt(value: unknown, key: string): string {
  const held = isFields(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof held === "string" ? held : "";
}
