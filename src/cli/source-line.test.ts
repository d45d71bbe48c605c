import { expect, test } from "vitest";
import { sourceLine } from "./source-line.ts";

const shown = (text: string, line: number, path: readonly string[] = []) =>
  sourceLine(text.split("\n"), { line, path });

test("an ordinary line is shown as it is", () => {
  expect(shown("kind: Sensor\nspec: { depndencies: [] }", 2)).toBe("spec: { depndencies: [] }");
  expect(shown("authSecret: { name: a, key: b }", 1)).toBe("authSecret: { name: a, key: b }");
});

test("nothing of a Secret is shown, and the document after it is", () => {
  const text =
    "kind: ConfigMap\ndata: { a: 1 }\n---\nkind: Secret\nstringData:\n  k: hunter2\n---\nkind: Sensor\nspec: {}";
  expect([2, 6, 9].map((line) => shown(text, line))).toEqual(["data: { a: 1 }", undefined, "spec: {}"]);
  expect(shown('{"data":{"k":"hunter2"},"kind": "Secret"}', 1)).toBeUndefined();
  expect(shown("stringData: { k: hunter2 }\nkind: Secret", 1)).toBeUndefined();
});

test("nothing is shown where the finding is about a field for a secret", () => {
  expect(shown("    slackToken: hunter2", 1, ["spec", "slackToken"])).toBeUndefined();
});

test("values of such fields beside it are stars, as long as they were", () => {
  expect(shown("{ slackToken: hunter2, channel: c }", 1)).toBe("{ slackToken: *******, channel: c }");
  expect(shown(`{"smtpPassword":"hun\\"ter2","x":1}`, 1)).toBe(`{"smtpPassword":***********,"x":1}`);
  expect(shown("password: 'it''s'", 1)).toBe("password: *******");
});

test("a long line takes no long time", () => {
  for (const text of [`${"token ".repeat(3_000)}`, `token: "${"\\".repeat(15_000)}`, `${"token".repeat(3_000)}: x`]) {
    const beganMs = performance.now();
    shown(text, 1);
    expect(performance.now() - beganMs).toBeLessThan(500);
  }
});
