import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { readTestFile } from "./read-test-file.ts";
import { testFileSchema } from "./test-file.ts";

const given = "given: [{data: {}}]";

function errorsOf(text: string): readonly string[] {
  return readTestFile("a.test.yaml", text).findings.map(
    ({ line, column, message, fix }) => `${line}:${column} ${message}${fix === undefined ? "" : ` | ${fix}`}`,
  );
}

describe("what is wrong in a test file is said with its place", () => {
  const cases: readonly (readonly [text: string, said: readonly string[]])[] = [
    ["", ["1:1 the file is empty"]],
    ["tests: []", ["1:1 tests must not be empty | Fill in tests."]],
    [`tests: [{name: a, ${given}}]`, ["1:9 expect is missing | Add expect."]],
    [
      `tests:\n  - {name: a, ${given}, expect: {fire: []}}`,
      ["2:45 fire is not known here; did you mean fires? | Write fires."],
    ],
    [
      "tests:\n  - {name: a, given: [{source: shop, data: 1}], expect: {}}",
      ["2:32 source shop is not of the form EVENTSOURCE/EVENT | Write it as shop/order."],
    ],
    [
      "tests:\n  - {name: a, given: [{}], expect: {}}",
      ["2:23 the event has neither data nor event | Give one of data, dataFile, event and eventFile."],
    ],
    [
      `tests:\n  - {name: a, at: +5s, ${given}, expect: {}}`,
      ["2:19 +5s is no time | Write it as 2026-01-05T09:00:00Z."],
    ],
    [
      `tests:\n  - {name: a, ${given}, outcomes: {t: [{status: 200, error: x}]}, expect: {}}`,
      ["2:51 status and error exclude each other | Keep one of them."],
    ],
  ];
  for (const [text, said] of cases) test(said[0] ?? "", () => expect(errorsOf(text)).toEqual(said));

  test("text that is no YAML", () => expect(errorsOf("tests: [")).toHaveLength(1));
});

test("the example of the specification is one, and its JSON Schema is the one of the reference", async () => {
  const page = await readFile(new URL("../../docs/specs/test-files.md", import.meta.url), "utf8");
  const example = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? "";
  expect(readTestFile("example", example)).toMatchObject({ findings: [], read: { tests: { sensor: "orders" } } });
  const file = new URL("../../docs/reference/test-file.json", import.meta.url);
  const { title: _, ...written } = JSON.parse(await readFile(file, "utf8"));
  expect(written, "run `npm run gen`").toEqual(z.toJSONSchema(testFileSchema, { io: "input" }));
});
