import { z } from "zod";
import { type FieldMeta, fieldMeta } from "../kit/fields.ts";
import type { Path } from "../lib/finding.ts";
import { bare } from "./shape.ts";

/** A value in a manifest, with what its schema says of it. */
export interface FieldAt {
  readonly path: Path;
  readonly value: unknown;
  readonly meta: FieldMeta;
}

/** Every member of `value` that its schema knows, from the outside in. */
export function* fieldsAt(outer: z.core.$ZodType, value: unknown, path: Path): Iterable<FieldAt> {
  const { schema } = bare(outer);
  if (value === null || typeof value !== "object") return;
  if (schema instanceof z.core.$ZodUnion) {
    const option = schema._zod.def.options.find((one) => bare(one).schema instanceof z.core.$ZodObject);
    if (option !== undefined) yield* fieldsAt(option, value, path);
    return;
  }
  const members: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  for (const [key, member] of members) {
    const expected = memberSchema(schema, key);
    if (expected === undefined || member === null || member === undefined) continue;
    const at = [...path, key];
    yield { path: at, value: member, meta: fieldMeta(bare(expected).schema) };
    yield* fieldsAt(expected, member, at);
  }
}

function memberSchema(schema: z.core.$ZodType, key: string | number): z.core.$ZodType | undefined {
  if (schema instanceof z.core.$ZodArray) return schema._zod.def.element;
  if (schema instanceof z.core.$ZodRecord) return schema._zod.def.valueType;
  if (!(schema instanceof z.core.$ZodObject)) return undefined;
  const { shape } = schema._zod.def;
  return Object.hasOwn(shape, key) ? shape[key] : undefined;
}
