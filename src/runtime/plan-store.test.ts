import { expect, test } from "vitest";
import type { Step } from "../bus/bus.ts";
import { openBusFolder } from "../bus/embedded/open.ts";
import { testPlace, testPlan, testSpec } from "../sensors/testing.ts";
import { createPlanStore } from "./plan-store.ts";

const specOf = (kind: string) => testSpec({ dependencies: ["a"], template: { log: { kind } } });

test("all new plans are kept in one commit, and what is known is not written again", async () => {
  await using folder = await openBusFolder({ dataDir: undefined, facts: false });
  const bus = folder.bus("default", "default");
  const commits: Step[] = [];
  const counted = {
    state: bus.state.bind(bus),
    commit(step: Step) {
      commits.push(step);
      return bus.commit(step);
    },
  };
  const open = () =>
    createPlanStore({
      namespace: testPlace.namespace,
      name: testPlace.bus,
      bus: counted,
      recompile: (object, { name }) => testPlan((object as { readonly spec: unknown }).spec, { name }),
    });
  const plans = Array.from({ length: 100 }, (_, n) => testPlan(specOf("old"), { name: `s${n}` }));
  const set = await open().keep(plans);
  expect(commits.map(({ state }) => state?.length)).toEqual([101]);

  // one is new, the others are there from the last time
  const next = [testPlan(specOf("new"), { name: "s0" }), ...plans.slice(1)];
  const again = open();
  const nextSet = await again.keep(next);
  expect(commits.map(({ state }) => state?.length)).toEqual([101, 2]);
  expect(await again.keep(next)).toBe(nextSet);
  expect(commits).toHaveLength(2);

  const revisions = async (of: string) =>
    (await again.set(of))?.map(({ name, revision }) => `${name}@${revision}`).sort();
  expect(await revisions(set)).toEqual(plans.map(({ name, revision }) => `${name}@${revision}`).sort());
  expect(await revisions(nextSet)).toEqual(next.map(({ name, revision }) => `${name}@${revision}`).sort());
});
