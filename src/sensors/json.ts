/**
 * The value without members that are null, which Kubernetes and Go take for absent; below a key `resource` stands a
 * Kubernetes object, which stays as it is, as does what is deeper than `depth`.
 */
export function withoutNulls(value: unknown, depth = 16): unknown {
  if (typeof value !== "object" || value === null || depth === 0) return value;
  if (Array.isArray(value)) return value.map((one) => withoutNulls(one, depth - 1));
  const entries = Object.entries(value).filter(([, one]) => one !== null);
  return Object.fromEntries(
    entries.map(([key, one]) => [key, key === "resource" ? one : withoutNulls(one, depth - 1)]),
  );
}

/** The own member `key` of an object or array; undefined where there is none. */
export function member(value: unknown, key: string | number): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string | number, unknown>>)[key]
    : undefined;
}
