import type { Ajv, ValidateFunction } from "ajv";
import type { JsonObject } from "../lib/json.ts";
import { compileSchema } from "./compile.ts";
import { createAjv } from "./drafts.ts";
import { emptyShape, type FormatsOf, isMap, knownFormats, look, type Shape, valuesOf } from "./sample-shape.ts";

export interface InferOptions {
  /** Smallest and largest numbers and lengths as they were seen. */
  readonly bounds?: boolean | undefined;
  /** Fields that were not seen are not allowed. */
  readonly closed?: boolean | undefined;
}

export interface Inferred {
  readonly schema: JsonObject;
  readonly samples: number;
  /** Fields by name, at any depth. */
  readonly fields: number;
  /** Samples that the schema refuses, with the reason: none, unless this code is wrong. */
  readonly refused: readonly string[];
}

/** Words that repeat: so many different ones at most, and each so often on average. */
const mostEnum = 8;
const leastRepeats = 4;
const leastForEnum = 8;

/**
 * A schema that fits all samples: types, fields that are always there, few words that repeat, formats. It is a proposal: what
 * no sample showed is not in it. The schema is held against every sample before it is given out.
 */
export function inferSchema(samples: readonly unknown[], options: InferOptions = {}): Inferred {
  const shape = emptyShape();
  const formatsOf = formatTests();
  for (const sample of samples) look(shape, sample, formatsOf);
  const schema = { $schema: "https://json-schema.org/draft/2020-12/schema", ...schemaOf(shape, options) };
  const { check, findings } = compileSchema({ documents: [{ name: "inferred", schema }] });
  const bad = findings.filter(({ severity }) => severity === "error").map(({ message }) => message);
  const refused = samples.flatMap((sample) => check?.(Buffer.from(JSON.stringify(sample)))?.message ?? []);
  return { schema, samples: samples.length, fields: fieldsOf(shape), refused: [...bad, ...refused] };
}

/** The formats are asked of the validator itself, so that what is proposed is what it accepts. */
function formatTests(): FormatsOf {
  const ajv: Ajv = createAjv("2020-12", { strict: false });
  const tests = new Map<string, ValidateFunction>(
    knownFormats.map((format) => [format, ajv.compile({ type: "string", format })]),
  );
  // `a:b` is a URI by its grammar, and hardly meant as one
  const meant = (format: string, text: string): boolean => format !== "uri" || text.includes("://");
  return (text, among) => among.filter((format) => meant(format, text) && tests.get(format)?.(text) === true);
}

function schemaOf(shape: Shape, options: InferOptions): JsonObject {
  const types = typesOf(shape);
  if (types.length === 0) return {};
  const words = enumOf(shape, types);
  if (words !== undefined) return { enum: words };
  return {
    type: types.length === 1 ? types[0] : types,
    ...textOf(shape, options),
    ...numberOf(shape, options),
    ...listOf(shape, options),
    ...objectOf(shape, options),
  };
}

function typesOf({ nulls, booleans, integers, fractions, strings, lists, objects }: Shape): readonly string[] {
  return [
    ...(objects.count > 0 ? ["object"] : []),
    ...(lists.count > 0 ? ["array"] : []),
    ...(strings.count > 0 ? ["string"] : []),
    ...(fractions > 0 ? ["number"] : integers > 0 ? ["integer"] : []),
    ...(booleans > 0 ? ["boolean"] : []),
    ...(nulls > 0 ? ["null"] : []),
  ];
}

/** A few words that repeat; a text of a known form is no word. */
function enumOf({ strings, nulls }: Shape, types: readonly string[]): readonly unknown[] | undefined {
  const { words, count, formats } = strings;
  const others = types.filter((type) => type !== "string" && type !== "null");
  if (words === undefined || words.size === 0 || others.length > 0 || formats.length > 0) return undefined;
  if (words.size > mostEnum || count < leastForEnum || count < words.size * leastRepeats) return undefined;
  const sorted = [...words.keys()].sort();
  return nulls > 0 ? [...sorted, null] : sorted;
}

function textOf({ strings }: Shape, { bounds }: InferOptions): JsonObject {
  if (strings.count === 0) return {};
  const [format] = strings.formats;
  return {
    ...(format === undefined ? {} : { format }),
    ...(bounds === true ? { minLength: strings.shortest, maxLength: strings.longest } : {}),
  };
}

function numberOf({ integers, fractions, lowest, highest }: Shape, { bounds }: InferOptions): JsonObject {
  const finite = Number.isFinite(lowest) && Number.isFinite(highest);
  return bounds === true && integers + fractions > 0 && finite ? { minimum: lowest, maximum: highest } : {};
}

function listOf({ lists }: Shape, options: InferOptions): JsonObject {
  if (lists.count === 0) return {};
  return {
    ...(options.bounds === true ? { minItems: lists.shortest, maxItems: lists.longest } : {}),
    ...(lists.items === undefined ? {} : { items: schemaOf(lists.items, options) }),
  };
}

function objectOf({ objects }: Shape, options: InferOptions): JsonObject {
  const { count, members } = objects;
  if (members.size === 0) return {};
  if (isMap(objects)) return { additionalProperties: schemaOf(valuesOf(objects), options) };
  const required = [...members].filter(([, shape]) => shape.count === count).map(([name]) => name);
  return {
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries([...members].map(([name, shape]) => [name, schemaOf(shape, options)])),
    // ajv never takes this name for one of the schema's own, and would forbid it
    ...(options.closed === true && !members.has("__proto__") ? { additionalProperties: false } : {}),
  };
}

function fieldsOf({ objects, lists }: Shape): number {
  const own = isMap(objects) ? 0 : objects.members.size;
  const below = isMap(objects) ? [] : [...objects.members.values()];
  const items = lists.items === undefined ? [] : [lists.items];
  return [...below, ...items].reduce((sum, shape) => sum + fieldsOf(shape), own);
}
