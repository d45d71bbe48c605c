import { describe, expect, it } from "vitest";
import { manyDeadLetters } from "./dead-letters-many.ts";
import { dnsFails } from "./dns-fails.ts";
import { runScenario } from "./harness.ts";
import { linesOf } from "./report.ts";
import type { Scenario } from "./scenario.ts";
import { slowLoris } from "./slow-loris.ts";
import { targetFaults } from "./target-faults.ts";
import { redisAway } from "./upstream-redis.ts";
import { sqsAway } from "./upstream-sqs.ts";

const seed = 11;

const small: readonly { readonly scenario: Scenario; readonly scale: number }[] = [
  { scenario: slowLoris, scale: 0.02 },
  { scenario: targetFaults, scale: 0.02 },
  { scenario: dnsFails, scale: 0.05 },
  { scenario: manyDeadLetters, scale: 0.005 },
  { scenario: redisAway, scale: 0.1 },
  { scenario: sqsAway, scale: 0.1 },
];

describe("faults of the network and of targets, at a small scale", { timeout: 120_000 }, () => {
  it.for(small)("$scenario.name", async ({ scenario, scale }, { signal, skip }) => {
    const outcome = await runScenario(scenario, { scale, seed, signal, progress: () => undefined });
    if ("unavailable" in outcome) return skip(outcome.unavailable);
    expect("failure" in outcome ? linesOf(outcome, seed).join("\n") : "").toBe("");
  });
});
