import type { FuncKeywordDefinition } from "ajv";

/** `uniqueItems` in linear time; the validator's own compares each item with each other. */
export const uniqueItems: FuncKeywordDefinition = {
  keyword: "uniqueItems",
  type: "array",
  schemaType: "boolean",
  error: { message: "must not have equal items" },
  compile: (wanted: boolean) => (items: readonly unknown[]) => !wanted || areUnique(items),
};

function areUnique(items: readonly unknown[]): boolean {
  const seen = new Set<string>();
  for (const item of items) seen.add(sorted(item));
  return seen.size === items.length;
}

/** JSON text that is the same for equal values, whatever the order of their members. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))
      : inner,
  );
}
