import { describe, expect, test } from "vitest";
import { type Case, lineOf, verdictOf } from "../bench/figure.ts";
import { median, percentile, slope } from "../bench/numbers.ts";
import { merge, pageOf, type Result } from "../bench/page.ts";

const result = (name: string, more: Partial<Result> = {}): Result => ({
  name,
  title: `the case ${name}`,
  date: "2026-11-21",
  machine: "2 × EPYC, Node v24.21.0",
  size: "5 rounds of 30000 events",
  figures: [{ what: "rate", value: "0.44", goal: ">= 0.8", good: false }],
  remarks: [],
  ...more,
});
const names = ["webhook", "idle", "soak"] satisfies readonly Case["name"][];

describe("the page of the benchmarks", () => {
  test("a figure is shown with its goal and verdict", () => {
    const page = pageOf([result("webhook")], names);
    expect(page).toContain("| rate | 0.44 | \\>= 0.8 | **FALLS SHORT** |");
    expect(page).toContain(
      "`npm run bench -- webhook`, 2026-11-21, 2 × EPYC, Node v24.21.0, 5 rounds of 30000 events.",
    );
  });

  test("goals are counted, and figures without one are not", () => {
    const figures = [
      { what: "a", value: "1", goal: "> 0", good: true },
      { what: "b", value: "1", goal: "> 2", good: false },
      { what: "c", value: "1" },
    ];
    expect(pageOf([result("webhook", { figures })], names)).toContain("1 of 2 goals are met, 1 falls short.");
  });

  test("a case that nobody ran is named", () => {
    expect(pageOf([result("webhook")], names)).toContain("Not measured yet: idle, soak.");
    expect(
      pageOf(
        names.map((name) => result(name)),
        names,
      ),
    ).not.toContain("Not measured yet");
  });

  test("a sign of tables in a value does not end its cell", () => {
    const figures = [{ what: "a | b", value: "<1" }];
    expect(pageOf([result("webhook", { figures })], names)).toContain("| a \\| b | \\<1 |  |  |");
  });

  test("a case without figures says why", () => {
    const page = pageOf([result("idle", { figures: [], remarks: ["Not run: no Redis here"] })], names);
    expect(page).toContain("Not run: no Redis here.\n");
    expect(page).not.toContain("| figure |");
  });

  test("a new result takes the place of the old one, in the order of the cases", () => {
    const merged = merge([result("soak"), result("webhook")], [result("webhook", { date: "2026-12-01" })], names);
    expect(merged.map(({ name, date }) => [name, date])).toEqual([
      ["webhook", "2026-12-01"],
      ["soak", "2026-11-21"],
    ]);
    expect(merge([result("gone")], [], names)).toEqual([]);
  });
});

describe("a line of a figure", () => {
  test("says ok, FALLS SHORT, or nothing where there is no goal", () => {
    expect(lineOf({ what: "rate", value: "0.9", goal: ">= 0.8", good: true })).toBe("rate: 0.9 (goal >= 0.8: ok)");
    expect(verdictOf({ what: "rate", value: "0.7", goal: ">= 0.8", good: false })).toBe("FALLS SHORT");
    expect(lineOf({ what: "rate", value: "0.9" })).toBe("rate: 0.9");
  });
});

describe("numbers", () => {
  test("the slope of points on a line is that line's, and noise around a level has next to none", () => {
    expect(slope([0, 1, 2, 3].map((x) => ({ x, y: 5 + 2 * x })))).toBeCloseTo(2);
    expect(slope([0, 1, 2, 3].map((x) => ({ x, y: x % 2 === 0 ? 10 : 12 })))).toBeCloseTo(0.4);
    expect(slope([{ x: 1, y: 1 }])).toBe(0);
    expect(slope([])).toBe(0);
  });

  test("the median and a percentile need no order", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(percentile([5, 1, 3, 2, 4], 0.99)).toBe(5);
    expect(median([])).toBeNaN();
  });
});
