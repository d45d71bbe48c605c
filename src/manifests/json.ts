import { isRecord, type JsonObject } from "../lib/json.ts";

/** An own property; never one that came by the prototype. */
export function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** The object there, or an empty one: for looking at what may be of a wrong type, which is reported elsewhere. */
export function recordAt(object: unknown, ...keys: readonly string[]): JsonObject {
  let value: unknown = object;
  for (const key of keys) value = isRecord(value) ? own(value, key) : undefined;
  return isRecord(value) ? value : {};
}

export function textAt(object: JsonObject, key: string): string | undefined {
  const value = own(object, key);
  return typeof value === "string" && value !== "" ? value : undefined;
}
