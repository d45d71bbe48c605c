import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { readFiles } from "./files.ts";
import { forEditors, type JsonSchema, kindSchema, schemaKinds } from "./json-schema.ts";
import { lists, readManifests } from "./read.ts";
import { readYaml } from "./yaml.ts";

const editors = (kind: (typeof schemaKinds)[number]) => forEditors(kindSchema(kind, lists)) as JsonSchema;

test.each(schemaKinds)(
  "the schema of %s has only keywords of JSON Schema, and a description for each field",
  (kind) => {
    const keywords = new Set(
      [
        "$schema",
        "$ref",
        "$defs",
        "title",
        "description",
        "type",
        "properties",
        "required",
        "items",
        "enum",
        "const",
      ].concat([
        "anyOf",
        "additionalProperties",
        "pattern",
        "minLength",
        "minItems",
        "minimum",
        "maximum",
        "propertyNames",
      ]),
    );
    const visit = (schema: JsonSchema, at: string): void => {
      for (const key of Object.keys(schema)) expect([at, keywords.has(key), key]).toEqual([at, true, key]);
      for (const [name, member] of Object.entries(schema.properties ?? {})) {
        expect([`${at}.${name}`, member.description]).toEqual([`${at}.${name}`, expect.stringMatching(/./)]);
        visit(member, `${at}.${name}`);
      }
      if (schema.items) visit(schema.items, `${at}[]`);
      if (typeof schema.additionalProperties === "object") visit(schema.additionalProperties, `${at}.*`);
      for (const one of schema.anyOf ?? []) visit(one, at);
      for (const [name, one] of Object.entries(schema.$defs ?? {})) visit(one, `#${name}`);
    };
    visit(editors(kind), "");
  },
);

test("every type is there, also those without a connector", () => {
  const spec = editors("EventSource").properties?.spec?.properties ?? {};
  expect(Object.keys(spec)).toEqual(expect.arrayContaining(["webhook", "mns", "storageGrid", "eventBusName"]));
  const template = editors("Sensor").$defs?.trigger?.properties?.template?.properties ?? {};
  expect(Object.keys(template)).toEqual(expect.arrayContaining(["name", "conditions", "http", "openWhisk", "log"]));
  expect(editors("Sensor").$defs?.trigger?.properties?.dlqTrigger?.$ref).toBe("#/$defs/trigger");
});

/** What of the schema a value breaks; the part of JSON Schema that the schemas use. */
function faults(schema: JsonSchema, value: unknown, root: JsonSchema): string[] {
  if (schema.$ref) return faults(root.$defs?.[schema.$ref.split("/").at(-1) ?? ""] ?? {}, value, root);
  if (schema.anyOf) {
    const all = schema.anyOf.map((one) => faults(one, value, root));
    return all.some((found) => found.length === 0) ? [] : (all[0] ?? []);
  }
  if (schema.const !== undefined && schema.const !== value) return [`${String(value)} is not ${String(schema.const)}`];
  if (schema.enum && !schema.enum.includes(value)) return [`${String(value)} is not in the enum`];
  const type = Array.isArray(value)
    ? "array"
    : value === null
      ? "null"
      : Number.isInteger(value)
        ? "integer"
        : typeof value;
  const types = schema.type === undefined ? [type] : [schema.type].flat();
  const fits = types.includes(type) || (type === "integer" && types.includes("number"));
  if (!fits) return [`${type} for ${types.join(" or ")}`];
  if (Array.isArray(value)) return value.flatMap((one) => faults(schema.items ?? {}, one, root));
  if (typeof value !== "object" || value === null) return [];
  const missing = (schema.required ?? []).filter((key) => !Object.hasOwn(value, key)).map((key) => `${key} is missing`);
  const inside = Object.entries(value).flatMap(([key, one]) => {
    const other = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {};
    return faults(schema.properties?.[key] ?? other, one, root).map((fault) => `${key}: ${fault}`);
  });
  return [...missing, ...inside];
}

const examples = process.env.TIDEMILL_UPSTREAM_EXAMPLES ?? resolve("../shared/upstream-examples");

describe.runIf(existsSync(examples))("the examples of Argo Events", () => {
  test("have no fault by the schema that lint does not find too", async () => {
    const { texts } = await readFiles([examples]);
    const schemas = new Map(schemaKinds.map((kind) => [kind as string, editors(kind)]));
    let checked = 0;
    for (const { text, file } of texts) {
      for (const { value } of readYaml(text).documents) {
        const schema = schemas.get(String((value as { readonly kind?: unknown } | null)?.kind));
        if (schema === undefined) continue;
        checked++;
        const found = faults(schema, value, schema);
        if (found.length > 0) {
          const { findings } = await readManifests([file]);
          expect([file, found, findings.some(({ severity }) => severity === "error")]).toEqual([file, found, true]);
        }
      }
    }
    expect(checked).toBe(94 + 34 + 1);
  });
});

test("a wrong type, a missing field and a wrong word are faults by the schema", () => {
  const schema = editors("EventSource");
  const object = (spec: object) => ({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "EventSource",
    metadata: { name: "x" },
    spec,
  });
  expect(faults(schema, object({ sqs: { e: { region: "r", queue: "q" } } }), schema)).toEqual([]);
  expect(faults(schema, object({ sqs: { e: { region: "r", queue: 5, ackPolicy: "never" } } }), schema)).toEqual([
    "spec: sqs: e: queue: integer for string",
    "spec: sqs: e: ackPolicy: never is not in the enum",
  ]);
  expect(faults(schema, { ...object({}), kind: "Sensor" }, schema)).toEqual(["kind: Sensor is not EventSource"]);
});
