import fc from "fast-check";
import { expect, test } from "vitest";
import { compileSchema } from "../schemas/compile.ts";
import { malform, malformedKinds } from "./malform.ts";
import { randomOf } from "./random.ts";

const schema = {
  type: "object",
  required: ["id", "n", "tags"],
  additionalProperties: false,
  properties: {
    id: { type: "string", maxLength: 40 },
    n: { type: "integer", maximum: 1000 },
    tags: { type: "array", items: { type: "string" } },
    on: { type: "boolean" },
  },
};
const check = compileSchema({ documents: [{ name: "job", schema }] }).check;
const job = fc.record(
  { id: fc.string({ maxLength: 20 }), n: fc.integer({ max: 1000 }), tags: fc.array(fc.string()), on: fc.boolean() },
  { requiredKeys: ["id", "n", "tags"] },
);

test("what is spoilt is refused by the schema, in each of the ways", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(job, fc.constantFrom(...malformedKinds), fc.string(), (value, kind, seed) => {
      const json = JSON.stringify(value);
      expect(check?.(Buffer.from(json))).toBeUndefined();
      const spoilt = malform(json, { kinds: [kind], random: randomOf(seed), check });
      if (spoilt === undefined) return;
      seen.add(spoilt.kind);
      expect(spoilt.kind).toBe(kind);
      expect(check?.(spoilt.bytes)).toBeDefined();
    }),
    { numRuns: 600 },
  );
  expect([...seen].sort()).toEqual([...malformedKinds].sort());
});

test("a kind that the schema takes is not chosen, and where it takes all there is none", () => {
  const open = compileSchema({ documents: [{ name: "any", schema: true }] }).check;
  const spoilt = malform('{"a":1}', { kinds: ["extraField", "truncated"], random: randomOf("s"), check: open });
  expect(spoilt?.kind).toBe("truncated");
  expect(malform('{"a":1}', { kinds: ["extraField"], random: randomOf("s"), check: open })).toBeUndefined();
});

test("without a schema each kind is what it says", () => {
  const spoil = (kind: (typeof malformedKinds)[number]): string =>
    Buffer.from(malform('{"a":"x","b":2}', { kinds: [kind], random: randomOf("s") })?.bytes ?? []).toString("latin1");
  expect(() => JSON.parse(spoil("truncated"))).toThrow();
  expect(spoil("duplicateName")).toMatch(/^\{"(a|b)":"first","a":"x","b":2\}$/);
  expect(spoil("hugeNumber")).toContain("1e999");
  expect(spoil("wrongEncoding")).toContain("\u00ff\u00fe");
  expect(spoil("extraField")).toBe('{"a":"x","b":2,"unexpected":true}');
});
