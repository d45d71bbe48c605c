import { describe, expect, it } from "vitest";
import { compileSensor } from "./compile.ts";
import { testPlace, testSpec } from "./testing.ts";

const payload = [{ src: { dependencyName: "a", dataKey: "n" }, dest: "n" }];
const http = { http: { url: "http://localhost/", payload } };

function compiled(trigger: object, more: { readonly template?: object; readonly conditions?: string } = {}) {
  const triggers = { t: more.conditions ?? "a && b" };
  const template = { log: null, ...(more.template ?? http) };
  const spec = testSpec({ dependencies: ["a", "b"], triggers, trigger, template });
  const { plan, findings } = compileSensor({ spec }, testPlace);
  const told = findings.map(({ severity, path, message, offset }) => ({
    severity,
    at: path.slice(3).join("."),
    message,
    ...(offset === undefined ? {} : { offset }),
  }));
  return { trigger: plan?.triggers[0], findings: told };
}

describe("flow controls are compiled", () => {
  it("durations are Go's, or nanoseconds", () => {
    expect(compiled({ timeout: "1m30s" }).trigger?.timeoutMs).toBe(90_000);
    expect(compiled({ timeout: 5_000_000_000 }).trigger?.timeoutMs).toBe(5_000);
    expect(compiled({ debounce: "5s" }).trigger?.debounce).toEqual({ windowMs: 5_000 });
    expect(compiled({ batch: { size: 10 } }).trigger?.batch).toEqual({ size: 10, windowMs: 0 });
    expect(compiled({ batch: { size: 10, window: "2s" } }).trigger?.batch).toEqual({ size: 10, windowMs: 2_000 });
    expect(compiled({ retryStrategy: { cap: "1m" } }).trigger?.retry).toMatchObject({ capMs: 60_000, attempts: 5 });
    expect(compiled({ timeout: 5 }).findings).toMatchObject([{ severity: "warning", at: "timeout" }]);
  });

  it.each([
    [{ timeout: "soon" }, "timeout"],
    [{ timeout: "0s" }, "timeout"],
    [{ timeout: "-1s" }, "timeout"],
    [{ ttl: "1 h" }, "ttl"],
    [{ ttl: "0s" }, "ttl"],
    [{ debounce: "x" }, "debounce"],
    [{ debounce: { window: "0s" } }, "debounce.window"],
    [{ debounce: {} }, "debounce.window"],
    [{ batch: { size: 0 } }, "batch.size"],
    [{ batch: { size: 10_001 } }, "batch.size"],
    [{ batch: { window: "1s" } }, "batch.size"],
    [{ batch: { size: 2, window: "-1s" } }, "batch.window"],
    [{ retryStrategy: { cap: "0s" } }, "retryStrategy.cap"],
    [{ orderBy: "" }, "orderBy"],
    [{ orderBy: { dependency: "c", path: "x" } }, "orderBy.dependency"],
    [{ orderBy: { dependency: "a" } }, "orderBy.path"],
    [{ debounce: { window: "1s", by: { dependency: "x", path: "n" } } }, "debounce.by.dependency"],
  ])("%j is an error with its place", (trigger, at) => {
    const { findings, trigger: plan } = compiled(trigger);
    expect(plan).toBeUndefined();
    expect(findings.filter(({ severity }) => severity === "error").map((found) => found.at)).toContainEqual(
      expect.stringContaining(at.split(".")[0] ?? ""),
    );
  });

  it("a circuit breaker needs a retryStrategy, and can be set or left out", () => {
    const breaker = (trigger: object) => compiled({ retryStrategy: { steps: 3 }, ...trigger }).trigger?.breaker;
    expect(breaker({})).toEqual({ failures: 10, pauseMs: 5_000, maxPauseMs: 60_000 });
    expect(breaker({ circuitBreaker: true })).toEqual(breaker({}));
    expect(breaker({ circuitBreaker: false })).toBeUndefined();
    const own = { failures: 3, pause: "2m" };
    expect(breaker({ circuitBreaker: own })).toEqual({ failures: 3, pauseMs: 120_000, maxPauseMs: 120_000 });
    expect(compiled({}).trigger?.breaker).toBeUndefined();
    expect(compiled({ circuitBreaker: own }).findings).toMatchObject([{ severity: "warning", at: "circuitBreaker" }]);
    expect(compiled({ circuitBreaker: { failures: 1 } }).trigger).toBeUndefined();
    expect(compiled({ retryStrategy: {}, circuitBreaker: { pause: "x" } }).findings).toMatchObject([
      { severity: "error", at: "circuitBreaker.pause" },
    ]);
  });

  it("a path that is no path tells where inside", () => {
    const { findings } = compiled({ orderBy: "a.".repeat(600) });
    expect(findings[0]).toMatchObject({ severity: "error", at: "orderBy", offset: 1001 });
  });

  it("an order key is a path in any event of the condition, or in that of one dependency", () => {
    expect(compiled({ orderBy: "body.id" }).trigger?.orderBy).toMatchObject({ path: { text: "body.id" } });
    expect(compiled({ orderBy: { dependency: "b", path: "body.id" } }).trigger?.orderBy).toMatchObject({
      dependency: "b",
    });
  });

  it("atLeastOnce is serial unless something says how it is to be wider", () => {
    const serial = (trigger: object) => {
      const plan = compiled({ atLeastOnce: true, ...trigger }).trigger;
      return [plan?.serial, plan?.concurrency];
    };
    expect(serial({})).toEqual([true, 1]);
    expect(serial({ concurrency: 8 })).toEqual([false, 8]);
    expect(serial({ orderBy: "id" })).toEqual([false, 32]);
    expect(serial({ batch: { size: 5 } })).toEqual([false, 1]);
  });

  it("an event ends at the next reset or at the end of its ttl, whichever comes first", () => {
    const template = { ...http, conditionsReset: [{ byTime: { cron: "0 * * * *" } }] };
    const plan = compiled({ ttl: "10m" }, { template }).trigger;
    const at = Date.UTC(2026, 0, 5, 9, 0, 0);
    expect(plan?.ending?.(at + 60_000)).toEqual({ atMs: at + 660_000, decision: "expired" });
    expect(plan?.ending?.(at + 3_540_000)).toEqual({ atMs: at + 3_600_000, decision: "reset" });
    expect(compiled({ ttl: "10m" }).trigger?.ending?.(at)).toEqual({ atMs: at + 600_000, decision: "expired" });
  });

  it("batch needs a payload", () => {
    for (const template of [{ log: {} }, { http: { url: "http://localhost/" } }, { http: { payload: [] } }])
      expect(compiled({ batch: { size: 5 } }, { template }).findings).toContainEqual(
        expect.objectContaining({ severity: "error", at: "batch", message: expect.stringContaining("payload") }),
      );
  });

  it("what has no effect is said", () => {
    const warned = (trigger: object, more = {}) =>
      compiled(trigger, more).findings.map(({ severity, at }) => `${severity} ${at}`);
    expect(warned({ ttl: "1m" }, { conditions: "a || b" })).toEqual(["warning ttl"]);
    expect(warned({ batch: { size: 5 }, debounce: "1s" })).toEqual(["warning batch"]);
    expect(warned({ batch: { size: 5 }, debounce: { window: "1s", by: "id" } })).toEqual([]);
    const dlqTrigger = { template: { name: "d", ...http }, atLeastOnce: true, ttl: "1m", debounce: "1s", orderBy: "x" };
    expect(warned({ atLeastOnce: true, dlqTrigger })).toEqual([
      "warning dlqTrigger.ttl",
      "warning dlqTrigger.debounce",
      "warning dlqTrigger.orderBy",
    ]);
  });

  it("a dlqTrigger has timeout, batch, concurrency and a retryStrategy of its own", () => {
    const dlqTrigger = {
      template: { name: "d", ...http },
      atLeastOnce: true,
      timeout: "5s",
      batch: { size: 3 },
      retryStrategy: { steps: 2, cap: "10s" },
    };
    expect(compiled({ atLeastOnce: true, dlqTrigger }).trigger?.dlqTrigger).toMatchObject({
      timeoutMs: 5_000,
      batch: { size: 3 },
      retry: { attempts: 2, capMs: 10_000, declared: true },
    });
  });
});
