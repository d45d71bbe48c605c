import fc from "fast-check";
import { expect, test } from "vitest";
import { DueHeap, dueAt } from "./due-heap.ts";

const hourUs = 3_600_000_000;

test("rows come in the order of their due times, then of their places", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (dues) => {
      const heap = new DueHeap();
      const rows = dues.map((dueUs, seq) => ({ dueUs, seq }));
      for (const row of rows) heap.push(row);
      const taken = rows.map(() => heap.pop());
      expect(taken).toEqual(rows.sort((a, b) => a.dueUs - b.dueUs || a.seq - b.seq));
    }),
  );
});

test("a clock that is set back takes along what was to come; one that is set ahead leaves it", () => {
  const heap = new DueHeap();
  const startUs = 100 * hourUs;
  heap.at(startUs);
  heap.push({ dueUs: startUs + 5e6, seq: 1 });
  heap.at(startUs - hourUs);
  heap.push({ dueUs: startUs - hourUs + 7e6, seq: 2 });
  expect(heap.pop()).toEqual({ dueUs: startUs - hourUs + 5e6, seq: 1 });
  heap.at(startUs);
  expect(heap.pop()).toEqual({ dueUs: startUs - hourUs + 7e6, seq: 2 });
});

test("a clock that goes on, or is a little off, moves nothing", () => {
  const heap = new DueHeap();
  heap.push({ dueUs: 50e6, seq: 1 });
  for (const nowUs of [10e6, 12e6, 11.5e6, 20e6]) expect(heap.at(nowUs)).toBe(nowUs);
  expect(heap.peek()).toEqual({ dueUs: 50e6, seq: 1 });
});

test("a firing that was made in the future waits as long as it was to wait", () => {
  expect(dueAt({ madeUs: 10 * hourUs, dueUs: 10 * hourUs + 3e6 }, 9 * hourUs)).toBe(9 * hourUs + 3e6);
  expect(dueAt({ madeUs: 10 * hourUs, dueUs: 10 * hourUs + 3e6 }, 10 * hourUs + 1e6)).toBe(10 * hourUs + 3e6);
});
