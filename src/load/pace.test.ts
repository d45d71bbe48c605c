import fc from "fast-check";
import { expect, test } from "vitest";
import { dueTimes, type Pace } from "./pace.ts";
import { randomOf } from "./random.ts";

function first(count: number, pace: Pace, seed = "s"): readonly number[] {
  const times: number[] = [];
  for (const dueMs of dueTimes(pace, randomOf(seed))) {
    if (times.length === count) break;
    times.push(dueMs);
  }
  return times;
}

test("a rate does not drift: each time is worked out from the start", () => {
  let at = 0;
  let last = 0;
  for (const dueMs of dueTimes({ perSecond: 300 }, randomOf("s"))) {
    last = dueMs;
    if (++at === 1_000_000) break;
  }
  expect(last).toBeCloseTo((999_999 * 1_000) / 300, 3);
});

test("without a rate all are due at once", () => {
  expect(first(3, { perSecond: undefined })).toEqual([0, 0, 0]);
});

test("bursts have their size and their pause, within the ranges, and the same seed makes the same ones", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.nat(20),
      fc.integer({ min: 1, max: 500 }),
      fc.string(),
      (low, more, pause, seed) => {
        const pace: Pace = {
          perSecond: 1_000,
          bursts: { size: { low, high: low + more }, pauseMs: { low: pause, high: 2 * pause } },
        };
        const times = first(300, pace, seed);
        expect(first(300, pace, seed)).toEqual(times);
        const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
        let size = 1;
        for (const gap of gaps) {
          if (gap < 1.001) {
            size += 1;
            continue;
          }
          expect(size).toBeGreaterThanOrEqual(low);
          expect(size).toBeLessThanOrEqual(low + more);
          expect(gap).toBeGreaterThanOrEqual(pause);
          expect(gap).toBeLessThanOrEqual(2 * pause + 1.001);
          size = 1;
        }
      },
    ),
  );
});
