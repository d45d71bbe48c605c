import { isRecord } from "../lib/json.ts";
import type { SchemaBundle } from "./bundle.ts";
import { subschemas } from "./walk.ts";

/** So many schemas may be asked about one value. */
export const highestCost = 100_000;

const inPlace = ["allOf", "anyOf", "oneOf"] as const;

/**
 * How many schemas are asked about one value at most: references that meet again and again multiply (twenty steps of
 * `allOf: [a, a]` are a million). Infinity where a schema asks itself about the same value.
 */
export function costOf(bundle: SchemaBundle): number {
  const known = new Map<object, number>();
  const open = new Set<object>();
  let highest = 0;
  const cost = (schema: unknown, document: number): number => {
    if (!isRecord(schema)) return 1;
    if (open.has(schema)) return Number.POSITIVE_INFINITY;
    const before = known.get(schema);
    if (before !== undefined) return before;
    // what is deeper is far beyond any schema, and is refused by its cost
    if (open.size > 1_000) return highestCost + 1;
    open.add(schema);
    let sum = 1;
    for (const key of ["$ref", "$dynamicRef"] as const) {
      const target = typeof schema[key] === "string" ? targetOf(schema[key], bundle, document) : undefined;
      if (target !== undefined) sum += cost(target.schema, target.document);
    }
    for (const key of inPlace) {
      const list = schema[key];
      if (Array.isArray(list)) for (const one of list) sum += cost(one, document);
    }
    for (const key of ["if", "then", "else", "not"] as const) sum += key in schema ? cost(schema[key], document) : 0;
    open.delete(schema);
    known.set(schema, sum);
    return sum;
  };
  for (const [document, { schema }] of bundle.documents.entries()) {
    for (const one of subschemas(schema)) highest = Math.max(highest, cost(one.schema, document));
  }
  return highest;
}

function targetOf(ref: string, bundle: SchemaBundle, document: number) {
  const found = /^(?:tidemill:\/(\d+))?(?:#(.*))?$/.exec(ref);
  if (found === null) return undefined;
  const index = found[1] === undefined ? document : Number(found[1]);
  let schema: unknown = bundle.documents[index]?.schema;
  for (const part of (found[2] ?? "").split("/").slice(1)) {
    const key = decode(part).replaceAll("~1", "/").replaceAll("~0", "~");
    schema = typeof schema === "object" && schema !== null ? (schema as Record<string, unknown>)[key] : undefined;
  }
  return { schema, document: index };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
