import { expect, it } from "vitest";
import { TideError } from "../lib/errors.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { supervise } from "./supervise.ts";

function watched(run: (life: number) => Promise<void>) {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const pauses: number[] = [];
  let lives = 0;
  let ended = false;
  const done = supervise({
    clock,
    signal: stop.signal,
    random: () => 1,
    run: () => run(++lives),
    failed: (_error, pauseMs) => pauses.push(pauseMs),
    ended: () => {
      ended = true;
    },
  });
  return { clock, stop, pauses, done, lives: () => lives, ended: () => ended };
}

it("starts again after every failure, with pauses that grow up to a limit, for ever", async () => {
  const { clock, stop, pauses, done, lives } = watched(() => Promise.reject(new Error("no")));
  await clock.advance(10 * 60_000);
  expect(pauses.slice(0, 8)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  expect(lives()).toBeGreaterThan(20);
  stop.abort();
  await done;
});

it("waits as long as the failure asks for", async () => {
  const { clock, stop, pauses, done } = watched(() =>
    Promise.reject(new TideError("BUS_FULL", "full", { retry: { afterMs: 7_000 } })),
  );
  await clock.advance(0);
  expect(pauses).toEqual([7_000]);
  stop.abort();
  await done;
});

it("begins with the shortest pause again after a long good life", async () => {
  const { clock, stop, pauses, done } = watched(async (life) => {
    if (life === 3) await clock.sleep(60_000, new AbortController().signal);
    throw new Error("no");
  });
  await clock.advance(500 + 1000 + 60_000);
  expect(pauses).toEqual([500, 1000, 500]);
  stop.abort();
  await done;
});

it("lets an upstream that ended for good be ended", async () => {
  const { done, ended, lives } = watched(() => Promise.resolve());
  await done;
  expect(ended()).toBe(true);
  expect(lives()).toBe(1);
});
