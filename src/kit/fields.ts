import { z } from "zod";

/**
 * The vocabulary that connectors describe their configuration with: zod 4 schemas, each with a description, without
 * transforms (what was written stays what is kept) and loose (unknown keys are found by walking, and are warnings,
 * because Argo Events ignores them). From one such schema come the type, the check with its place, JSON Schema, the
 * reference page, lint and redaction.
 */
export type Schema<T> = z.ZodType<T>;

/**
 * What every field must say: one sentence for the reference page. One that Argo Events does not have says `(extension)`;
 * from that comes the mark that `lint --portable` looks for.
 */
interface Said {
  readonly description: string;
}

/** What is kept about a field, beside its type. */
export interface FieldMeta {
  readonly description?: string;
  /** Argo Events does not know the field. */
  readonly extension?: true;
  /** A key of a Secret or ConfigMap. */
  readonly ref?: "secret" | "configMap";
  /** What is inside is not ours to check. */
  readonly opaque?: true;
}

/** What the field builders said of a schema; optional and the like are looked through by the caller. */
export function fieldMeta(schema: z.core.$ZodType): FieldMeta {
  return (z.globalRegistry.get(schema) ?? {}) as FieldMeta;
}

function meta<M extends object>({ description }: Said, more?: M) {
  return { description, ...(description.includes("(extension)") ? { extension: true } : {}), ...more };
}

interface Bounded extends Said {
  readonly min?: number;
  readonly max?: number;
}

/** Text. `pattern` only for what has a fixed form. */
export function text(field: Said & { readonly pattern?: RegExp; readonly nonEmpty?: boolean }): z.ZodString {
  let schema = z.string();
  if (field.pattern) schema = schema.regex(field.pattern);
  if (field.nonEmpty) schema = schema.min(1, "must not be empty");
  return schema.meta(meta(field));
}

/** A whole number. */
export function whole(field: Bounded): z.ZodNumber {
  let schema = z.number().int();
  if (field.min !== undefined) schema = schema.min(field.min);
  if (field.max !== undefined) schema = schema.max(field.max);
  return schema.meta(meta(field));
}

export function number(field: Bounded): z.ZodNumber {
  let schema = z.number();
  if (field.min !== undefined) schema = schema.min(field.min);
  if (field.max !== undefined) schema = schema.max(field.max);
  return schema.meta(meta(field));
}

export function flag(field: Said): z.ZodBoolean {
  return z.boolean().meta(meta(field));
}

/** One of the words of a fixed list. */
export function choice<const T extends readonly [string, ...string[]]>(
  words: T,
  field: Said,
): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(words).meta(meta(field));
}

export function list<T extends z.ZodType>(item: T, field: Said & { readonly min?: number }): z.ZodArray<T> {
  const schema = z.array(item);
  return (field.min === undefined ? schema : schema.min(field.min)).meta(meta(field));
}

/** Keys chosen by the user, one kind of value. */
export function map<T extends z.ZodType>(value: T, field: Said): z.ZodRecord<z.ZodString, T> {
  return z.record(z.string(), value).meta(meta(field));
}

export function object<T extends z.ZodRawShape>(shape: T, field: Said): z.ZodObject<T, z.core.$loose> {
  return z.looseObject(shape).meta(meta(field));
}

export function optional<T extends z.ZodType>(schema: T): z.ZodOptional<T> {
  return schema.optional();
}

/** Any JSON value: what is inside is not ours to check. */
export function json(field: Said): z.ZodUnknown {
  return z.unknown().meta(meta(field, { opaque: true }));
}

/** A duration as Go writes it (`1h30m`, `500ms`), or a whole number of nanoseconds, as Kubernetes' int-or-string. */
export function duration(field: Said): z.ZodUnion<readonly [z.ZodString, z.ZodNumber]> {
  return z.union([z.string(), z.number()]).meta(meta(field, { format: "duration" }));
}

/** A name or number that Kubernetes accepts as either. */
export function intOrString(field: Said): z.ZodUnion<readonly [z.ZodString, z.ZodNumber]> {
  return z.union([z.string(), z.number()]).meta(meta(field));
}

/** A field with a short form and a long one. */
export function either<A extends z.ZodType, B extends z.ZodType>(
  short: A,
  long: B,
  field: Said,
): z.ZodUnion<readonly [A, B]> {
  return z.union([short, long]).meta(meta(field));
}

/** A key of a Secret or ConfigMap: where a value is, never the value. */
export interface KeyRef {
  readonly name: string;
  readonly key: string;
  readonly optional?: boolean | undefined;
}

function keyRef(field: Said, of: "secret" | "configMap") {
  return z
    .looseObject({
      name: z
        .string()
        .min(1)
        .meta({ description: `Name of the ${of === "secret" ? "Secret" : "ConfigMap"}.` }),
      key: z.string().min(1).meta({ description: "Key inside it." }),
      optional: z.boolean().optional().meta({ description: "Accepted, and without effect, as in Argo Events." }),
    })
    .meta(meta(field, { ref: of }));
}

export function secretRef(field: Said) {
  return keyRef(field, "secret");
}

export function configMapRef(field: Said) {
  return keyRef(field, "configMap");
}
