import { z } from "zod";
import { didYouMean, surelyMeant } from "../lib/did-you-mean.ts";
import type { Finding, Path, Repair } from "../lib/finding.ts";
import { setOwn } from "./yaml-value.ts";

/** A value held against its schema. */
export interface Shaped {
  /** As written, without the nulls that Go reads as absent. Only to be used when no finding is an error. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
}

/** The keys that a schema of an object has. */
export function keysOf(outer: z.core.$ZodType): readonly string[] {
  const { schema } = bare(outer);
  return schema instanceof z.core.$ZodObject ? Object.keys(schema._zod.def.shape) : [];
}

/** What to say of a key that the schema does not have: nothing (`known`), the usual words (undefined), or these. */
export type UnknownKey = (path: Path, known: readonly string[]) => Partial<Finding> | "known" | undefined;

/** Findings of one kind for one value; the hundredth helps nobody. */
const maxFindings = 100;

/**
 * Checks `value` against `schema`: types and required fields (errors), and keys that the schema does not have
 * (warnings, since Argo Events drops them silently). Paths begin with `path`.
 */
export function shape(schema: z.ZodType, value: unknown, options: { path: Path; unknown?: UnknownKey }): Shaped {
  const { value: tidied, findings: unknown } = unknownFields(schema, value, options);
  const findings = [...unknown];
  const checked = schema.safeParse(tidied);
  if (!checked.success) {
    for (const issue of checked.error.issues.slice(0, maxFindings)) findings.push(...say(issue, tidied, options.path));
  }
  return { value: tidied, findings };
}

/** Finds the keys of `value` that `schema` does not have, and leaves out the nulls that Go reads as absent. */
export function unknownFields(
  schema: z.ZodType,
  value: unknown,
  options: { path: Path; unknown?: UnknownKey },
): Shaped {
  const unknown: Unknown[] = [];
  const tidied = tidy(schema, value, { path: options.path, unknown });
  const findings: Finding[] = unknown.slice(0, maxFindings).flatMap(({ path, known, there }) => {
    const own = options.unknown?.(path, known);
    return own === "known" ? [] : [{ ...unknownKey(path, known, there), ...own }];
  });
  return { value: tidied, findings };
}

/** The usual words for a key that is not known; `there` are the keys beside it. */
export function unknownKey(path: Path, known: readonly string[], there: readonly string[]): Finding {
  const key = String(path.at(-1));
  const meant = didYouMean(key, known);
  const sure = surelyMeant(key, known);
  return {
    severity: "warning",
    code: "UNKNOWN_FIELD",
    path,
    key: true,
    message: meant === undefined ? `${key} is not known here` : `${key} is not known here; did you mean ${meant}?`,
    fix: meant === undefined ? `Remove it. Known here: ${[...known].sort().join(", ")}.` : `Write ${meant}.`,
    ...(sure === undefined || there.includes(sure) ? {} : { repair: { do: "rename", to: sure } }),
  };
}

interface Unknown {
  readonly path: Path;
  readonly known: readonly string[];
  /** All keys of the map. */
  readonly there: readonly string[];
}

interface Walk {
  readonly path: Path;
  readonly unknown: Unknown[];
}

/** What a schema is inside of optional, lazy and the like. */
export function bare(schema: z.core.$ZodType): { readonly schema: z.core.$ZodType; readonly nullable: boolean } {
  let nullable = false;
  let inner = schema;
  for (;;) {
    if (inner instanceof z.core.$ZodNullable) nullable = true;
    if (inner instanceof z.core.$ZodOptional || inner instanceof z.core.$ZodNullable) inner = inner._zod.def.innerType;
    else if (inner instanceof z.core.$ZodDefault || inner instanceof z.core.$ZodReadonly)
      inner = inner._zod.def.innerType;
    else if (inner instanceof z.core.$ZodLazy) inner = inner._zod.def.getter();
    else return { schema: inner, nullable };
  }
}

/**
 * Go reads null as the absent value, so `metadata:` with nothing behind it is valid in every place that is not opaque.
 * The same walk finds the unknown keys.
 */
function tidy(outer: z.core.$ZodType, value: unknown, walk: Walk): unknown {
  const { schema } = bare(outer);
  if (Array.isArray(value)) {
    if (!(schema instanceof z.core.$ZodArray)) return value;
    const { element } = schema._zod.def;
    return value.map((item, index) => tidy(element, item, { ...walk, path: [...walk.path, index] }));
  }
  if (typeof value !== "object" || value === null) return value;
  if (schema instanceof z.core.$ZodUnion) {
    const option = schema._zod.def.options.find((one) => bare(one).schema instanceof z.core.$ZodObject);
    return option === undefined ? value : tidy(option, value, walk);
  }
  const isObject = schema instanceof z.core.$ZodObject;
  if (!isObject && !(schema instanceof z.core.$ZodRecord)) return value;
  const tidied: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const path = [...walk.path, key];
    const expected = isObject
      ? Object.hasOwn(schema._zod.def.shape, key)
        ? schema._zod.def.shape[key]
        : undefined
      : schema._zod.def.valueType;
    if (expected === undefined) {
      if (isObject && walk.unknown.length <= maxFindings) {
        walk.unknown.push({ path, known: Object.keys(schema._zod.def.shape), there: Object.keys(value) });
      }
      setOwn(tidied, key, member);
    } else if (member !== null || keepsNull(expected)) {
      setOwn(tidied, key, tidy(expected, member, { ...walk, path }));
    }
  }
  return tidied;
}

function keepsNull(outer: z.core.$ZodType): boolean {
  const { schema, nullable } = bare(outer);
  return nullable || schema instanceof z.core.$ZodUnknown || schema instanceof z.core.$ZodAny;
}

/** One fault in our own words. */
function say(issue: z.core.$ZodIssue, root: unknown, base: Path): Finding[] {
  const inner = issue.path.filter((key): key is string | number => typeof key !== "symbol");
  const path = [...base, ...inner];
  const value = valueAt(root, inner);
  const name = path.findLast((key) => typeof key === "string") ?? "the value";
  const error = { severity: "error", path } as const;
  if (value === undefined) {
    return [{ ...error, code: "FIELD_MISSING", message: `${name} is missing`, fix: `Add ${name}.` }];
  }
  switch (issue.code) {
    case "invalid_type":
      return [typeFault(error, { name, value, expected: [issue.expected] })];
    case "invalid_union": {
      // the form that fits but for what is inside of it: the fault is there
      const close = issue.errors.find((errors) => errors.every((one) => one.path.length > 0));
      if (close !== undefined)
        return close.flatMap((one) => say({ ...one, path: [...issue.path, ...one.path] }, root, base));
      return [typeFault(error, { name, value, expected: expectedOf(issue.errors.flat()) })];
    }
    case "invalid_value": {
      const words = issue.values.map(String).filter((word) => word !== "");
      const meant = typeof value === "string" ? didYouMean(value, words) : undefined;
      const fix = meant === undefined ? `Use one of ${words.join(", ")}.` : `Write ${meant}.`;
      return [{ ...error, code: "FIELD_VALUE", message: `${name} cannot be ${written(value)}`, fix }];
    }
    case "too_small":
    case "too_big": {
      if (value === "" || (Array.isArray(value) && value.length === 0)) {
        return [{ ...error, code: "FIELD_MISSING", message: `${name} must not be empty`, fix: `Fill in ${name}.` }];
      }
      const [word, bound] =
        issue.code === "too_small" ? ["at least", issue.minimum] : (["at most", issue.maximum] as const);
      return [{ ...error, code: "FIELD_VALUE", message: `${name} must be ${word} ${bound}, not ${written(value)}` }];
    }
    default:
      return [{ ...error, code: "FIELD_VALUE", message: `${name}: ${issue.message}` }];
  }
}

/** The types that would have been right, at the place itself. */
function expectedOf(errors: readonly z.core.$ZodIssue[]): readonly string[] {
  return errors.flatMap((one) => {
    if (one.path.length > 0) return [];
    if (one.code === "invalid_union") return expectedOf(one.errors.flat());
    return one.code === "invalid_type" ? [one.expected] : [];
  });
}

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
};

function typeFault(
  error: { readonly severity: "error"; readonly path: Path },
  fault: { readonly name: string | number; readonly value: unknown; readonly expected: readonly string[] },
): Finding {
  const { name, value } = fault;
  const expected = [...new Set(fault.expected.map((kind) => kinds[kind] ?? kind))].join(" or ");
  const message = `${name} must be ${expected}, not ${written(value)}`;
  return { ...error, code: "FIELD_TYPE", message, fix: `Write ${expected}.`, ...typeFix(value, fault.expected) };
}

function typeFix(value: unknown, expected: readonly string[]): { fix: string; repair: Repair } | undefined {
  if (expected.includes("string") && (typeof value === "number" || typeof value === "boolean")) {
    return { fix: `Quote it: "${value}".`, repair: { do: "quote" } };
  }
  if (typeof value !== "string") return undefined;
  const numeric = value.trim() !== "" && Number.isFinite(Number(value));
  const unquote = { fix: `Remove the quotes: ${value.toLowerCase()}.`, repair: { do: "unquote" } } as const;
  if ((expected.includes("number") || expected.includes("int")) && numeric) return unquote;
  return expected.includes("boolean") && /^(true|false)$/i.test(value) ? unquote : undefined;
}

/** A value as a person wrote it, short. Long texts are cut: a secret pasted into the wrong place is not repeated. */
function written(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  if (typeof value === "string")
    return `the text ${JSON.stringify(value.length > 24 ? `${value.slice(0, 20)}…` : value)}`;
  return typeof value === "number" ? `the number ${value}` : String(value);
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}
