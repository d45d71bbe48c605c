import fc from "fast-check";
import { expect, test } from "vitest";
import { inferSchema } from "./infer.ts";

const jobs = Array.from({ length: 20 }, (_, i) => ({
  id: `j-${i}`,
  kind: i % 3 === 0 ? "copy" : "move",
  at: new Date(i * 1e9).toISOString(),
  by: i % 2 === 0 ? null : `u${i}@example.com`,
  ref: `00000000-0000-4000-8000-0000000000${10 + i}`,
  url: `https://example.com/${i}`,
  count: i,
  price: i / 4,
  items: [{ sku: `s${i}` }, ...(i % 5 === 0 ? [] : [{ sku: "x", note: "n" }])],
  stock: { [`w-${i}`]: i, [`w-${i + 1}`]: 2 },
  ...(i % 2 === 0 ? { extra: true } : {}),
}));

test("types, required fields, words that repeat, formats, maps and lists are found", () => {
  const { schema, samples, refused } = inferSchema(jobs);
  expect(refused).toEqual([]);
  expect(samples).toBe(20);
  expect(schema).toEqual({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    required: ["id", "kind", "at", "by", "ref", "url", "count", "price", "items", "stock"],
    properties: {
      id: { type: "string" },
      kind: { enum: ["copy", "move"] },
      at: { type: "string", format: "date-time" },
      by: { type: ["string", "null"], format: "email" },
      ref: { type: "string", format: "uuid" },
      url: { type: "string", format: "uri" },
      count: { type: "integer" },
      price: { type: "number" },
      items: {
        type: "array",
        items: { type: "object", required: ["sku"], properties: { sku: { type: "string" }, note: { enum: ["n"] } } },
      },
      stock: { type: "object", additionalProperties: { type: "integer" } },
      extra: { type: "boolean" },
    },
  });
});

test("bounds and closed objects come when they are asked for", () => {
  const { schema } = inferSchema(
    [
      { n: 1, t: "ab" },
      { n: 5, t: "😀" },
    ],
    { bounds: true, closed: true },
  );
  expect(schema).toMatchObject({
    additionalProperties: false,
    properties: { n: { minimum: 1, maximum: 5 }, t: { minLength: 1, maxLength: 2 } },
  });
});

test("a schema that is proposed accepts all of its samples", () => {
  const record = fc.record(
    {
      id: fc.oneof(fc.uuid(), fc.string()),
      at: fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      kind: fc.constantFrom("a", "b"),
      n: fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
      url: fc.webUrl(),
      list: fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null))),
      map: fc.dictionary(fc.string(), fc.jsonValue()),
    },
    { requiredKeys: ["id"] },
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(record, fc.jsonValue()), { minLength: 1, maxLength: 30 }),
      fc.boolean(),
      fc.boolean(),
      (samples, bounds, closed) => {
        const plain = samples.map((sample) => JSON.parse(JSON.stringify(sample)) as unknown);
        expect(inferSchema(plain, { bounds, closed }).refused).toEqual([]);
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

test("an object with the field __proto__ is not closed, for its samples would be refused", () => {
  const samples = [JSON.parse('{"a":{"__proto__":""}}') as unknown, false];
  const { schema, refused } = inferSchema(samples, { closed: true });
  expect(refused).toEqual([]);
  expect(JSON.stringify(schema)).toContain('"additionalProperties":false');
});

test("names like __proto__ are data, and thousands of names are a map", () => {
  const strange = JSON.parse('{"__proto__":1,"constructor":"x"}') as unknown;
  const { schema, refused } = inferSchema([strange]);
  expect(refused).toEqual([]);
  expect(JSON.stringify(schema)).toContain('"__proto__":{"type":"integer"}');
  const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`key ${i}`, i]));
  expect(inferSchema([wide]).schema).toMatchObject({ type: "object", additionalProperties: { type: "integer" } });
});

test("deep samples take linear time", () => {
  const deep = JSON.parse(`${'{"a":'.repeat(900)}1${"}".repeat(900)}`) as unknown;
  expect(inferSchema([deep, deep]).refused).toEqual([]);
});

test("no samples say nothing", () => {
  expect(inferSchema([]).schema).toEqual({ $schema: "https://json-schema.org/draft/2020-12/schema" });
});
