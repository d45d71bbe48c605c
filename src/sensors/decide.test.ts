import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogEntry } from "../bus/bus.ts";
import type { Event } from "../lib/event.ts";
import { createDecider } from "./decide.ts";
import type { SensorStates } from "./decided.ts";
import { decisionFact, endedFacts, laterFacts } from "./decision-facts.ts";
import type { SensorPlan } from "./plan.ts";
import type { SensorState } from "./state.ts";
import { testEvent, testPlan, testSpec } from "./testing.ts";

const cx = { nowMs: 1000, seed: 1 };
const entryOf = (event: Event, seq = 1): LogEntry => ({ seq, event, receivedUs: 1, sentUs: undefined, storedUs: 5 });
const noStates: SensorStates = new Map();

function filtered(name: string, filters: object, eventName = "ev", more: object = {}) {
  return { name, eventSourceName: "src", eventName, filters, ...more };
}
const text = (value: string) => ({ data: [{ path: "kind", type: "string", value: [value] }] });

function sensor(name: string, ...dependencies: object[]): SensorPlan {
  return testPlan(testSpec({ dependencies }), { name } as never);
}

describe("createDecider", () => {
  it("counts the subscriptions that match, and of them those that were filtered", () => {
    const plans = [
      testPlan(testSpec({ dependencies: [filtered("a", text("order"))], triggers: { t: "a", u: "a" } })),
      sensor("other", filtered("a", text("x"))),
      sensor("elsewhere", filtered("a", {}, "other")),
    ];
    const decided = createDecider(plans).decide(entryOf(testEvent({ data: { kind: "order" } })), noStates, cx);
    expect(decided).toMatchObject({ matched: 3, filtered: 1, waiting: [], superseded: [] });
    expect(decided.fired.map((one) => `${one.sensor}/${one.trigger}`)).toEqual(["sensor/t", "sensor/u"]);
    expect(decided.firings.map((one) => one.id)).toEqual(decided.fired.map((one) => one.firing));
  });

  it("matches globs in either name, besides those who name the event, in the order of the sensors", () => {
    const one = (name: string, eventSourceName: string, eventName: string) =>
      sensor(name, { name: "a", eventSourceName, eventName });
    const decider = createDecider([
      one("all", "*", "*"),
      one("named", "src", "ev"),
      one("either", "{src,other}", "e?"),
      one("none", "s*", "x*"),
    ]);
    const firedFor = (source: string, subject: string) =>
      decider.decide(entryOf(testEvent({ source, subject })), noStates, cx).fired.map((fired) => fired.sensor);
    expect(firedFor("src", "ev")).toEqual(["all", "named", "either"]);
    expect(firedFor("src", "ev")).toEqual(["all", "named", "either"]);
    expect(firedFor("other", "ex")).toEqual(["all", "either"]);
    expect(firedFor("src", "xyz")).toEqual(["all", "none"]);
    expect(firedFor("__proto__", "constructor")).toEqual(["all"]);
  });

  it("knows no subscription for events of other sources and names, hostile ones among them", () => {
    const decider = createDecider([sensor("s", filtered("a", {}))]);
    for (const [source, subject] of [
      ["src", "x"],
      ["x", "ev"],
      ["__proto__", "toString"],
      ["src", "constructor"],
    ])
      expect(
        decider.decide(entryOf(testEvent({ source: source ?? "", subject: subject ?? "" })), noStates, cx).matched,
      ).toBe(0);
  });

  it("keeps the states of the sensors apart and gives back only those that changed", () => {
    const join = [filtered("a", {}), filtered("b", {}, "ev2")];
    const decider = createDecider([sensor("s1", ...join), sensor("s2", ...join), sensor("s3", filtered("a", {}))]);
    const first = decider.decide(entryOf(testEvent({ id: "1" })), noStates, cx);
    expect([...first.changed.keys()]).toEqual(["s1", "s2"]);
    expect(first.waiting.map((one) => one.sensor)).toEqual(["s1", "s2"]);
    const only = new Map([["s1", first.changed.get("s1") as SensorState]]);
    const second = decider.decide(entryOf(testEvent({ id: "2", subject: "ev2" })), only, cx);
    expect(second.fired.map((one) => [one.sensor, one.events])).toEqual([
      [
        "s1",
        [
          ["a", "1"],
          ["b", "2"],
        ],
      ],
    ]);
    expect([...second.changed.keys()]).toEqual(["s1", "s2"]);
  });

  it("decides the same with its literal index as by asking every filter", () => {
    const values = ["^a$", "^b$", "^1$", "^true$", "^a\\.b$", "a", "^a", "b$", "a\\.", "1", "ru", "^", "^$", "^(a|b)$"];
    const numbers = ["1", "1.0", "-0", "2"];
    const filter = fc.oneof(
      fc.record({
        path: fc.constantFrom("k", "o.k"),
        type: fc.constant("string"),
        value: fc.subarray(values, { minLength: 1 }),
      }),
      fc.record({ path: fc.constant("k"), type: fc.constant("number"), value: fc.subarray(numbers, { minLength: 1 }) }),
    );
    const met = fc.constantFrom("a", "b", "a.b", "", 1, 1.5, 0, -0, true, null, "1", "2.0", [1], { k: "a" });
    const data = fc.oneof(
      fc.record({ k: met, o: fc.record({ k: met }) }),
      fc.constant(new Uint8Array()),
      fc.constant(7),
    );
    fc.assert(
      fc.property(fc.array(fc.array(filter, { minLength: 1, maxLength: 2 }), { maxLength: 12 }), data, (specs, one) => {
        const plans = specs.map((items, i) => sensor(`s${i}`, filtered("a", { data: items })));
        const event = testEvent({ data: one });
        const decided = createDecider(plans).decide(entryOf(event), noStates, cx);
        const passing = plans.filter((plan) => plan.dependencies[0]?.evaluate(event, cx).passed);
        expect(decided.fired.map((fired) => fired.sensor)).toEqual(passing.map((plan) => plan.name));
        expect([decided.matched, decided.filtered]).toEqual([plans.length, plans.length - passing.length]);
      }),
    );
  });

  it("does not ask sensors that demand another literal", () => {
    let asked = 0;
    const counted = (plan: SensorPlan): SensorPlan => ({
      ...plan,
      dependencies: plan.dependencies.map((one) => ({
        ...one,
        evaluate: (event, context) => {
          asked++;
          return one.evaluate(event, context);
        },
      })),
    });
    const plans = Array.from({ length: 500 }, (_, i) => counted(sensor(`s${i}`, filtered("a", text(`^k${i}$`)))));
    const decided = createDecider(plans).decide(entryOf(testEvent({ data: { kind: "k77" } })), noStates, cx);
    expect(decided.fired.map((one) => one.sensor)).toEqual(["s77"]);
    expect([decided.matched, decided.filtered, asked]).toEqual([500, 499, 1]);
  });

  it("does not ask sensors whose text is no part of the value", () => {
    let asked = 0;
    const plans = Array.from({ length: 500 }, (_, i) => {
      const plan = sensor(`s${i}`, filtered("a", text(`kind-${String(i).padStart(3, "0")}`)));
      const evaluate: SensorPlan["dependencies"][number]["evaluate"] = (event, context) => {
        asked++;
        return (plan.dependencies[0] as SensorPlan["dependencies"][number]).evaluate(event, context);
      };
      return { ...plan, dependencies: plan.dependencies.map((one) => ({ ...one, evaluate })) };
    });
    const event = testEvent({ data: { kind: "a kind-077 and a kind-011" } });
    const decided = createDecider(plans).decide(entryOf(event), noStates, cx);
    expect(decided.fired.map((one) => one.sensor)).toEqual(["s11", "s77"]);
    expect([decided.matched, decided.filtered, asked]).toEqual([500, 498, 2]);
  });

  it("ends what is due at a tick, and says when to come again", () => {
    const hourMs = 3_600_000;
    const reset = { conditionsReset: [{ byTime: { cron: "0 * * * *" } }] };
    const plan = testPlan(testSpec({ dependencies: [filtered("a", {}), filtered("b", {}, "ev2")], template: reset }));
    const decider = createDecider([plan]);
    const held = decider.decide(entryOf(testEvent(), 8), noStates, cx);
    expect(held.wakeAtMs).toBe(hourMs);
    expect(decider.tick(held.changed, hourMs - 1)).toMatchObject({ ended: [], wakeAtMs: hourMs });
    const tick = decider.tick(held.changed, hourMs);
    expect(tick.changed.get("sensor")?.triggers.size).toBe(0);
    expect(tick.wakeAtMs).toBeUndefined();
    const context = { ...cx, atUs: 9, planSet: "p" };
    expect(endedFacts(tick.ended, context)).toEqual([
      {
        k: "decided",
        event: "e1",
        seq: 8,
        atUs: 9,
        nowMs: 1000,
        seed: 1,
        planSet: "p",
        matched: 1,
        filtered: 0,
        ended: [
          {
            sensor: "sensor",
            trigger: "t",
            dependency: "a",
            event: "e1",
            decision: "reset",
            reason: "conditionsReset",
          },
        ],
      },
    ]);
  });

  it("writes one fact per event, without empty lists", () => {
    const decider = createDecider([sensor("s", filtered("a", text("x")))]);
    const entry = entryOf(testEvent(), 4);
    const context = { ...cx, atUs: 9, planSet: "p", only: "s" };
    expect(decisionFact(entry, decider.decide(entry, noStates, cx), context)).toEqual({
      k: "decided",
      event: "e1",
      seq: 4,
      storedUs: 5,
      atUs: 9,
      nowMs: 1000,
      seed: 1,
      planSet: "p",
      only: "s",
      matched: 1,
      filtered: 1,
    });
  });

  const trace = (digit: string) => `00-${digit.repeat(32)}-00f067aa0ba902b7-01`;
  const traced = (id: string, subject: string, extensions: Readonly<Record<string, string>> = {}) =>
    testEvent({ id, subject, extensions });
  const context = { ...cx, atUs: 9, planSet: "p" };

  it("tells the trace of the event, and with a firing the newest event last and the traces of the others", () => {
    const decider = createDecider([testPlan(testSpec({ dependencies: ["z", "a"], triggers: { t: "z && a" } }))]);
    const first = entryOf(traced("e1", "z", { traceparent: trace("1") }), 1);
    const waits = decider.decide(first, noStates, cx);
    expect(decisionFact(first, waits, context)).toMatchObject({ event: "e1", trace: trace("1") });
    const second = entryOf(traced("e2", "a", { traceparent: trace("2") }), 2);
    const fires = decider.decide(second, waits.changed, cx);
    const fact = decisionFact(second, fires, context);
    expect(fact.trace).toBe(trace("2"));
    expect(fact.fired?.[0]?.events).toEqual([
      ["z", "e1"],
      ["a", "e2"],
    ]);
    expect(fact.fired?.[0]?.links).toEqual([["e1", trace("1")]]);
    // the key of the firing is made as it was, whatever the order of telling
    expect(fires.firings[0]?.events.map(({ dependency }) => dependency)).toEqual(["a", "z"]);
    const quiet = decider.decide(entryOf(traced("e3", "a"), 3), waits.changed, cx);
    expect(decisionFact(entryOf(traced("e3", "a"), 3), quiet, context)).not.toHaveProperty("trace");
  });

  it("tells the trace of the newest event when time made the firing", () => {
    const plan = testPlan(testSpec({ dependencies: ["a"], trigger: { debounce: { window: "5s" } } }));
    const decider = createDecider([plan]);
    const entry = entryOf(traced("e1", "a", { traceparent: trace("1") }), 1);
    const held = decider.decide(entry, noStates, cx);
    const { later } = decider.tick(held.changed, 9_000);
    expect(laterFacts(later, context)).toMatchObject([{ event: "e1", later: true, trace: trace("1") }]);
  });
});
