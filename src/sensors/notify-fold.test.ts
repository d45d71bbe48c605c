import fc from "fast-check";
import { expect, test } from "vitest";
import { counted, type FoldedCount, type FoldWindow, foldStep } from "./notify-fold.ts";

const sample = { job: "j", event: "e", firing: "f", at: "" };

/** Failures at these times, each told now or counted; windows end by the clock. */
function play(times: readonly number[], windowUs: number) {
  let window: FoldWindow | undefined;
  const open = new Map<string, { count: FoldedCount; dueUs: number }>();
  let now = 0;
  const together: number[] = [];
  const opened: number[] = [];
  const end = (untilUs: number): void => {
    for (const [timer, { count, dueUs }] of open) {
      if (dueUs > untilUs) continue;
      together.push(count.count);
      open.delete(timer);
    }
  };
  for (const atUs of times) {
    end(atUs);
    const counting = window?.timer !== undefined && open.has(window.timer);
    const step = foldStep({ window, counting, atUs, windowUs, timerOf: (fromUs) => `t${fromUs}` });
    window = step.window;
    if (step.tell === "now") {
      now += 1;
      continue;
    }
    if (step.opens) opened.push(step.window.untilUs);
    const known = open.get(step.window.timer)?.count;
    const count = counted(known, { atUs, sinceUs: step.window.fromUs, sample });
    open.set(step.window.timer, { count, dueUs: step.window.untilUs });
  }
  end(Number.POSITIVE_INFINITY);
  return { now, together, opened };
}

test("every failure is told once: at once, or in the count of one window", () => {
  const times = fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 60 });
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 200 }), (given, windowUs) => {
      const sorted = given.toSorted((a, b) => a - b);
      const { now, together, opened } = play(sorted, windowUs);
      expect(now + together.reduce((sum, count) => sum + count, 0)).toBe(sorted.length);
      expect(together).toHaveLength(opened.length);
      if (sorted.length > 0) expect(now).toBeGreaterThan(0);
    }),
  );
});

test("no failure is lost where the clock goes back and forth", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000 }), { maxLength: 40 }), (times) => {
      const { now, together } = play(times, 100);
      expect(now + together.reduce((sum, count) => sum + count, 0)).toBe(times.length);
    }),
  );
});

test("failures that go on are told once a window", () => {
  const everySecond = Array.from({ length: 600 }, (_, at) => at);
  const { now, together } = play(everySecond, 60);
  expect(now).toBe(1);
  expect(together).toEqual([59, ...Array.from({ length: 9 }, () => 60)]);
});

test("five samples are kept, whatever the count is", () => {
  let count: FoldedCount | undefined;
  for (let atUs = 1; atUs <= 1_000; atUs++) count = counted(count, { atUs, sinceUs: 0, sample });
  expect(count).toMatchObject({ count: 1_000, firstUs: 1, lastUs: 1_000 });
  expect(count?.samples).toHaveLength(5);
});
