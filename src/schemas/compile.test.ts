import fc from "fast-check";
import { expect, test } from "vitest";
import { compileSchema } from "./compile.ts";
import { compileWritten } from "./compile-written.ts";
import { compilePattern } from "./pattern.ts";

const compile = (schema: unknown) => compileSchema({ documents: [{ name: "s", schema }] });
const said = (schema: unknown): readonly string[] =>
  compile(schema).findings.map(({ severity, path, message }) => `${severity} ${path.join("/")}: ${message}`);
const passes = (schema: unknown, data: unknown): boolean => {
  const { check, findings } = compile(schema);
  expect(findings).toEqual([]);
  return check?.(Buffer.from(JSON.stringify(data))) === undefined;
};

test("the draft is what $schema says; without one it is the newest", () => {
  const list = { type: "array", prefixItems: [{ type: "string" }], items: false, minItems: 1 };
  expect(passes(list, ["a"])).toBe(true);
  expect(passes(list, ["a", 1])).toBe(false);
  const old = {
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "array",
    minItems: 1,
    maxItems: 1,
    items: [{ type: "string" }],
  };
  expect(passes(old, [1])).toBe(false);
  const middle = {
    $schema: "https://json-schema.org/draft/2019-09/schema",
    type: "object",
    dependentRequired: { a: ["b"] },
  };
  expect(passes(middle, { a: 1 })).toBe(false);
});

test("what is wrong with a schema is said with its place", () => {
  expect(said("text")).toEqual(["error : a schema is an object, true or false"]);
  expect(said({ $schema: "http://json-schema.org/draft-04/schema#" })[0]).toContain("error $schema: ");
  expect(said({ properties: { a: { type: "objct" } } })[0]).toContain("error properties/a/type: type must be");
  expect(said({ type: "string", minLength: "3" })).toEqual(["error minLength: minLength must be integer"]);
  expect(said({ type: "object", properties: { a: { $ref: "#/$defs/none" } } })).toEqual([
    "error properties/a/$ref: there is nothing at this reference",
  ]);
  expect(said({ type: "string", pattern: "(?=a)b" })[0]).toContain("error pattern: error parsing regexp");
  expect(said({ type: "object", patternProperties: { "(": {} } })[0]).toContain("error patternProperties/(: ");
});

test("a misspelt keyword is found: it would check nothing", () => {
  expect(said({ type: "object", requierd: ["a"], "x-own": 1, example: {} })).toEqual([
    "warning requierd: requierd is no keyword of JSON Schema, and checks nothing; did you mean required?",
  ]);
});

test("a schema without type is found: a text would pass it", () => {
  expect(said({ properties: { a: {} } })).toEqual([
    "warning : properties checks nothing where the value is of another type than object: type is missing",
  ]);
});

test("hostile schemas are refused, quickly", () => {
  const doubling: Record<string, unknown> = { a30: {} };
  for (let i = 0; i < 30; i++) {
    const next = { $ref: `#/$defs/a${i + 1}` };
    doubling[`a${i}`] = { allOf: [next, next] };
  }
  let deep: object = {};
  for (let i = 0; i < 5_000; i++) deep = { not: deep };
  const many = Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`p${i}`, {}]));
  const started = performance.now();
  expect(said({ $ref: "#/$defs/a0", $defs: doubling })[0]).toContain("its references multiply");
  expect(said({ $ref: "#" })[0]).toContain("it refers to itself without going into the value");
  expect(said({ anyOf: [{ type: "string" }, { $ref: "#" }] })[0]).toContain("it refers to itself");
  expect(said(deep)[0]).toContain("nested deeper");
  expect(said({ type: "object", properties: many }).some((line) => line.includes("more than 20000 schemas"))).toBe(
    true,
  );
  expect(performance.now() - started).toBeLessThan(5_000);
});

test("a name in a schema is data, not code", () => {
  const name = '"];throw new Error("ran")//';
  const schema = {
    type: "object",
    properties: { [name]: { const: name }, "`${1}`": { type: "null" } },
    required: [name],
  };
  expect(passes(schema, { [name]: name })).toBe(true);
  expect(passes(schema, { [name]: 1 })).toBe(false);
});

test("compiling never throws, whatever the schema is", () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom("type", "properties", "items", "$ref", "allOf", "pattern", "enum"),
      (value, key) => {
        compile(value);
        compile({ [key]: value });
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);

test("the field has a short form, a long one, and the schema itself", () => {
  const found = (value: unknown): readonly string[] =>
    compileWritten(value, ["schema"]).findings.map(({ message }) => message);
  expect(found({ inline: { type: "string" }, at: "body" })).toEqual([]);
  expect(found({ type: "string" })).toEqual([]);
  expect(found(true)).toEqual([]);
  expect(found({ at: "body", type: "string" })).toEqual(["type beside at has no meaning"]);
  expect(found({ at: "body" })).toEqual(["neither file nor inline is there"]);
  expect(found({ at: 7, inline: {} })).toEqual(["at must be a gjson path, such as body"]);
  expect(found(17)).toEqual(["schema must be a path or a JSON Schema"]);
  expect(found("jobs.json")).toEqual(["jobs.json cannot be read here: the manifest is from no folder"]);
  expect(compileWritten({ inline: { typo: 1 }, at: "body" }, ["schema"]).findings[0]?.path).toEqual([
    "schema",
    "inline",
    "typo",
  ]);
});

test("escapes of ECMAScript that RE2 does not know are translated", () => {
  expect(compilePattern("^\\u0041\\u{1F600}$").test("A😀")).toBe(true);
  expect(compilePattern("^\\uD83D\\uDE00$").test("😀")).toBe(true);
  expect(compilePattern("^\\\\u0041$").test("\\u0041")).toBe(true);
});
