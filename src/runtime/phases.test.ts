import { expect, test } from "vitest";
import { testPlan, testSpec } from "../sensors/testing.ts";
import type { Enrolled } from "./enrol.ts";
import { deciderAt, phasesOf } from "./phases.ts";

const enrolled = (name: string, after: number): Enrolled => ({
  plan: testPlan(testSpec({ dependencies: ["a"] }), { name }),
  after: new Map([["t", after]]),
});

const namesAt = (phases: ReturnType<typeof phasesOf>, seq: number): readonly string[] =>
  deciderAt(phases, seq).plans.map(({ name }) => name);

test("a trigger takes part only in entries after its place", () => {
  const phases = phasesOf([enrolled("old", 0), enrolled("new", 7), enrolled("newer", 9)], 5);
  expect(namesAt(phases, 6)).toEqual(["old"]);
  expect(namesAt(phases, 7)).toEqual(["old"]);
  expect(namesAt(phases, 8)).toEqual(["old", "new"]);
  expect(namesAt(phases, 10)).toEqual(["old", "new", "newer"]);
});

test("sensors that came at many places are one phase once all of these are passed", () => {
  const sensors = Array.from({ length: 200 }, (_, at) => enrolled(`s${at}`, at));
  expect(phasesOf(sensors, 199)).toHaveLength(1);
  expect(phasesOf(sensors, 197)).toHaveLength(3);
  expect(namesAt(phasesOf(sensors, 199), 200)).toHaveLength(200);
});
