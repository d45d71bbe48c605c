import type { Path } from "../lib/finding.ts";
import { isRecord, type JsonObject } from "../lib/json.ts";

/** A schema inside a document, with the way to it. */
export interface Subschema {
  readonly schema: JsonObject;
  readonly path: Path;
  /** It has an `$id` of its own, or stands below one that has: references in it are not those of its document. */
  readonly embedded: boolean;
}

/** Keywords whose value is a schema, a list of schemas, or a map of them. */
const one = new Set([
  ...["additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"],
  ...["propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"],
]);
const many = new Set(["allOf", "anyOf", "items", "oneOf", "prefixItems"]);
const named = new Set(["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"]);

/** Deeper schemas are refused: the validator's own compiler is recursive. */
export const deepestSchema = 100;
/** More schemas than a person writes, or a program should. */
export const mostSchemas = 20_000;

/** Every schema of a document, from the outside in; ends early at `mostSchemas` + 1 of them, and looks no deeper than `deepestSchema`. */
export function* subschemas(document: unknown): Iterable<Subschema> {
  let count = 0;
  const open: Subschema[] = isRecord(document) ? [{ schema: document, path: [], embedded: false }] : [];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    yield next;
    count += 1;
    if (count > mostSchemas) return;
    if (next.path.length <= deepestSchema) open.push(...membersOf(next).reverse());
  }
}

/** The schemas right below. */
function membersOf({ schema, path, embedded }: Subschema): Subschema[] {
  const found: Subschema[] = [];
  const take = (value: unknown, at: Path): void => {
    if (!isRecord(value)) return;
    const own = typeof value.$id === "string" && !value.$id.startsWith("#");
    found.push({ schema: value, path: at, embedded: embedded || own });
  };
  for (const [key, value] of Object.entries(schema)) {
    if (one.has(key)) take(value, [...path, key]);
    if (many.has(key) && Array.isArray(value)) for (const [i, item] of value.entries()) take(item, [...path, key, i]);
    if (named.has(key) && isRecord(value))
      for (const [name, member] of Object.entries(value)) take(member, [...path, key, name]);
  }
  return found;
}

/** The way that a JSON pointer names (`/properties/a~1b/0`); list indexes are numbers where the document has lists. */
export function pathOfPointer(document: unknown, pointer: string): Path {
  const path: (string | number)[] = [];
  let value = document;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const step = Array.isArray(value) && /^\d+$/.test(key) ? Number(key) : key;
    path.push(step);
    value = typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[step] : undefined;
  }
  return path;
}
