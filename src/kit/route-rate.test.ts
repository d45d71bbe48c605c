import fc from "fast-check";
import { expect, test } from "vitest";
import { makeRouteRate } from "./route-rate.ts";

test("so many come through at once, then one each time a token is back", () => {
  const rate = makeRouteRate({ count: 10, perMs: 1_000, burst: 3 });
  expect([1, 2, 3].map(() => rate.take("a", 0))).toEqual([undefined, undefined, undefined]);
  expect(rate.take("a", 0)).toBe(100);
  expect(rate.take("a", 60)).toBeCloseTo(40);
  expect(rate.take("a", 100)).toBeUndefined();
  expect(rate.take("a", 100)).toBe(100);
  // a long pause gives the burst back, and no more
  expect([1, 2, 3, 4].map(() => rate.take("a", 100_000))).toEqual([undefined, undefined, undefined, 100]);
});

test("who has used up his tokens takes none of another's", () => {
  const rate = makeRouteRate({ count: 1, perMs: 1_000, burst: 1 });
  expect(rate.take("a", 0)).toBeUndefined();
  expect(rate.take("a", 0)).toBe(1_000);
  expect(rate.take("b", 0)).toBeUndefined();
});

test("a clock that is set back takes nothing away and gives nothing", () => {
  const rate = makeRouteRate({ count: 1, perMs: 1_000, burst: 2 });
  rate.take("a", 5_000);
  expect(rate.take("a", 0)).toBeUndefined();
  expect(rate.take("a", 0)).toBe(1_000);
  expect(rate.take("a", 1_000)).toBeUndefined();
});

test("twenty thousand addresses are remembered at most: one that keeps calling is, one that went is not", () => {
  const rate = makeRouteRate({ count: 1, perMs: 3_600_000, burst: 1 });
  const taken = { gone: 0, busy: 0 };
  const call = (who: keyof typeof taken): void => {
    if (rate.take(who, 0) === undefined) taken[who] += 1;
  };
  call("gone");
  for (let n = 0; n < 100_000; n++) {
    rate.take(`192.0.${n}`, 0);
    if (n % 1_000 === 0) call("busy");
    // within ten thousand others nobody is forgotten
    if (n === 9_000) call("gone");
  }
  call("gone");
  expect(taken).toEqual({ gone: 2, busy: 1 });
});

test("in any window there are at most the burst and what came back in it", () => {
  const settings = fc.record({
    count: fc.integer({ min: 1, max: 50 }),
    burst: fc.integer({ min: 1, max: 50 }),
    steps: fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 200 }),
  });
  fc.assert(
    fc.property(settings, ({ count, burst, steps }) => {
      const rate = makeRouteRate({ count, perMs: 1_000, burst });
      let nowMs = 0;
      let taken = 0;
      for (const step of steps) {
        nowMs += step;
        if (rate.take("a", nowMs) === undefined) taken += 1;
        expect(taken).toBeLessThanOrEqual(burst + (nowMs * count) / 1_000 + 1e-6);
      }
    }),
  );
});
