import type { Ajv, ErrorObject, Options, ValidateFunction } from "ajv";
import { ExpressionError } from "../expressions/fault.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import { messageOf } from "../lib/errors.ts";
import type { Path } from "../lib/finding.ts";
import { documentUri, type SchemaBundle } from "./bundle.ts";
import { type CheckSchema, createCheck } from "./check.ts";
import { costOf, highestCost } from "./cost.ts";
import { createAjv, draftOf } from "./drafts.ts";
import { isAnnotation, keywords } from "./keywords.ts";
import { compilePattern } from "./pattern.ts";
import { deepestSchema, mostSchemas, pathOfPointer, subschemas } from "./walk.ts";

/** Something wrong with a schema, or probably not meant. */
export interface SchemaFinding {
  readonly severity: "error" | "warning";
  /** Which document of the bundle. */
  readonly document: number;
  readonly path: Path;
  readonly message: string;
  /** The key at the end of the path is meant. */
  readonly key?: boolean;
  readonly fix?: string;
}

export interface CompiledSchema {
  /** undefined when a finding is an error. */
  readonly check: CheckSchema | undefined;
  readonly findings: readonly SchemaFinding[];
}

/** More of them say no more. */
const mostFindings = 20;

/** Checks a schema and compiles it, once. Pure; nothing is loaded from anywhere. */
export function compileSchema(bundle: SchemaBundle): CompiledSchema {
  const all = bundle.documents.flatMap((_, index) => [...lookThrough(bundle, index)]);
  const errors = all.filter(({ severity }) => severity === "error");
  const findings = [...errors, ...all.filter((one) => !errors.includes(one))].slice(0, mostFindings);
  if (errors.length > 0) return { check: undefined, findings };
  const draft = draftOf(schemaOf(bundle, 0)) ?? "2020-12";
  const said: string[] = [];
  const options: Options = { strict: "log", logger: loggerTo(said) };
  try {
    const ajv = createAjv(draft, options);
    const invalid = notOfItsDraft(ajv, bundle);
    if (invalid.length > 0) return { check: undefined, findings: [...findings, ...invalid] };
    const first = compiled(ajv, bundle);
    // the second one is compiled when the first event fails: its answers are only asked for then
    const thorough = (): ValidateFunction =>
      compiled(createAjv(draft, { strict: false, logger: false, allErrors: true }), bundle);
    const warnings = [...new Set(said)].flatMap((message) => strictFinding(message, bundle) ?? []);
    const check = createCheck({ name: bundle.documents[0]?.name ?? "", at: bundle.at, first, all: thorough });
    return { check, findings: [...findings, ...warnings].slice(0, mostFindings) };
  } catch (cause) {
    return { check: undefined, findings: [...findings, refused(cause, bundle)] };
  }
}

function schemaOf(bundle: SchemaBundle, index: number): unknown {
  const schema = bundle.documents[index]?.schema;
  return typeof schema === "object" && schema !== null && "$schema" in schema ? schema.$schema : undefined;
}

/** What can be said without the validator, with its exact place. */
function* lookThrough(bundle: SchemaBundle, document: number): Iterable<SchemaFinding> {
  const schema = bundle.documents[document]?.schema;
  const error = { severity: "error", document } as const;
  if (typeof schema !== "boolean" && (typeof schema !== "object" || schema === null || Array.isArray(schema))) {
    yield { ...error, path: [], message: "a schema is an object, true or false" };
    return;
  }
  const draft = draftOf(schemaOf(bundle, document));
  const named = JSON.stringify(schemaOf(bundle, document));
  if (draft === undefined)
    yield { ...error, path: ["$schema"], message: `${named} is not known; drafts 2020-12, 2019-09 and 07 are` };
  else if (document > 0 && schemaOf(bundle, document) !== undefined && draft !== draftOf(schemaOf(bundle, 0)))
    yield { ...error, path: ["$schema"], message: `it is of draft ${draft}, and the schema that refers to it is not` };
  let count = 0;
  let doubtful = 0;
  for (const { schema: one, path } of subschemas(schema)) {
    count += 1;
    if (count > mostSchemas) yield { ...error, path: [], message: `more than ${mostSchemas} schemas in one document` };
    if (path.length > deepestSchema)
      return yield { ...error, path, message: `nested deeper than ${deepestSchema} levels` };
    yield* patternsOf(one, { path, document });
    for (const key of Object.keys(one)) {
      if (keywords.has(key) || isAnnotation(key) || doubtful >= mostFindings) continue;
      doubtful += 1;
      const meant = didYouMean(key, [...keywords]);
      const message = `${key} is no keyword of JSON Schema, and checks nothing${meant === undefined ? "" : `; did you mean ${meant}?`}`;
      const fix = meant === undefined ? "Remove it, or call it x-…" : `Write ${meant}.`;
      yield { severity: "warning", document, path: [...path, key], key: true, message, fix };
    }
  }
  const cost = document === 0 ? costOf(bundle) : 0;
  if (cost > highestCost) {
    const message = Number.isFinite(cost)
      ? `its references multiply: more than ${highestCost} schemas would be asked about one value`
      : "it refers to itself without going into the value: asking it would never end";
    yield { ...error, path: [], message };
  }
}

function* patternsOf(
  schema: Readonly<Record<string, unknown>>,
  { path, document }: { readonly path: Path; readonly document: number },
): Iterable<SchemaFinding> {
  const { pattern, patternProperties } = schema;
  const names = typeof patternProperties === "object" && patternProperties !== null ? patternProperties : {};
  const all: (readonly [string, Path])[] = Object.keys(names).map((one) => [one, [...path, "patternProperties", one]]);
  if (typeof pattern === "string") all.push([pattern, [...path, "pattern"]]);
  for (const [text, at] of all) {
    try {
      compilePattern(text);
    } catch (cause) {
      if (!(cause instanceof ExpressionError)) throw cause;
      const fix = "Patterns are of RE2's syntax: without look-around and back-references.";
      yield { severity: "error", document, path: at, message: cause.message, fix, key: at.at(-1) !== "pattern" };
    }
  }
}

function loggerTo(said: string[]): Exclude<Options["logger"], undefined | false> {
  const keep = (...words: readonly unknown[]): void => {
    said.push(words.map(String).join(" "));
  };
  return { log: keep, warn: keep, error: keep };
}

/** What the draft's own schema says against a document. */
function notOfItsDraft(ajv: Ajv, bundle: SchemaBundle): readonly SchemaFinding[] {
  return bundle.documents.flatMap(({ schema }, document) => {
    if (typeof schema !== "object" || schema === null || ajv.validateSchema(withoutId(schema)) === true) return [];
    return (ajv.errors ?? []).slice(0, 5).map((error): SchemaFinding => {
      const path = pathOfPointer(schema, error.instancePath);
      return { severity: "error", document, path, message: metaMessage(error, path) };
    });
  });
}

function metaMessage({ message = "is wrong", params, keyword }: ErrorObject, path: Path): string {
  const allowed: unknown = params.allowedValues;
  const values = keyword === "enum" && Array.isArray(allowed) ? `: ${allowed.join(", ")}` : "";
  const from = path.findLastIndex((key) => typeof key === "string");
  const place = path.slice(from).map((key) => (typeof key === "number" ? `[${key}]` : key));
  return `${place.join("") || "the schema"} ${message}${values}`;
}

/** Documents are known by their place in the bundle, whatever they call themselves. */
function withoutId(schema: object): object {
  const { $id: _, ...rest } = schema as { readonly $id?: unknown };
  return rest;
}

function compiled(ajv: Ajv, bundle: SchemaBundle): ValidateFunction {
  for (const [index, { schema }] of bundle.documents.entries()) {
    const document = typeof schema === "object" && schema !== null ? withoutId(schema) : Boolean(schema);
    ajv.addSchema(document, documentUri(index), undefined, false);
  }
  const validate = ajv.getSchema(documentUri(0));
  if (validate === undefined) throw new Error("the schema is not there");
  return validate as ValidateFunction;
}

/** `strict mode: missing type "object" for keyword "properties" at "tidemill:/0#/items" (strictTypes)`. */
function strictFinding(message: string, bundle: SchemaBundle): SchemaFinding | undefined {
  if (/unknown keyword/.test(message)) return undefined;
  const text = message.replace(/^strict mode: /, "").replace(/ \(strict\w+\)$/, "");
  const found = /^(.*) at "(?:tidemill:\/(\d+))?#?([^"]*)"$/.exec(text);
  const document = Number(found?.[2] ?? 0);
  const path = pathOfPointer(bundle.documents[document]?.schema, decodeURIComponent(found?.[3] ?? ""));
  const missing = /missing type "?([\w,]+)"? for keyword "(\w+)"/.exec(text);
  if (missing === null) return { severity: "warning", document, path, message: found?.[1] ?? text };
  const said = `${missing[2]} checks nothing where the value is of another type than ${missing[1]}: type is missing`;
  return { severity: "warning", document, path, message: said, fix: `Add \`type: ${missing[1]}\`.` };
}

function refused(cause: unknown, bundle: SchemaBundle): SchemaFinding {
  const message = messageOf(cause);
  const missing = cause instanceof Error && "missingRef" in cause ? String(cause.missingRef) : undefined;
  if (missing === undefined) return { severity: "error", document: 0, path: [], message };
  for (const [document, { schema }] of bundle.documents.entries()) {
    for (const { schema: one, path } of subschemas(schema)) {
      const key = ["$ref", "$dynamicRef", "$recursiveRef"].find((name) => refersTo(one[name], missing, document));
      const text = "there is nothing at this reference";
      if (key !== undefined) return { severity: "error", document, path: [...path, key], message: text };
    }
  }
  return { severity: "error", document: 0, path: [], message: message.replaceAll(/tidemill:\/\d+/g, "") };
}

function refersTo(ref: unknown, missing: string, document: number): boolean {
  return (
    typeof ref === "string" && (ref === missing || documentUri(document) + ref === missing || missing.endsWith(ref))
  );
}
