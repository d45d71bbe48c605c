import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromBytes } from "../expressions/go-text.ts";
import type { Parameter } from "../kit/trigger.ts";
import { isTide } from "../lib/errors.ts";
import { applyParameters, buildPayload, createPrograms } from "./parameters.ts";
import { testEvent, testPlan, testSpec } from "./testing.ts";

/**
 * What Argo Events' own filter and parameter code (commit 6478ece4, Go 1.26) answers to random filters, parameters and
 * data: one JSON object a line. `applied` and `payload` are absent where it fails. For filters joined by or, the answer
 * is the one before its wrapper rejects the event for an error (F1).
 */
interface FilterCase {
  readonly filters: object;
  readonly operator: string;
  readonly time: string;
  readonly data: string;
  readonly passes: boolean;
}

interface ParametersCase {
  readonly parameters: readonly Parameter[];
  readonly json: string;
  readonly data: string;
  readonly time: string;
  readonly type?: string;
  readonly applied?: string;
  readonly payload?: string;
}

const lines = readFileSync(new URL("./argo-answers.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n");
const cases: readonly (FilterCase | ParametersCase)[] = lines.map((line) => JSON.parse(line));
const bytes = (text: string) => new TextEncoder().encode(text);

describe("the answers of Argo Events' own code", () => {
  it("to filters", () => {
    let count = 0;
    for (const one of cases) {
      if (!("filters" in one)) continue;
      count++;
      const { filters, operator: filtersLogicalOperator, time, data } = one;
      const dependency = { name: "a", eventSourceName: "src", eventName: "a", filters, filtersLogicalOperator };
      const [plan] = testPlan(testSpec({ dependencies: [dependency] })).dependencies;
      const event = testEvent({ subject: "a", time, data: bytes(data) });
      expect({ ...one, passes: plan?.evaluate(event, { nowMs: 0, seed: 1 }).passed }).toEqual(one);
    }
    expect(count).toBeGreaterThan(150);
  });

  it("to parameters and payloads, byte for byte", () => {
    const cx = { nowMs: 0, random: () => 0.5, programs: createPrograms() };
    let count = 0;
    for (const one of cases) {
      if (!("parameters" in one)) continue;
      count++;
      const { parameters, json, data, time, type: datacontenttype = "application/json", applied, payload } = one;
      const event = testEvent({ subject: "a", time, datacontenttype, data: bytes(data) });
      const at = { events: new Map([["a", event]]), cx };
      const ours = {
        applied: orNothing(() => applyParameters(json, parameters, at)),
        payload: orNothing(() => fromBytes(buildPayload(parameters, at))),
      };
      expect({ parameters, json, data, ...ours }).toEqual({ parameters, json, data, applied, payload });
    }
    expect(count).toBeGreaterThan(100);
  });
});

function orNothing(make: () => string): string | undefined {
  try {
    return make();
  } catch (error) {
    if (isTide(error, "PARAMETER_UNRESOLVED")) return undefined;
    throw error;
  }
}
