import { describe, expect, it } from "vitest";
import { runScenario } from "./harness.ts";
import { linesOf } from "./report.ts";
import type { Scenario } from "./scenario.ts";

/** `TIDEMILL_SEED` says which choices a run makes; other ones each time unless given. */
const seed = Number(process.env.TIDEMILL_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** A scenario, and the share of its whole run. */
export type SmallRun = readonly [Scenario, scale: number];

/** A test of each. */
export function describeAtSmallScale(title: string, small: readonly SmallRun[]): void {
  const runs = small.map(([scenario, scale]) => ({ scenario, scale }));
  describe(`${title}, at a small scale (TIDEMILL_SEED=${seed})`, { timeout: 180_000 }, () => {
    it.for(runs)("$scenario.name: $scenario.title", async ({ scenario, scale }, { signal, skip }) => {
      const outcome = await runScenario(scenario, { scale, seed, signal, progress: () => undefined });
      if ("unavailable" in outcome) {
        if (process.env.TIDEMILL_TEST_SERVERS === "require") throw new Error(outcome.unavailable);
        return skip(outcome.unavailable);
      }
      expect("failure" in outcome ? linesOf(outcome, seed).join("\n") : "").toBe("");
    });
  });
}
