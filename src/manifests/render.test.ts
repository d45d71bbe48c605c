import { expect, test } from "vitest";
import type { PlacedFinding } from "../lib/finding.ts";
import { findingJson, formatFinding, pathText } from "./render.ts";

const finding: PlacedFinding = {
  severity: "warning",
  code: "UNKNOWN_FIELD",
  message: "eventSorceName is not known here; did you mean eventSourceName?",
  path: ["spec", "dependencies", 0, "eventSorceName"],
  fix: "Write eventSourceName.",
  file: "sensor.yaml",
  line: 8,
  column: 7,
};

test("a finding shows its line and points at the column", () => {
  expect(formatFinding(finding, { sourceLine: "      eventSorceName: github\r" })).toBe(
    `warning[TM1024]: eventSorceName is not known here; did you mean eventSourceName?
  --> sensor.yaml:8:7   spec.dependencies[0].eventSorceName
   |  eventSorceName: github
   |  ^
  fix: Write eventSourceName.`,
  );
});

test("a long line is cut around the column", () => {
  const text = formatFinding({ ...finding, column: 5001 }, { sourceLine: `${"x".repeat(5000)}!${"y".repeat(5000)}` });
  const [line, pointer] = text.split("\n").slice(2, 4);
  expect(line?.length).toBeLessThan(140);
  expect(line?.charAt(pointer?.indexOf("^") ?? 0)).toBe("!");
});

test("control characters of a manifest do not reach the terminal", () => {
  const text = formatFinding({ ...finding, message: "a\u001b[31mb" }, { sourceLine: "x: \u001b]0;evil\u0007" });
  expect(text).not.toContain("\u001b");
  expect(text).not.toContain("\u0007");
  expect(formatFinding(finding, { colour: true })).toContain("\u001b[");
});

test("for programs a finding has seven plain fields", () => {
  const { fix: _, ...without } = finding;
  expect(findingJson(finding)).toEqual({
    file: "sensor.yaml",
    line: 8,
    column: 7,
    severity: "warning",
    code: "TM1024",
    message: finding.message,
    fix: "Write eventSourceName.",
  });
  expect(findingJson(without).fix).toBe("Correct its name, or remove it.");
});

test("odd keys are quoted in a path", () => {
  expect(pathText(["spec", "a b", 0, "c"])).toBe('spec["a b"][0].c');
});
