import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { advance } from "./advance.ts";
import type { SensorPlan } from "./plan.ts";
import { adoptState, decodeState, emptyState, encodeState, type SensorState } from "./state.ts";
import { testEvent, testPlan, testSpec } from "./testing.ts";

function hold(plan: SensorPlan, ids: Readonly<Record<string, string>>, nowMs = 1): SensorState {
  let state = emptyState;
  for (const dependency of plan.dependencies) {
    const id = ids[dependency.name];
    if (id === undefined) continue;
    const event = testEvent({ id, data: new Uint8Array([0, 255, 10]), extensions: { __proto__x: "1", b: "2" } });
    const passed = [{ dependency, event }];
    state = advance(plan, state, { kind: "event", event, seq: 3, nowMs, passed }).state;
  }
  return state;
}

/** A store that follows the entries. */
function storeOf(entries: ReturnType<typeof encodeState>, store = new Map<string, Uint8Array>()) {
  for (const { key, value } of entries) {
    if (value === undefined) store.delete(key);
    else store.set(key, value);
  }
  return store;
}

const three = testSpec({ dependencies: ["a", "b", "c"], triggers: { t: "a && b && c", "t/2": "a && c" } });

describe("partial state", () => {
  it("comes back from the store as it went, data bytes included", () => {
    const plan = testPlan(three);
    const state = hold(plan, { a: "1", b: "2" });
    const back = decodeState(plan, storeOf(encodeState("sensor", emptyState, state)));
    expect(back).toEqual({ state, dropped: [], drop: [], unreadable: [] });
  });

  it("writes only what changed", () => {
    const plan = testPlan(three);
    const before = hold(plan, { a: "1" });
    expect(encodeState("sensor", before, before)).toEqual([]);
    const [a, b] = [hold(plan, { a: "1" }), hold(plan, { a: "1", b: "2" })];
    expect(encodeState("sensor", emptyState, a)).toHaveLength(2);
    const event = testEvent({ id: "2" });
    const [, dependency] = plan.dependencies;
    if (dependency === undefined) throw new Error("no dependency");
    const input = { kind: "event", event, seq: 4, nowMs: 1, passed: [{ dependency, event }] } as const;
    expect(encodeState("sensor", a, advance(plan, a, input).state)).toHaveLength(1);
    expect(encodeState("sensor", b, emptyState).map((entry) => entry.value)).toEqual([undefined, undefined, undefined]);
  });

  it("follows any history through the store", () => {
    const plan = testPlan(three);
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 30 }), (names) => {
        const store = new Map<string, Uint8Array>();
        let state = emptyState;
        for (const [i, name] of names.entries()) {
          const event = testEvent({ id: `e${i}` });
          const passed = plan.dependencies
            .filter((one) => one.name === name)
            .map((dependency) => ({ dependency, event }));
          const next = advance(plan, state, { kind: "event", event, seq: i, nowMs: i, passed }).state;
          storeOf(encodeState("sensor", state, next), store);
          state = next;
        }
        expect(decodeState(plan, store).state).toEqual(state);
      }),
    );
  });

  const changes = [
    [
      "the dependency's definition changed",
      { dependencies: [{ name: "a", eventSourceName: "src", eventName: "x" }, "b"] },
    ],
    ["the dependency is gone", { dependencies: ["b"], triggers: { t: "b" } }],
    ["the trigger is gone", { dependencies: ["a", "b"], triggers: { u: "a && b" } }],
    ["the trigger's conditions changed", { dependencies: ["a", "b"], triggers: { t: "a || b && a" } }],
  ] as const;
  for (const [reason, spec] of changes) {
    it(`is dropped, and reported as reset, when ${reason}`, () => {
      const state = hold(testPlan(testSpec({ dependencies: ["a", "b"], triggers: { t: "a && b" } })), { a: "1" });
      const plan = testPlan(testSpec(spec as never));
      const dropped = [{ trigger: "t", dependency: "a", event: "1", seq: 3, decision: "reset", reason }];
      const [entry] = encodeState("sensor", emptyState, state);
      expect(decodeState(plan, storeOf(encodeState("sensor", emptyState, state)))).toEqual({
        state: emptyState,
        dropped,
        drop: [{ key: entry?.key, value: undefined }],
        unreadable: [],
      });
      expect(adoptState(plan, state)).toEqual({ state: emptyState, dropped });
    });
  }

  it("is ended by a tick that passed while nothing ran", () => {
    const reset = { conditionsReset: [{ byTime: { cron: "0 0 * * *", timezone: "Europe/Berlin" } }] };
    const plan = testPlan(testSpec({ dependencies: ["a", "b"], template: reset }));
    const heldAtMs = Date.UTC(2026, 0, 5, 22, 59);
    const { state } = decodeState(plan, storeOf(encodeState("s", emptyState, hold(plan, { a: "1" }, heldAtMs))));
    const next = advance(plan, state, { kind: "time", nowMs: Date.UTC(2026, 0, 5, 23, 0) });
    expect(next.decisions).toMatchObject([{ decision: "reset", event: "1" }]);
    expect(next.state).toBe(emptyState);
  });

  it("reports what it cannot read and does not guess", () => {
    const plan = testPlan(three);
    const texts = ["", "{}", "[1]", "null", '{"v":1,"event":{}}', '{"v":2}', "\u0000"];
    const entries = texts.map((text, i) => [`k${i}`, new TextEncoder().encode(text)] as const);
    const broken = [...entries, ["k9", new Uint8Array([255])] as const];
    expect(decodeState(plan, broken)).toEqual({
      state: emptyState,
      dropped: [],
      drop: [],
      unreadable: broken.map(([key]) => key),
    });
  });
});
