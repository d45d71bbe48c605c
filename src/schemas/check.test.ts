import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CheckSchema } from "./check.ts";
import { compileSchema } from "./compile.ts";

const job = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  required: ["id", "kind", "items"],
  additionalProperties: false,
  properties: {
    id: { type: "string", pattern: "^j-[0-9]+$", maxLength: 12 },
    kind: { enum: ["copy", "move"] },
    priority: { type: "integer", minimum: 0, maximum: 9 },
    price: { type: "number", multipleOf: 0.01 },
    at: { type: "string", format: "date-time" },
    mail: { type: ["string", "null"], format: "email" },
    items: { type: "array", minItems: 1, uniqueItems: true, items: { $ref: "#/$defs/item" } },
    tree: { $ref: "#/$defs/tree" },
  },
  $defs: {
    item: { type: "object", required: ["sku"], properties: { sku: { type: "string", minLength: 1 } } },
    tree: { type: "object", properties: { child: { $ref: "#/$defs/tree" } } },
  },
};

function checker(schema: unknown, at?: string): CheckSchema {
  const bundle = { documents: [{ name: "jobs.json", schema }], ...(at === undefined ? {} : { at }) };
  const { check, findings } = compileSchema(bundle);
  expect(findings).toEqual([]);
  if (check === undefined) throw new Error("no check");
  return check;
}

const good = { id: "j-1", kind: "copy", items: [{ sku: "a" }] };
const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const body = (text: string): Uint8Array => Buffer.from(`{"header":{},"body":${text}}`);
const jobs = checker(job, "body");

describe("malformed jobs, each with its exact path", () => {
  const with_ = (more: object): string => JSON.stringify({ ...good, ...more });
  const nested = (depth: number): string =>
    with_({ tree: 0 }).replace('"tree":0', `"tree":${'{"child":'.repeat(depth)}{}${"}".repeat(depth)}`);
  const cases: readonly (readonly [name: string, data: Uint8Array, said: string])[] = [
    ["a field is missing", body('{"id":"j-1","items":[{"sku":"a"}]}'), "body.kind: is missing"],
    ["a wrong type", body(with_({ id: 17 })), "body.id: must be string, not integer"],
    [
      "a wrong type in a list",
      body(with_({ items: [{ sku: "a" }, { sku: 2 }] })),
      "body.items[1].sku: must be string, not integer",
    ],
    ["a number as text", body(with_({ priority: "3" })), "body.priority: must be integer, not string"],
    ["a fraction", body(with_({ priority: 1.5 })), "body.priority: must be integer, not number"],
    ["too long", body(with_({ id: `j-${"1".repeat(20)}` })), "body.id: must not have more than 12 characters"],
    ["too long by far", body(with_({ id: "x".repeat(1_000_000) })), "body.id: must not have more than 12 characters"],
    ["an extra field", body(with_({ extra: 1 })), "body.extra: is not allowed"],
    [
      "an extra field that is __proto__",
      body('{"__proto__":{},"id":"j-1","kind":"copy","items":[{"sku":"a"}]}'),
      "body.__proto__: is not allowed",
    ],
    ["a name of unicode", body(with_({ "naïve key": 1 })), 'body["naïve key"]: is not allowed'],
    ["digits of another script", body(with_({ id: "j-१२" })), "body.id: must match the pattern ^j-[0-9]+$"],
    ["a word that is not listed", body(with_({ kind: "delete" })), 'body.kind: must be one of "copy", "move"'],
    ["nested too deep", body(nested(5_000)), "body: is nested deeper than 1000 levels"],
    ["nested far too deep", body(nested(100_000)), "body: is nested deeper than 1000 levels"],
    [
      "a huge number",
      body(with_({ priority: 0 }).replace('"priority":0', '"priority":1e400')),
      "body.priority: must be <= 9",
    ],
    [
      "a number beyond its range",
      body(with_({ priority: 0 }).replace('"priority":0', '"priority":12345678901234567890')),
      "body.priority: must be <= 9",
    ],
    ["cents of cents", body(with_({ price: 19.999 })), "body.price: must be multiple of 0.01"],
    [
      "a name twice",
      body('{"id":"j-1","kind":"copy","kind":"move","items":[{"sku":"a"}]}'),
      "body.kind: is there twice",
    ],
    [
      "a name twice, written otherwise",
      body('{"id":"j-1","kind":"copy","items":[{"sku":"a","s\\u006bu":"b"}]}'),
      "body.items[0].sku: is there twice",
    ],
    ["a list instead of an object", body("[]"), "body: must be object, not array"],
    [
      "an object instead of a list",
      body(with_({ items: { 0: { sku: "a" } } })),
      "body.items: must be array, not object",
    ],
    ["an empty list", body(with_({ items: [] })), "body.items: must not have fewer than 1 items"],
    [
      "equal items",
      body(
        with_({
          items: [
            { sku: "a", n: 1 },
            { n: 1, sku: "a" },
          ],
        }),
      ),
      "body.items: must not have equal items",
    ],
    ["an empty text", body('""'), "body: must be object, not string"],
    ["null", body("null"), "body: must be object, not null"],
    ["nothing", bytes("{}"), "body: is missing"],
    ["no bytes", new Uint8Array(), "body: is missing"],
    ["the text NaN", body(with_({ price: "NaN" })), "body.price: must be number, not string"],
    ["no date", body(with_({ at: "2026-02-30T25:00:00Z" })), "body.at: must be of the format date-time"],
    ["no address", body(with_({ mail: "nobody" })), "body.mail: must be of the format email"],
    [
      "bytes that are no UTF-8",
      Buffer.concat([Buffer.from('{"body":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
      "body: is not UTF-8",
    ],
  ];
  test.each(cases)("%s", (_, data, said) => {
    expect(jobs(data)?.message).toBe(`${said} (schema jobs.json)`);
  });

  test("NaN itself is no JSON", () => {
    expect(checker({ type: "number" })(bytes("NaN"))?.message).toBe("data: is not JSON (schema jobs.json)");
    expect(checker({ type: "object" })(bytes('{"a":1'))?.message).toBe("data: is not JSON (schema jobs.json)");
  });

  test("what is as the schema says passes, with optional fields and unusual spellings", () => {
    const full = { ...good, priority: 9, price: 19.99, at: "2026-02-28T23:59:59.5+01:00", mail: null, tree: {} };
    expect(jobs(body(JSON.stringify(full)))).toBeUndefined();
    expect(jobs(body(' { "id" : "j-\\u0031", "kind":"copy","items":[{"sku":"\\"kind\\":{"}] } '))).toBeUndefined();
    expect(jobs(body(nested(900)))).toBeUndefined();
  });
});

test("an answer names the first five faults, and how many more there are", () => {
  const fault = jobs(body(JSON.stringify({ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 })));
  expect(fault?.faults).toHaveLength(5);
  expect(fault?.message).toMatch(/^body\.id: is missing; .* and 4 more \(schema jobs\.json\)$/);
});

test("data of a million wrong items is told its first fault, in bounded time", () => {
  const items = `[${Array.from({ length: 300_000 }, () => "0").join(",")}]`;
  const started = performance.now();
  const fault = checker({ type: "array", items: { type: "string" } })(bytes(items));
  expect(fault?.faults).toEqual([{ path: "[0]", message: "must be string, not integer" }]);
  expect(performance.now() - started).toBeLessThan(3_000);
});

test("equal items are equal whatever the order of their keys, and an object is no list of pairs", () => {
  const unique = checker({ type: "array", uniqueItems: true });
  expect(
    unique(
      bytes([
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ]),
    ),
  ).toBeDefined();
  expect(unique(bytes([{ a: 1 }, [["a", 1]]]))).toBeUndefined();
});

test("uniqueItems and patterns take linear time", () => {
  const unique = checker({ type: "array", uniqueItems: true });
  const text = checker({ type: "string", pattern: "^(a+)+$" });
  const started = performance.now();
  expect(unique(bytes(Array.from({ length: 100_000 }, (_, i) => ({ i }))))).toBeUndefined();
  expect(text(bytes(`"${"a".repeat(100_000)}!"`))?.message).toContain("must match the pattern");
  expect(performance.now() - started).toBeLessThan(4_000);
});

test.each([
  ...["date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference"],
  ...["uri-template", "uuid", "json-pointer", "relative-json-pointer", "regex", "byte", "url", "iso-date-time"],
])("the format %s is decided in linear time on hostile text", (format) => {
  const check = checker({ type: "string", format });
  const parts = [
    "a",
    "1",
    "1.",
    ":",
    "::",
    "a.",
    "a@",
    "%20",
    "/",
    "//",
    "{a}",
    "0:",
    "a-",
    "-",
    "~0",
    "\\",
    "(",
    "[",
    "P1",
    "T",
  ];
  const started = performance.now();
  for (const part of parts) {
    for (const head of ["", "a:", "http://", "a@", "{", "P"]) {
      check(bytes(JSON.stringify(head + part.repeat(20_000 / part.length))));
      check(bytes(JSON.stringify(`${head}${part.repeat(20_000 / part.length)}!\u0000`)));
    }
  }
  expect(performance.now() - started).toBeLessThan(4_000);
});

test("an alternative says what would do, not how each of its forms fails", () => {
  const check = checker({
    type: "object",
    properties: {
      n: { anyOf: [{ type: "string" }, { type: "null" }] },
      one: { oneOf: [{ type: "integer" }, { type: "number" }] },
    },
  });
  expect(check(bytes({ n: 1 }))?.message).toBe("n: must be string or null, not integer (schema jobs.json)");
  expect(check(bytes({ one: 1 }))?.message).toContain("one: must match one of the forms, and matches more than one");
});

test("an inherited name is no member of the data", () => {
  const check = checker({ type: "object", required: ["constructor", "toString"] });
  expect(check(bytes({}))?.message).toBe("constructor: is missing; toString: is missing (schema jobs.json)");
});

test("values of the data are in no message", () => {
  const secret = "hunter2hunter2";
  const said = jobs(
    body(JSON.stringify({ id: secret, kind: secret, priority: secret, at: secret, mail: secret, items: [secret] })),
  );
  expect(said?.faults.length).toBeGreaterThan(3);
  expect(JSON.stringify(said)).not.toContain(secret);
});

test("a schema that refers to itself is asked about deep data without an exception", () => {
  const fault = checker({ anyOf: [{ type: "array", items: { $ref: "#" } }, { type: "null" }] });
  expect(fault(bytes(`${"[".repeat(999)}${"]".repeat(999)}`))).toBeUndefined();
});

test("whatever the data is, there is an answer, and nothing is thrown", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string(), fc.uint8Array()), (data) => {
      const given = typeof data === "string" ? Buffer.from(data) : data;
      for (const check of [jobs, checker(job)]) {
        const fault = check(given);
        if (fault !== undefined) expect(fault.message).toMatch(/\(schema jobs\.json\)$/);
      }
    }),
    { numRuns: 30 },
  );
});
