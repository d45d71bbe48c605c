import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TideError } from "../lib/errors.ts";
import { silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { Breakers, downBy, downByStatus } from "./breaker.ts";

const plan = { failures: 10, pauseMs: 5_000, maxPauseMs: 60_000 };
const shop = "shop.example:443";

function bench(random = 0) {
  const clock = new VirtualClock();
  const breakers = new Breakers({ clock, random: () => random, log: silentLog });
  const fail = (by: string, target = shop) => breakers.failed(target, { by, plan, error: "refused" });
  /** As many failures, a second apart. */
  const outage = async (times: number, by = (n: number) => `f${n}`) => {
    for (let n = 0; n < times; n++) {
      fail(by(n));
      if (n < times - 1) await clock.advance(1_200);
    }
  };
  return { clock, breakers, fail, outage };
}

describe("a circuit breaker", () => {
  it("opens at the tenth failure in a row, and for its target alone", async () => {
    const { breakers, outage } = bench();
    await outage(9);
    expect([breakers.allClosed, breakers.admit(shop)]).toEqual([true, undefined]);
    const one = bench();
    await one.outage(10);
    expect(one.breakers.admit(shop)).toBe(5_000);
    expect(one.breakers.admit("other.example:443")).toBeUndefined();
    expect(one.breakers.list()).toMatchObject([{ target: shop, state: "open", failures: 10, error: "refused" }]);
  });

  it("does not wait for a clock that was set back", async () => {
    let nowMs = 1_800_000_000_000;
    const clock = { nowMs: () => nowMs, sleep: () => Promise.resolve() };
    const breakers = new Breakers({ clock, random: () => 1, log: silentLog });
    for (let n = 0; n < 12; n++, nowMs += 1_200) breakers.failed(shop, { by: `f${n}`, plan, error: "refused" });
    expect(breakers.admit(shop)).toBeGreaterThan(0);
    nowMs -= 3_600_000;
    expect(breakers.admit(shop), "a probe").toBeUndefined();
    expect(breakers.admit(shop), "the others wait for the probe").toBeLessThanOrEqual(15_000);
    breakers.failed(shop, { by: "f9", plan, error: "refused" });
    expect(breakers.admit(shop), "the next pause").toBeLessThanOrEqual(15_000);
  });

  it("does not open for one firing alone, however often it is tried", async () => {
    const { breakers, outage, fail } = bench();
    await outage(50, () => "alone");
    expect(breakers.admit(shop)).toBeUndefined();
    fail("another");
    expect(breakers.admit(shop)).toBe(5_000);
  });

  it("does not open for a burst that is shorter than 10 s", async () => {
    const { clock, breakers, fail } = bench();
    for (let n = 0; n < 100; n++) fail(`f${n}`);
    expect(breakers.admit(shop)).toBeUndefined();
    await clock.advance(10_000);
    fail("later");
    expect(breakers.admit(shop)).toBe(5_000);
  });

  it("counts anew after a success", async () => {
    const { breakers, outage } = bench();
    await outage(9);
    breakers.succeeded(shop);
    await outage(9);
    expect(breakers.admit(shop)).toBeUndefined();
  });

  it("lets one probe through when its pause is over, and closes by its success", async () => {
    const { clock, breakers, outage } = bench();
    await outage(10);
    await clock.advance(5_000);
    expect(breakers.admit(shop)).toBeUndefined();
    expect(breakers.list()).toMatchObject([{ state: "half-open" }]);
    expect(breakers.admit(shop)).toBe(1_250);
    breakers.succeeded(shop);
    expect([breakers.allClosed, breakers.admit(shop), breakers.list()]).toEqual([true, undefined, []]);
  });

  it("waits ever longer after probes that fail, up to its longest pause", async () => {
    const { clock, breakers, outage, fail } = bench();
    await outage(10);
    const pauses: (number | undefined)[] = [];
    for (let n = 0; n < 7; n++) {
      const pauseMs = breakers.admit(shop) ?? 0;
      pauses.push(pauseMs);
      await clock.advance(pauseMs);
      expect(breakers.admit(shop)).toBeUndefined();
      fail(`probe${n}`);
    }
    expect(pauses).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });

  it("spreads its pauses by up to a half", async () => {
    const { breakers, outage } = bench(0.999);
    await outage(10);
    expect(breakers.admit(shop)).toBeCloseTo(7_497.5);
  });

  it("does not count against it what was under way when it opened", async () => {
    const { breakers, outage, fail } = bench();
    await outage(10);
    for (let n = 0; n < 30; n++) fail(`late${n}`);
    expect(breakers.admit(shop)).toBe(5_000);
  });

  it("lets another probe through when nobody says what became of the first", async () => {
    const { clock, breakers, outage } = bench();
    await outage(10);
    await clock.advance(5_000);
    expect(breakers.admit(shop)).toBeUndefined();
    await clock.advance(10_000);
    expect(breakers.admit(shop)).toBeUndefined();
  });

  it("holds no more targets in mind than are failing", async () => {
    const { clock, breakers, fail } = bench();
    for (let n = 0; n < 1_000; n++) fail("f", `host${n}:443`);
    await clock.advance(3_600_000);
    fail("f", "new:443");
    for (let n = 0; n < 1_000; n++) breakers.succeeded(`host${n}:443`);
    expect(breakers.allClosed).toBe(true);
  });

  it("lets at most one call through in any pause, whatever the order of what happens", () => {
    const step = fc.oneof(fc.record({ passMs: fc.nat(9_000) }), fc.constant("call" as const));
    return fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { clock, breakers, outage, fail } = bench();
        await outage(10);
        const calls: number[] = [];
        for (const one of steps) {
          if (one !== "call") await clock.advance(one.passMs);
          else if (breakers.admit(shop) === undefined) {
            calls.push(clock.nowMs());
            fail(`f${calls.length}`);
          }
        }
        for (const [n, atMs] of calls.entries()) {
          const before = calls[n - 1];
          if (before !== undefined) expect(atMs - before).toBeGreaterThanOrEqual(10_000);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe("what tells that a target is down", () => {
  it("is no connection, no answer, and 5xx", () => {
    for (const code of ["TARGET_UNREACHABLE", "TARGET_TIMEOUT", "TARGET_RESET", "ATTEMPT_TIMEOUT"] as const)
      expect(downBy(new TideError(code, "x"))).toBe("x");
    expect(downByStatus({ status: 503 }, undefined)).toBe("the target answered 503");
  });

  it("is no refusal, no fault of ours, and no status that the manifest wants", () => {
    expect(downBy(new TideError("SECRET_MISSING", "x"))).toBeUndefined();
    expect(downBy(new Error("x"))).toBeUndefined();
    expect(downByStatus({ status: 404 }, undefined)).toBeUndefined();
    expect(downByStatus({ status: 503 }, [503])).toBeUndefined();
    expect(downByStatus({}, undefined)).toBeUndefined();
  });
});
