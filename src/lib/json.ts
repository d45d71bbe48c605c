/** A JSON object as it came; every key is data. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a decoded value is an object, and neither a list nor null. */
export function isRecord(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON text that is the same for equal values, whatever the order of keys: what definitions are hashed by. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (!isRecord(inner)) return inner;
    const entries = Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries);
  });
}

/** The object that a value is; an empty one where it is none. */
export function recordOf(value: unknown): JsonObject {
  return isRecord(value) ? value : {};
}
