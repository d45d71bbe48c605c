import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Advanced, advance, type Decision } from "./advance.ts";
import type { SensorPlan } from "./plan.ts";
import { emptyState, type SensorState } from "./state.ts";
import { testEvent, testPlan, testSpec } from "./testing.ts";

/** One step of a history: an event that passes these dependencies. */
interface Arrival {
  readonly id: string;
  readonly of: readonly string[];
  readonly nowMs?: number;
}

function arrive(plan: SensorPlan, state: SensorState, arrival: Arrival, seq = 1): Advanced {
  const event = testEvent({ id: arrival.id });
  const passed = plan.dependencies
    .filter((dependency) => arrival.of.includes(dependency.name))
    .map((dependency) => ({ dependency, event }));
  return advance(plan, state, { kind: "event", event, seq, nowMs: arrival.nowMs ?? seq, passed });
}

function play(plan: SensorPlan, arrivals: readonly Arrival[], from = emptyState) {
  let state = from;
  const steps: Advanced[] = [];
  for (const [i, arrival] of arrivals.entries()) {
    const step = arrive(plan, state, arrival, i + 1);
    state = step.state;
    steps.push(step);
  }
  return { state, steps, firings: steps.flatMap((step) => step.firings) };
}

const idsOf = (step: Advanced | undefined) =>
  step?.firings.map((firing) => firing.events.map(({ dependency, id }) => `${dependency}=${id}`).join(" "));
const said = (step: Advanced | undefined) =>
  step?.decisions.map((one) => `${one.trigger} ${one.dependency} ${one.decision}`);

describe("advance (reference 3.5)", () => {
  it("fires at once with just the event when the condition has no &&, and touches no state", () => {
    const plan = testPlan(testSpec({ dependencies: ["a", "b"], triggers: { t: "a || b" } }));
    const { state, steps } = play(plan, [
      { id: "1", of: ["a"] },
      { id: "2", of: ["b"] },
    ]);
    expect(steps.map(idsOf)).toEqual([["a=1"], ["b=2"]]);
    expect(state).toBe(emptyState);
  });

  it("joins all dependencies with && by default and waits for the missing one", () => {
    const plan = testPlan(testSpec({ dependencies: ["a", "b"] }));
    const { state, steps } = play(plan, [
      { id: "1", of: ["a"] },
      { id: "2", of: ["b"] },
    ]);
    expect(steps[0]?.decisions).toEqual([
      { decision: "waiting", trigger: "t", dependency: "a", reason: "waits for b" },
    ]);
    expect(idsOf(steps[1])).toEqual(["a=1 b=2"]);
    expect(state).toBe(emptyState);
  });

  it("keeps the newest event of a dependency and says which one it replaced", () => {
    const plan = testPlan(testSpec({ dependencies: ["a", "b"] }));
    const { steps } = play(plan, [
      { id: "1", of: ["a"] },
      { id: "2", of: ["a"] },
      { id: "3", of: ["b"] },
    ]);
    expect(said(steps[1])).toEqual(["t a superseded", "t a waiting"]);
    expect(steps[1]?.decisions[0]).toMatchObject({ event: "1" });
    expect(idsOf(steps[2])).toEqual(["a=2 b=3"]);
  });

  it("fires with everything that is held, also with what the satisfied branch does not need", () => {
    const plan = testPlan(testSpec({ dependencies: ["a", "b", "c"], triggers: { t: "a && b || c" } }));
    const { state, steps } = play(plan, [
      { id: "1", of: ["a"] },
      { id: "2", of: ["c"] },
    ]);
    expect(idsOf(steps[1])).toEqual(["a=1 c=2"]);
    expect(state).toBe(emptyState);
  });

  it("fires on one event that is several dependencies at once", () => {
    const plan = testPlan(testSpec({ dependencies: ["a", "b"] }));
    const step = arrive(plan, emptyState, { id: "1", of: ["a", "b"] });
    expect(said(step)).toEqual(["t a waiting", "t b fired"]);
    expect(idsOf(step)).toEqual(["a=1 b=1"]);
  });

  it("gives every trigger a partial state of its own, for the dependencies of its conditions only", () => {
    const plan = testPlan(
      testSpec({ dependencies: ["a", "b", "c"], triggers: { ab: "a && b", bc: "b && c", a: "a" } }),
    );
    const { steps } = play(plan, [
      { id: "1", of: ["a"] },
      { id: "2", of: ["b"] },
      { id: "3", of: ["c"] },
    ]);
    expect(steps.map(said)).toEqual([["ab a waiting", "a a fired"], ["ab b fired", "bc b waiting"], ["bc c fired"]]);
  });

  it("changes nothing when the same event is decided again", () => {
    const plan = testPlan(testSpec({ dependencies: ["a", "b"] }));
    const first = arrive(plan, emptyState, { id: "1", of: ["a"] });
    const again = arrive(plan, first.state, { id: "1", of: ["a"] }, 7);
    expect(again.state).toBe(first.state);
    expect(said(again)).toEqual(["t a waiting"]);
    const fired = arrive(plan, first.state, { id: "2", of: ["b"] });
    expect(arrive(plan, first.state, { id: "2", of: ["b"] }, 9).firings[0]?.id).toBe(fired.firings[0]?.id);
  });

  it("gives replayed events firings of their own", () => {
    const plan = testPlan(testSpec({ dependencies: ["a"] }));
    const [dependency] = plan.dependencies;
    if (dependency === undefined) throw new Error("no dependency");
    const idOf = (extensions: Record<string, string>) => {
      const event = testEvent({ extensions });
      const passed = [{ dependency, event }];
      return advance(plan, emptyState, { kind: "event", event, seq: 1, nowMs: 1, passed }).firings[0]?.id;
    };
    expect(idOf({ replayid: "r1" })).toBe(idOf({ replayid: "r1" }));
    expect(new Set([idOf({}), idOf({ replayid: "r1" }), idOf({ replayid: "r2" })]).size).toBe(3);
  });

  it("names untransformed events of the log by their place and carries the others whole", () => {
    const plan = testPlan(testSpec({ dependencies: ["a", "b"] }));
    const held = arrive(plan, emptyState, { id: "1", of: ["a"] }, 11);
    const [firing] = arrive(plan, held.state, { id: "2", of: ["b"] }, 12).firings;
    expect(firing?.events).toMatchObject([
      { id: "1", seq: 11, event: { id: "1" } },
      { id: "2", seq: 12 },
    ]);
    expect(firing?.events[1]).not.toHaveProperty("event");
    const [, b] = plan.dependencies;
    if (b === undefined) throw new Error("no dependency");
    const event = testEvent({ id: "2" });
    const passed = [{ dependency: b, event: { ...event, data: new Uint8Array([1]) } }];
    const input = { kind: "event", event, seq: 12, nowMs: 1, passed } as const;
    expect(advance(plan, held.state, input).firings[0]?.events[1]?.event?.data).toEqual(new Uint8Array([1]));
  });

  it("puts a firing into its trigger's own queue, due at once", () => {
    const plan = testPlan(testSpec({ dependencies: ["a"] }));
    const firing = arrive(plan, emptyState, { id: "1", of: ["a"], nowMs: 1.5 }).firings[0];
    expect(firing).toMatchObject({ queue: "sensor/t", dueUs: 1500, revision: plan.revision, sensor: "sensor" });
    expect(firing?.id).toMatch(/^[0-9a-f]{32}$/);
  });

  const hourly = testSpec({
    dependencies: ["a", "b"],
    template: { conditionsReset: [{ byTime: { cron: "0 * * * *" } }] },
  });
  const hourMs = 3_600_000;

  it("drops what is held at a tick of conditionsReset, and asks to be woken for it", () => {
    const plan = testPlan(hourly);
    const held = arrive(plan, emptyState, { id: "1", of: ["a"], nowMs: hourMs / 2 });
    expect(held.wakeAtMs).toBe(hourMs);
    const early = advance(plan, held.state, { kind: "time", nowMs: hourMs - 1 });
    expect(early.state).toBe(held.state);
    const tick = advance(plan, held.state, { kind: "time", nowMs: hourMs });
    expect(tick.decisions).toMatchObject([{ decision: "reset", trigger: "t", dependency: "a", event: "1" }]);
    expect(tick).toMatchObject({ state: emptyState, wakeAtMs: undefined });
  });

  it("does not join an event to one that a tick has ended, though nobody told the time", () => {
    const plan = testPlan(hourly);
    const held = arrive(plan, emptyState, { id: "1", of: ["a"], nowMs: 5 });
    const late = arrive(plan, held.state, { id: "2", of: ["b"], nowMs: hourMs + 5 });
    expect(said(late)).toEqual(["t a reset", "t b waiting"]);
  });
});

const conditions = ["a && b", "a && b || c", "(a || b) && c", "a || b", "c", "a && b && c"];
const history = fc.array(fc.subarray(["a", "b", "c"], { minLength: 1 }), { maxLength: 40 });
const scenario = fc.record({ triggers: fc.subarray(conditions, { minLength: 1 }), history });

function setUp({ triggers, history: steps }: { triggers: string[]; history: string[][] }) {
  const named = Object.fromEntries(triggers.map((text, i) => [`t${i}`, text]));
  const plan = testPlan(testSpec({ dependencies: ["a", "b", "c"], triggers: named }));
  return { plan, arrivals: steps.map((of, i) => ({ id: `e${i}`, of })) };
}

const keyOf = (one: { trigger: string; dependency: string }, event: string) =>
  `${one.trigger} ${one.dependency} ${event}`;

describe("advance, for any history", () => {
  it("gives the same firings when it goes on from any point of it", () => {
    fc.assert(
      fc.property(scenario, fc.nat(40), (given, cut) => {
        const { plan, arrivals } = setUp(given);
        const whole = play(plan, arrivals);
        const head = play(plan, arrivals.slice(0, cut));
        const again = play(plan, arrivals.slice(0, cut));
        expect(again.firings).toEqual(head.firings);
        let state = head.state;
        const rest = arrivals.slice(cut).flatMap((arrival, i) => {
          const step = arrive(plan, state, arrival, cut + i + 1);
          state = step.state;
          return step.firings;
        });
        expect([...head.firings, ...rest]).toEqual(whole.firings);
      }),
    );
  });

  it("never makes two firings of a trigger with the same events", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { plan, arrivals } = setUp(given);
        const { firings } = play(plan, arrivals);
        expect(new Set(firings.map((firing) => firing.id)).size).toBe(firings.length);
        const used = firings.flatMap((firing) =>
          firing.events.map((event) => keyOf({ ...firing, ...event }, event.id)),
        );
        expect(new Set(used).size).toBe(used.length);
      }),
    );
  });

  it("lets no event vanish: each one fires, waits in the state, or was superseded", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { plan, arrivals } = setUp(given);
        const { state, steps } = play(plan, arrivals);
        const ended = new Map<string, string>();
        for (const decision of steps.flatMap((step) => step.decisions)) {
          for (const key of endedBy(decision)) {
            expect(ended.get(key)).toBeUndefined();
            ended.set(key, decision.decision);
          }
        }
        for (const [trigger, { held }] of state.triggers) {
          for (const [dependency, { event }] of held) {
            const key = keyOf({ trigger, dependency }, event.id);
            expect(ended.get(key)).toBeUndefined();
            ended.set(key, "held");
          }
        }
        for (const arrival of arrivals) {
          for (const trigger of plan.triggers) {
            for (const dependency of arrival.of.filter((name) => trigger.conditions.names.includes(name)))
              expect(ended.get(keyOf({ trigger: trigger.name, dependency }, arrival.id))).toBeDefined();
          }
        }
      }),
    );
  });
});

/** The (trigger, dependency, event) whose wait a decision ends. */
function endedBy(decision: Decision): readonly string[] {
  if (decision.decision === "waiting") return [];
  if (decision.decision !== "fired") return [keyOf(decision, decision.event)];
  return decision.firing.events.map((event) => keyOf({ ...decision, ...event }, event.id));
}
