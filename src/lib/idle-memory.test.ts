import { describe, expect, it } from "vitest";
import { collectAll, IdleWatch } from "./idle-memory.ts";

const told = (...shares: readonly number[]): readonly boolean[] => {
  const watch = new IdleWatch();
  return shares.map((share) => watch.look(share));
};

describe("giving memory back", () => {
  it("comes once after the start, when nothing has happened for two looks", () => {
    expect(told(0.9, 0.01, 0.01, 0.01, 0.01)).toEqual([false, false, true, false, false]);
  });

  it("does not take the collection itself for a busy time", () => {
    expect(told(0, 0, 0.9, 0, 0, 0)).toEqual([false, true, false, false, false, false]);
  });

  it("comes again a minute after the next busy time, and not before", () => {
    const quiet = Array.from({ length: 30 }, () => 0);
    const after = told(0, 0, 0.1, ...quiet, 0.5, ...quiet, 0);
    expect(after.flatMap((due, at) => (due ? [at] : []))).toEqual([1, 3 + 30 + 30]);
  });

  it("does not come while events come", () => {
    expect(told(0.9, 0.05, 0.01, 0.05, 0.01, 0.3, 0.03)).not.toContain(true);
  });

  it("makes the heap smaller that garbage had made large", async () => {
    const kept = Array.from({ length: 300_000 }, (_, at) => ({ at }));
    const before = process.memoryUsage().heapUsed;
    kept.length = 0;
    await collectAll();
    expect(process.memoryUsage().heapUsed).toBeLessThan(before);
  });
});
