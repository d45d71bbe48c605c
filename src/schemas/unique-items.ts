import type { FuncKeywordDefinition } from "ajv";
import { canonicalJson } from "../lib/json.ts";

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
  for (const item of items) seen.add(canonicalJson(item));
  return seen.size === items.length;
}
