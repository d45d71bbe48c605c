import { expect, test } from "vitest";
import { TideError } from "../lib/errors.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { untilKept } from "./until-kept.ts";

/** A write that fails so often, and the pauses that follow. */
function failing(times: number, error: unknown = new Error("no space")) {
  const clock = new VirtualClock();
  const end = new AbortController();
  const pauses: number[] = [];
  let left = times;
  const kept = untilKept(
    async () => {
      left -= 1;
      if (left >= 0) throw error;
      return "kept";
    },
    { clock, signal: end.signal, failed: (_, retryInMs) => pauses.push(retryInMs), longestPauseMs: 300 },
  );
  return { clock, end, pauses, kept };
}

test("a write that fails is repeated after longer and longer pauses, until it is kept", async () => {
  const { clock, pauses, kept } = failing(4);
  await clock.advance(100 + 200 + 300 + 300);
  expect(await kept).toBe("kept");
  expect(pauses).toEqual([100, 200, 300, 300]);
});

test("the abort makes a last try at once", async () => {
  const good = failing(1);
  await good.clock.advance(0);
  good.end.abort(new Error("over"));
  expect(await good.kept).toBe("kept");
  const bad = failing(2);
  const rejected = expect(bad.kept).rejects.toThrow("no space");
  await bad.clock.advance(0);
  bad.end.abort(new Error("over"));
  await rejected;
});

test("a bus that is closed takes nothing any more", async () => {
  await expect(failing(9, new TideError("BUS_CLOSED", "closed")).kept).rejects.toThrow("closed");
});
