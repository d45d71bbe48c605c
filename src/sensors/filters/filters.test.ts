import { describe, expect, it } from "vitest";
import { compileSensor } from "../compile.ts";
import { explainEvent } from "../explain.ts";
import { testEvent, testPlace, testPlan } from "../testing.ts";

const cx = { nowMs: Date.UTC(2026, 0, 5, 9), seed: 7 };
type Fields = Parameters<typeof testEvent>[0];

function specOf(filters: object, filtersLogicalOperator = "") {
  return {
    dependencies: [{ name: "a", eventSourceName: "src", eventName: "ev", filters, filtersLogicalOperator }],
    triggers: [{ template: { name: "t", log: {} } }],
  };
}

/** Whether the event passes; the quick answer and the explained one must agree. */
function passes(filters: object, fields: Fields, operator = ""): boolean {
  const plan = testPlan(specOf(filters, operator));
  const quick = plan.dependencies[0]?.evaluate(testEvent(fields), cx);
  const [explained] = explainEvent(plan, testEvent(fields), cx);
  expect(explained?.passed).toBe(quick?.passed);
  return quick?.passed ?? false;
}

const clausesOf = (filters: object, fields: Fields) =>
  explainEvent(testPlan(specOf(filters)), testEvent(fields), cx)[0]?.clauses;

const data = {
  n: 10,
  f: 1.5,
  t: true,
  s: "order.created",
  z: null,
  num: "7",
  list: [1, 2],
  big: 12345678901234567890n,
};
const json = new TextEncoder().encode(
  JSON.stringify(data, (_, v) => (typeof v === "bigint" ? 0 : v)).replace('"big":0', '"big":12345678901234567890'),
);

describe("data filters (reference 3.4)", () => {
  const table: readonly [
    verdict: boolean,
    path: string,
    type: string,
    value: readonly string[],
    comparator?: string,
  ][] = [
    [true, "n", "number", ["10"]],
    [true, "n", "number", ["1e1"], "="],
    [false, "n", "number", ["11"]],
    [true, "n", "number", ["11", "10"]],
    [true, "n", "number", ["9"], ">"],
    [false, "n", "number", ["10"], ">"],
    [true, "n", "number", ["10"], ">="],
    [true, "n", "number", ["10"], "<="],
    [false, "n", "number", ["10"], "<"],
    [true, "f", "number", ["2"], "<"],
    // Several values: it is enough to differ from one.
    [true, "n", "number", ["10", "11"], "!="],
    [false, "n", "number", ["10"], "!="],
    // Coercions of gjson.
    [true, "num", "number", ["7"]],
    [true, "t", "number", ["1"]],
    [true, "s", "number", ["0"]],
    [true, "list", "number", ["0"]],
    [true, "t", "bool", ["true"]],
    [true, "t", "bool", ["1"]],
    [false, "t", "bool", ["F"]],
    [true, "n", "bool", ["true"]],
    [true, "s", "bool", ["false"]],
    // The comparator of a bool is ignored.
    [true, "t", "bool", ["true"], "!="],
    // Texts are unanchored regular expressions.
    [true, "s", "string", ["order"]],
    [true, "s", "string", ["orderXcreated", "order.created"]],
    [true, "s", "string", ["^order\\.created$"]],
    [false, "s", "string", ["^created"]],
    [true, "s", "string", ["d$"]],
    [true, "n", "string", ["^10$"]],
    [true, "f", "string", ["^1\\.5$"]],
    [true, "big", "string", ["^12345678901234567890$"]],
    [true, "list", "string", ["^\\[1,2\\]$"]],
    [true, "s", "string", ["paid"], "!="],
    [true, "s", "string", ["paid", "order"], "!="],
    [false, "s", "string", ["order"], "!="],
    [false, "s", "string", ["order"], ">"],
    // A missing path is a fault, null is a value.
    [false, "nothing", "string", [".*"], "!="],
    [true, "z", "string", ["^$"]],
    [true, "z", "bool", ["false"]],
    [true, "list.#", "number", ["2"]],
  ];
  for (const [verdict, path, type, value, comparator] of table) {
    it(`${path} ${comparator ?? ""} ${value.join("|")} as ${type} ${verdict ? "passes" : "is refused"}`, () => {
      const filter = { path, type, value, ...(comparator === undefined ? {} : { comparator }) };
      expect(passes({ data: [filter] }, { data: json })).toBe(verdict);
    });
  }

  const yes = { path: "n", type: "number", value: ["10"] };
  const no = { path: "n", type: "number", value: ["1"] };
  const missing = { path: "x", type: "number", value: ["1"] };
  const joins: readonly [verdict: boolean, operator: string, items: readonly object[]][] = [
    [true, "", [yes, yes]],
    [false, "and", [yes, no]],
    [false, "and", [missing, yes]],
    [true, "or", [no, yes]],
    [true, "or", [missing, yes]],
    [false, "or", [no, missing]],
    [false, "or", [no]],
    [true, "or", []],
  ];
  for (const [i, [verdict, dataLogicalOperator, items]] of joins.entries()) {
    it(`joins items with "${dataLogicalOperator}" (${i}): ${verdict}`, () => {
      expect(passes({ dataLogicalOperator, data: items }, { data: json })).toBe(verdict);
    });
  }

  it("lets an event without data pass, and none whose data is not JSON", () => {
    expect(passes({ data: [no] }, { data: new Uint8Array() })).toBe(true);
    expect(passes({ data: [yes] }, { data: new TextEncoder().encode("{n:10}") })).toBe(false);
    expect(passes({ data: [yes] }, { data: new TextEncoder().encode('{"n":10} x') })).toBe(false);
  });

  it("passes an empty list, whatever the data", () => {
    expect(passes({ data: [], dataLogicalOperator: "or" }, { data: new TextEncoder().encode("{") })).toBe(true);
  });

  it("compares what a template makes of the value", () => {
    const filter = (template: string, value: string, type = "string") => ({
      path: "s",
      type,
      value: [value],
      template,
    });
    expect(passes({ data: [filter("{{ .Input | len }}", "13", "number")] }, { data: json })).toBe(true);
    expect(passes({ data: [filter("{{ .Input }}!", "^order.created!$")] }, { data: json })).toBe(true);
    // An empty output is a fault, not a text that could differ.
    expect(passes({ data: [{ ...filter("{{ if false }}x{{ end }}", "x"), comparator: "!=" }] }, { data: json })).toBe(
      false,
    );
    expect(passes({ data: [{ ...filter("{{ index .Input 99 }}", "x"), comparator: "!=" }] }, { data: json })).toBe(
      false,
    );
  });

  it("says of each item which value it met, also of those after the answer is known", () => {
    expect(clausesOf({ data: [no, missing, yes] }, { data: json })).toEqual([
      { kind: "data", index: 0, passed: false, value: "10", reason: 'n is "10"; wanted number = "1"' },
      { kind: "data", index: 1, passed: false, reason: "path x does not exist" },
      { kind: "data", index: 2, passed: true, value: "10", reason: 'n is "10"; wanted number = "10"' },
    ]);
  });
});

describe("exprs filters (reference 3.4)", () => {
  const expr = (text: string, ...paths: string[]) => ({
    expr: text,
    fields: paths.map((path) => ({ name: path, path })),
  });
  const table: readonly [verdict: boolean, operator: string, ...items: object[]][] = [
    [true, "", expr('n == 10 && s == "order.created"', "n", "s")],
    [false, "", expr("n == 11", "n")],
    [true, "", expr("t", "t")],
    // Exactly true: a number is not.
    [false, "", expr("n", "n")],
    [false, "", expr("n == 10", "n", "x")],
    [true, "or", expr("x == 1", "x"), expr("n == 10", "n")],
    [false, "or", expr("x == 1", "x"), expr("n == 1", "n")],
    [true, "", expr('s =~ "^order"', "s")],
    [false, "", expr("n > s", "n", "s")],
    [true, "or", expr("n > s", "n", "s"), expr("n > 1", "n")],
    [true, ""],
    [false, "or"],
  ];
  for (const [i, [verdict, exprLogicalOperator, ...exprs]] of table.entries()) {
    it(`case ${i} ${JSON.stringify(exprs)} ${exprLogicalOperator} is ${verdict}`, () => {
      expect(passes({ exprLogicalOperator, exprs }, { data: json })).toBe(verdict);
    });
  }

  it("lets an event without data pass", () => {
    expect(passes({ exprs: [expr("n == 11", "n")] }, { data: new Uint8Array() })).toBe(true);
  });

  it("says what the fields were", () => {
    expect(clausesOf({ exprs: [expr("n > 11", "n")] }, { data: json })).toEqual([
      { kind: "exprs", index: 0, passed: false, value: "n = 10", reason: "n > 11 is false with n = 10" },
    ]);
  });
});

describe("context filters (reference 3.4)", () => {
  it("compares the fields that are given and ignores id, time and specversion", () => {
    expect(passes({ context: { type: "webhook", id: "other", specversion: "9" } }, {})).toBe(true);
    expect(passes({ context: { type: "webhook", source: "other" } }, {})).toBe(false);
    expect(passes({ context: { subject: "ev", datacontenttype: "application/json" } }, {})).toBe(true);
    expect(clausesOf({ context: { type: "sqs" } }, {})).toMatchObject([{ passed: false, value: "webhook" }]);
  });
});

describe("time filters (reference 3.4)", () => {
  const table: readonly [verdict: boolean, time: string, start: string, stop: string, timezone?: string][] = [
    [true, "2026-01-05T09:00:00Z", "09:00:00", "10:00:00"],
    [true, "2026-01-05T09:59:59.999Z", "9:00:00", "10:00:00"],
    [false, "2026-01-05T10:00:00Z", "09:00:00", "10:00:00"],
    [false, "2026-01-05T08:59:59.999Z", "09:00:00", "10:00:00"],
    [true, "2026-01-05T23:00:00Z", "22:00:00", "06:00:00"],
    [true, "2026-01-05T05:59:59Z", "22:00:00", "06:00:00"],
    [false, "2026-01-05T06:00:00Z", "22:00:00", "06:00:00"],
    [true, "2026-01-05T08:30:00Z", "09:00:00", "10:00:00", "Europe/Berlin"],
    [false, "2026-01-05T09:30:00Z", "09:00:00", "10:00:00", "Europe/Berlin"],
    [true, "2026-07-05T07:30:00Z", "09:00:00", "10:00:00", "Europe/Berlin"],
    // The date is the event's in that zone.
    [true, "2026-01-05T23:30:00Z", "00:00:00", "01:00:00", "Europe/Berlin"],
    [true, "2026-01-05T20:30:00.123456789+01:00", "19:00:00", "20:00:00"],
    [false, "never", "19:00:00", "20:00:00"],
  ];
  for (const [verdict, time, start, stop, timezone] of table) {
    it(`${time} is ${verdict ? "in" : "out of"} ${start} to ${stop} ${timezone ?? ""}`, () => {
      const filter = { start, stop, ...(timezone === undefined ? {} : { timezone }) };
      expect(passes({ time: filter }, { time })).toBe(verdict);
    });
  }
});

describe("filtersLogicalOperator (reference 3.4)", () => {
  const yes = { path: "n", type: "number", value: ["10"] };
  const missing = { path: "x", type: "number", value: ["1"] };
  const noTime = { start: "00:00:00", stop: "00:00:01" };

  it("and: all types that are given must pass", () => {
    expect(passes({ data: [yes], context: { type: "webhook" } }, { data: json }, "and")).toBe(true);
    expect(passes({ data: [yes], context: { type: "sqs" } }, { data: json }, "and")).toBe(false);
    expect(passes({}, { data: json })).toBe(true);
  });

  it("or: one is enough, types that are not given do not count", () => {
    expect(passes({ data: [yes], context: { type: "sqs" } }, { data: json }, "or")).toBe(true);
    expect(passes({ time: noTime, context: { type: "sqs" } }, { data: json }, "or")).toBe(false);
    expect(passes({}, { data: json }, "or")).toBe(false);
  });

  it("or: a filter that errs counts as false and does not reject the event (F1)", () => {
    expect(passes({ data: [missing], context: { type: "webhook" } }, { data: json }, "or")).toBe(true);
    expect(passes({ data: [missing], context: { type: "sqs" } }, { data: json }, "or")).toBe(false);
  });
});

describe("literals that filters demand", () => {
  const literalOf = (filters: object, operator = "") =>
    compileSensor({ spec: specOf(filters, operator) }, testPlace).plan?.dependencies[0]?.literal;
  const item = (type: string, value: readonly string[], more = {}) => ({ path: "p", type, value, ...more });

  it("are anchored texts without operators, and numbers that must be equal", () => {
    const text = { path: "p", as: "text", values: ["a.b", "c"] };
    expect(literalOf({ data: [item("string", ["^a\\.b$", "^c$"])] })).toEqual(text);
    const number = { path: "p", as: "number", values: ["100", "0"] };
    expect(literalOf({ data: [item("number", ["1e2", "-0"])] })).toEqual(number);
    expect(literalOf({ data: [item("string", ["x"]), item("number", ["1"])] })).toMatchObject({ values: ["1"] });
  });

  it("are parts of a text where a pattern without operators is not anchored at both ends", () => {
    const part = (...values: readonly string[]) => ({ path: "p", as: "part", values });
    expect(literalOf({ data: [item("string", ["a", "^b", "c\\.d$"])] })).toEqual(part("a", "b", "c.d"));
    expect(literalOf({ data: [item("string", ["^a$", "b"])] })).toEqual(part("a", "b"));
    // equality leaves fewer to be asked
    expect(literalOf({ data: [item("string", ["x"]), item("string", ["^y$"])] })).toMatchObject({ values: ["y"] });
  });

  it("are none where the filter may pass otherwise", () => {
    for (const filters of [
      { data: [item("string", ["a", "^"])] },
      { data: [item("string", ["^"])] },
      { data: [item("string", ["^a.b$"])] },
      { data: [item("string", ["^(?i)a$"])] },
      { data: [item("string", ["^a\\d$"])] },
      { data: [item("string", ["^a$"], { comparator: "!=" })] },
      { data: [item("string", ["^a$"], { template: "{{ .Input }}" })] },
      { data: [item("number", ["1"], { comparator: ">" })] },
      { data: [item("string", ["^a$"])], dataLogicalOperator: "or" },
    ])
      expect(literalOf(filters)).toBeUndefined();
    expect(literalOf({ data: [item("string", ["^a$"])], context: { type: "x" } }, "or")).toBeUndefined();
  });
});

describe("an event pattern (extension)", () => {
  const pattern = {
    body: { kind: ["order"], total: [{ numeric: [">", 100] }], $or: [{ vip: [true] }, { items: ["x"] }] },
  };

  it("matches the data as EventBridge would, written as YAML or as JSON text", () => {
    for (const written of [pattern, JSON.stringify(pattern)]) {
      const verdict = (body: unknown) => passes({ pattern: written }, { data: { body } });
      expect(verdict({ kind: "order", total: 101, vip: true })).toBe(true);
      expect(verdict({ kind: "order", total: 1e3, items: ["y", "x"] })).toBe(true);
      expect(verdict({ kind: "order", total: 100, vip: true })).toBe(false);
      expect(verdict({ kind: "order", total: 101 })).toBe(false);
      expect(verdict(null)).toBe(false);
    }
    expect(passes({ pattern }, { data: new Uint8Array() })).toBe(false);
    expect(passes({ pattern }, { data: new TextEncoder().encode("{") })).toBe(false);
  });

  it("says which member said no, with the value that it met", () => {
    const [clause] = clausesOf({ pattern }, { data: { body: { kind: "order", total: 99, vip: true } } }) ?? [];
    expect(clause).toMatchObject({ kind: "pattern", index: 0, passed: false, value: "99" });
    expect(clause?.reason).toMatch(/^body\.total: /);
  });

  it("is refused at load with the place of its fault", () => {
    const findings = (written: unknown) =>
      compileSensor({ spec: specOf({ pattern: written }) }, testPlace).findings.map(
        ({ code, path, offset }) => `${code} ${path.join(".")}${offset === undefined ? "" : ` at ${offset}`}`,
      );
    const at = "spec.dependencies.0.filters.pattern";
    expect(findings({ body: { kind: "order" } })).toEqual([`EXPRESSION_INVALID ${at}.body.kind`]);
    expect(findings({ a: [{ prefx: "x" }] })[0]).toContain(`EXPRESSION_INVALID ${at}.a.0`);
    expect(findings('{"a": [1}')).toEqual([`EXPRESSION_INVALID ${at} at 8`]);
  });
});
