import { expect, test } from "vitest";
import { testEvent, testPlan, testSpec } from "../sensors/testing.ts";
import { createEvaluation, type Feeding, type SensorAnswer } from "./evaluate.ts";

const atMs = Date.UTC(2026, 0, 5, 9);

/** Feeds events of `a`, `b`, … one after the other; the answer after the last. */
async function after(
  spec: unknown,
  feedings: readonly (Partial<Feeding> & { readonly of: string })[],
): Promise<SensorAnswer> {
  const rendered: string[][] = [];
  const evaluation = createEvaluation({
    plan: testPlan(spec),
    sources: [],
    render: async (_, __, { events }) => {
      rendered.push([...events.values()].map(({ id }) => id));
      return { with: rendered.at(-1) };
    },
  });
  let answer: SensorAnswer | undefined;
  for (const [index, { of, ...more }] of feedings.entries()) {
    const event = testEvent({ id: `${of}${index}`, subject: of, data: { index } });
    answer = await evaluation.feed({ event, nowMs: atMs, ...more });
  }
  if (answer === undefined) throw new Error("nothing was fed");
  return answer;
}

test("what stands is the newest verdict on each dependency and trigger, whatever else comes", async () => {
  const spec = testSpec({ dependencies: ["a", "b"], triggers: { one: "a", two: "b", both: "a && b" } });
  const first = await after(spec, [{ of: "a" }]);
  expect(first.dependencies.map(({ matched }) => matched)).toEqual([true, false]);
  expect(first.triggers).toEqual([
    { name: "one", fires: true, reason: "a satisfies a", rendered: { with: ["a0"] } },
    { name: "two", fires: false, reason: "no event was of b (src/b)" },
    { name: "both", fires: false, reason: "waits for b" },
  ]);
  const all = await after(spec, [{ of: "a" }, { of: "b" }, { of: "c" }]);
  expect(all.dependencies.map(({ data }) => data)).toEqual([{ index: 0 }, { index: 1 }]);
  expect(all.triggers.map(({ rendered }) => rendered)).toEqual([
    { with: ["a0"] },
    { with: ["b1"] },
    { with: ["a0", "b1"] },
  ]);
  // a new event begins anew
  expect((await after(spec, [{ of: "a" }, { of: "b" }, { of: "a" }])).triggers[2]).toMatchObject({
    reason: "waits for b",
  });
});

test("an event of two dependencies is for both, or for the one that is named", async () => {
  const dependencies = ["x", "y"].map((name) => ({ name, eventSourceName: "src", eventName: "a" }));
  const spec = testSpec({ dependencies, triggers: { both: "x && y" } });
  expect((await after(spec, [{ of: "a" }])).triggers[0]?.fires).toBe(true);
  expect((await after(spec, [{ of: "a", dependency: "y" }])).triggers[0]).toMatchObject({ reason: "waits for x" });
});

test("the filters of a dependency that is named are asked about an event of another one, too", async () => {
  const filters = { data: [{ path: "index", type: "number", value: ["0"] }] };
  const spec = testSpec({ dependencies: [{ name: "x", eventSourceName: "src", eventName: "a", filters }] });
  const { dependencies, triggers } = await after(spec, [{ of: "b", dependency: "x" }]);
  expect(dependencies).toMatchObject([
    { matched: false, passed: true, clauses: [{ passed: true }], data: { index: 0 } },
  ]);
  expect(triggers[0]).toEqual({ name: "t", fires: false, reason: "no event was of x (src/a)" });
});

test("what conditionsReset dropped is said", async () => {
  const conditionsReset = [{ byTime: { cron: "0 10 * * *" } }];
  const spec = testSpec({ dependencies: ["a", "b"], triggers: { both: "a && b" }, template: { conditionsReset } });
  const { triggers } = await after(spec, [{ of: "a" }, { of: "b", nowMs: atMs + 3_600_001 }]);
  expect(triggers[0]?.reason).toBe("waits for a; the event of a was dropped: conditionsReset");
});

test("a debounced trigger fires with the newest, once its window has passed", async () => {
  const spec = testSpec({ dependencies: ["a"], trigger: { debounce: "10s" } });
  const soon = await after(spec, [{ of: "a" }, { of: "a", nowMs: atMs + 5_000 }]);
  expect(soon.triggers[0]).toEqual({
    name: "t",
    fires: true,
    reason: "a satisfies a, once 10 s pass without another",
    rendered: { with: ["a1"] },
  });
});

test("a firing that cannot be shown fires all the same", async () => {
  const plan = testPlan(testSpec({ dependencies: ["a"] }));
  const render = () => Promise.reject(new Error("no"));
  const evaluation = createEvaluation({ plan, sources: [], render });
  const { triggers } = await evaluation.feed({ event: testEvent({ subject: "a" }), nowMs: atMs });
  expect(triggers[0]).toEqual({
    name: "t",
    fires: true,
    reason: "a satisfies a; what it would send cannot be shown: no",
  });
});
