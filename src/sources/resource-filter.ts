import { asString, compilePath, get } from "../expressions/gjson.ts";
import { compileRegexp } from "../expressions/go-regexp.ts";
import type { KubeObject } from "../kit/cluster.ts";
import { recordOf } from "../lib/json.ts";
import { type ResourceConfig, type ResourceSelector, timeMs } from "./resource-config.ts";
import { textOf } from "./resource-object.ts";

/** Whether an object, given also as JSON text, is one that the entry is about. Pure. */
export type ObjectFilter = (object: KubeObject, json: string) => boolean;

/** `filter`, without `labels` (the API server's) and `afterStart` (the run's). */
export function compileObjectFilter({ filter = {} }: ResourceConfig): ObjectFilter {
  const { prefix = "", createdBy, fields = [] } = filter;
  const latestMs = timeMs(createdBy);
  const conditions = fields.map(compileField);
  return (object, json) => {
    const metadata = recordOf(object.metadata);
    if (!textOf(metadata.name).startsWith(prefix)) return false;
    // an object without a time of creation has Go's zero time, which is before every other
    if (timeMs(metadata.creationTimestamp) > latestMs) return false;
    return conditions.every((holds) => holds(json));
  };
}

/**
 * S14: Argo Events refuses a missing operation, which its documentation calls `==`, and compares numbers and booleans as
 * an empty text; here they are compared as they are written.
 */
function compileField({ key = "", operation = "", value = "" }: ResourceSelector): (json: string) => boolean {
  const path = compilePath(key);
  const pattern = compileRegexp(value);
  const wanted = operation !== "!=";
  return (json) => {
    const found = get(json, path);
    return found.exists && pattern.test(asString(found)) === wanted;
  };
}

/** `filter.labels` as the API takes it; undefined when there are none. */
export function labelSelector({ filter }: ResourceConfig): string | undefined {
  const parts = (filter?.labels ?? []).map(({ key = "", operation = "", value = "" }) => {
    switch (operation) {
      case "in":
      case "notin":
        return `${key} ${operation} (${value})`;
      case "exists":
        return key;
      case "!":
        return `!${key}`;
      case "gt":
        return `${key}>${value}`;
      case "lt":
        return `${key}<${value}`;
      default:
        return `${key}${operation === "" ? "=" : operation}${value}`;
    }
  });
  return parts.length === 0 ? undefined : parts.join(",");
}
