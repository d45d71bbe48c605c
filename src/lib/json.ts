/** A JSON object as it came; every key is data. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a decoded value is an object, and neither a list nor null. */
export function isRecord(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object that a value is; an empty one where it is none. */
export function recordOf(value: unknown): JsonObject {
  return isRecord(value) ? value : {};
}
