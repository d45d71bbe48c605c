import fc from "fast-check";
import { expect, test } from "vitest";
import { maxAnswerLength, mostEmitted } from "./messages.ts";
import { readTold } from "./read-told.ts";

const kinds = [
  "ready",
  "unloadable",
  "files",
  "log",
  "span",
  "progress",
  "done",
  "failed",
  "uncaught",
  "__proto__",
  "x",
];
const member = fc.oneof(fc.anything(), fc.record({ emitted: fc.array(fc.anything()), data: fc.string() }));
const said = fc.oneof(
  fc.anything(),
  fc.record(
    {
      k: fc.constantFrom(...kinds),
      call: fc.oneof(fc.integer(), fc.anything()),
      ...{
        error: member,
        result: member,
        files: member,
        span: member,
        level: fc.constantFrom("info", "no"),
        message: member,
      },
    },
    { requiredKeys: ["k"] },
  ),
);

test("whatever is said through the channel of a function is read without harm", () => {
  fc.assert(
    fc.property(said, (one) => {
      const told = readTold(one);
      if (told === undefined) return;
      expect(kinds).toContain(told.k);
      if (told.k === "done") expect(told.result.emitted.every(({ data }) => typeof data === "string")).toBe(true);
      if ("error" in told) expect([typeof told.error.name, typeof told.error.message]).toEqual(["string", "string"]);
    }),
    { numRuns: 2_000 },
  );
});

test("an answer beyond the bounds is not heard", () => {
  const done = (emitted: unknown) => readTold({ k: "done", call: 1, result: { emitted } });
  expect(done([{ data: "1" }])).toBeDefined();
  expect(done(new Array(mostEmitted + 1).fill({ data: "1" }))).toBeUndefined();
  expect(done([{ data: "x".repeat(maxAnswerLength + 1) }])).toBeUndefined();
  expect(done([{ data: 1 }])).toBeUndefined();
});
