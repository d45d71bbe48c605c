import { describe, expect, it } from "vitest";
import { explainEvent } from "./explain.ts";
import { testEvent, testPlan } from "./testing.ts";

const cx = { nowMs: Date.UTC(2026, 0, 5, 9), seed: 7 };

/** The data after the transform, or the reason for there being none; what the filters say comes with it. */
function transformed(transform: object, data: unknown, filters: object = {}) {
  const plan = testPlan({
    dependencies: [{ name: "a", eventSourceName: "src", eventName: "ev", transform, filters }],
    triggers: [{ template: { name: "t", log: {} } }],
  });
  const event = testEvent({ data, datacontenttype: "text/plain" });
  const evaluation = plan.dependencies[0]?.evaluate(event, cx);
  const [explained] = explainEvent(plan, event, cx);
  expect(explained?.passed).toBe(evaluation?.passed);
  return {
    passed: evaluation?.passed,
    text: new TextDecoder().decode(evaluation?.event.data),
    type: evaluation?.event.datacontenttype,
    clauses: explained?.clauses.map(({ kind, passed, reason }) => `${kind} ${passed ? "yes" : "no"}: ${reason}`),
  };
}

describe("a transform (reference 3.3)", () => {
  it("replaces the data before the filters see it, as Go writes JSON", () => {
    const kind = { data: [{ path: "kind", type: "string", value: ["^order$"] }] };
    expect(transformed({ jq: '{z: 1.0, kind: .body.kind, html: "<b>"}' }, { body: { kind: "order" } }, kind)).toEqual({
      passed: true,
      text: '{"html":"\\u003cb\\u003e","kind":"order","z":1}',
      type: "application/json",
      clauses: ["transform yes: the data was transformed", expect.stringMatching(/^data yes: /)],
    });
    const script = "event.kind = string.lower(event.body.kind) event.body = nil return event";
    expect(transformed({ script }, { body: { kind: "ORDER" } }, kind).text).toBe('{"kind":"order"}');
  });

  it("takes the first output of jq only, and jq where a script is there as well", () => {
    expect(transformed({ jq: "{a: 1}, error", script: "return 1" }, {}).text).toBe('{"a":1}');
  });

  it.each([
    ["no output", { jq: "empty" }, {}],
    ["an output that is no object", { jq: ".a" }, { a: [1] }],
    ["an error", { jq: 'error("no")' }, {}],
    ["a script that returns no table", { script: "return 1" }, {}],
    ["a script that fails", { script: "return event.a.b.c" }, {}],
    ["a script without an end", { script: "while true do end" }, {}],
    ["data that is no JSON object", { jq: "." }, [1]],
    ["data that is no JSON", { jq: "." }, new TextEncoder().encode("{")],
    ["no data", { script: "return event" }, new Uint8Array()],
  ])("turns the event down for %s", (_, transform, data) => {
    const { passed, clauses } = transformed(transform, data);
    expect(passed).toBe(false);
    expect(clauses).toHaveLength(1);
    expect(clauses?.[0]).toMatch(/^transform no: ./);
  });

  it("sees the decision's time, so that deciding again decides the same", () => {
    expect(transformed({ jq: "{at: now}" }, {}).text).toBe(`{"at":${cx.nowMs / 1000}}`);
    expect(transformed({ script: "return { at = os.time(), r = math.random(1000000) }" }, {})).toEqual(
      transformed({ script: "return { at = os.time(), r = math.random(1000000) }" }, {}),
    );
  });

  it("leaves no literal for the routes: what the filter wants is not yet in the data", () => {
    const filters = { data: [{ path: "kind", type: "string", value: ["^order$"] }] };
    const literalOf = (more: object) =>
      testPlan({
        dependencies: [{ name: "a", eventSourceName: "src", eventName: "ev", filters, ...more }],
        triggers: [{ template: { name: "t", log: {} } }],
      }).dependencies[0]?.literal;
    expect(literalOf({})).toBeDefined();
    expect(literalOf({ transform: { jq: "." } })).toBeUndefined();
  });
});

describe("a script filter (reference 3.4)", () => {
  const verdict = (script: string, data: unknown, more: object = {}) => {
    const filters = { script, ...more };
    const plan = testPlan({
      dependencies: [{ name: "a", eventSourceName: "src", eventName: "ev", filters, filtersLogicalOperator: "or" }],
      triggers: [{ template: { name: "t", log: {} } }],
    });
    const [explained] = explainEvent(plan, testEvent({ data }), cx);
    return `${explained?.passed}: ${explained?.clauses.find(({ kind }) => kind === "script")?.reason}`;
  };

  it("passes on true alone", () => {
    expect(verdict("return event.n > 1", { n: 2 })).toBe("true: the script returns true");
    for (const script of ["return 1", "return 'true'", "return", "", "return event.n < 1"].filter(Boolean))
      expect(verdict(script, { n: 2 })).toBe("false: the script does not return true");
    expect(verdict("return false", new Uint8Array())).toBe("true: the event has no data: passes");
  });

  it("that fails counts as false, also where another filter passes (F2)", () => {
    expect(verdict("return event.a.b", {})).toMatch(/^false: .*nil/);
    expect(verdict("return event.a.b", {}, { context: { type: "webhook" } })).toMatch(/^true: .*nil/);
  });
});
