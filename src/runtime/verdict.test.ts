import { expect, test } from "vitest";
import { type CodeName, TideError } from "../lib/errors.ts";
import type { RetryPlan, TriggerPlan } from "../sensors/plan.ts";
import { testPlan, testSpec } from "../sensors/testing.ts";
import { afterFailure, judge } from "./verdict.ts";

function trigger(fields: object = {}, retry: Partial<RetryPlan> = {}): TriggerPlan {
  const [made] = testPlan(
    testSpec({ dependencies: ["a"], trigger: fields, template: { log: null, http: {} } }),
  ).triggers;
  if (made === undefined) throw new Error("no trigger");
  return { ...made, retry: { ...made.retry, ...retry } };
}

const declared = (retry: Partial<RetryPlan>): TriggerPlan =>
  trigger({}, { attempts: 1000, baseMs: 1_000, factor: 2, jitter: 0, declared: true, ...retry });

const refused = new TideError("TARGET_STATUS", "500");

function pauses(plan: TriggerPlan, attempts: readonly number[], error: unknown = refused, random = 0.5) {
  return attempts.map((attempt) => {
    const verdict = afterFailure(plan, { error, attempt, random });
    return verdict.outcome === "failed" ? verdict.retryInMs : undefined;
  });
}

test("a pause grows by its factor, and is spread by its jitter", () => {
  expect(pauses(declared({}), [1, 2, 3])).toEqual([1_000, 2_000, 4_000]);
  expect(pauses(declared({ jitter: 1 }), [1, 2])).toEqual([1_500, 3_000]);
});

test("cap bounds each pause, jitter included", () => {
  expect(pauses(declared({ capMs: 3_000, jitter: 1 }), [1, 2, 3, 999])).toEqual([1_500, 3_000, 3_000, 3_000]);
});

test("without a cap a factor makes no pause longer than a day, but a longer duration stays what it is", () => {
  const dayMs = 24 * 3_600_000;
  expect(pauses(declared({}), [1, 900])).toEqual([1_000, dayMs]);
  expect(pauses(declared({ baseMs: 3 * dayMs, factor: 1 }), [1, 2])).toEqual([3 * dayMs, 3 * dayMs]);
});

test("whatever the numbers, a due time stays a time", () => {
  for (const retry of [
    { baseMs: 0, factor: 1e300 },
    { baseMs: 1e300, factor: 1e300, jitter: 1e300 },
    { baseMs: 1e-300, factor: 0 },
  ])
    for (const pause of pauses(declared(retry), [1, 2, 999])) expect(Number.isFinite(pause)).toBe(true);
});

test("a target's Retry-After counts where it is later, whatever the cap, up to a day", () => {
  const asking = (afterMs: number) => new TideError("TARGET_STATUS", "503", { retry: { afterMs } });
  expect(pauses(declared({ capMs: 2_000 }), [1], asking(30_000))).toEqual([30_000]);
  expect(pauses(declared({ baseMs: 60_000 }), [1], asking(30_000))).toEqual([60_000]);
  expect(pauses(declared({}), [1], asking(1e15))).toEqual([24 * 3_600_000]);
  expect(pauses(trigger(), [1], asking(30_000))).toEqual([undefined]);
});

test("without a retryStrategy only what certainly did nothing is tried again", () => {
  expect(pauses(trigger(), [1])).toEqual([undefined]);
  const unreachable = new TideError("TARGET_UNREACHABLE", "refused");
  expect(pauses(trigger(), [1, 2, 3, 4, 5], unreachable, 0)).toEqual([1_000, 2_000, 4_000, 8_000, undefined]);
});

test("what a Kubernetes API could not do now is safe to repeat, and is tried again too; what it forbids is not", () => {
  const tries = (code: CodeName) => pauses(trigger(), [1, 4, 5], new TideError(code, "said so"), 0);
  for (const code of ["CLUSTER_BUSY", "CLUSTER_UNAUTHORIZED", "QUOTA_EXCEEDED", "RESOURCE_CONFLICT"] as const) {
    expect(tries(code)).toEqual([1_000, 8_000, undefined]);
  }
  for (const code of ["CLUSTER_FORBIDDEN", "CLUSTER_REFUSED", "RESOURCE_EXISTS", "TARGET_RESET"] as const) {
    expect(tries(code)).toEqual([undefined, undefined, undefined]);
  }
  expect(pauses(declared({}), [1], new TideError("CLUSTER_FORBIDDEN", "403"))).toEqual([undefined]);
});

test("a target that is gone, or wants no more, ends the tries, unless the policy says that it is fine", () => {
  const fault = (outcome: Parameters<typeof judge>[1], fields = {}) => judge(trigger(fields), outcome);
  expect(fault({ status: 410 })?.code).toBe("TARGET_GONE");
  expect(fault({ status: 500, stop: "webhook-delivery: abort-message" })?.code).toBe("TARGET_GONE");
  expect(fault({ status: 200, stop: "webhook-delivery: abort-message" })).toBeUndefined();
  expect(fault({ status: 410 }, { policy: { status: { allow: [410] } } })).toBeUndefined();
  expect(fault({ status: 404 })?.code).toBe("TARGET_STATUS");
  expect(pauses(declared({}), [1], fault({ status: 410 }))).toEqual([undefined]);
});
