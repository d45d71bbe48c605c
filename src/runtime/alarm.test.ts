import { expect, test } from "vitest";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { Alarm } from "./alarm.ts";

test("an alarm goes off at the earliest moment that was named, also one that is named while it is waited for", async () => {
  const clock = new VirtualClock();
  const alarm = new Alarm(clock);
  const startMs = clock.nowMs();
  let wentOffMs: number | undefined;
  const waited = alarm.goesOff(new AbortController().signal).then(() => {
    wentOffMs = clock.nowMs() - startMs;
  });
  alarm.at(startMs + 500);
  await clock.advance(100);
  alarm.at(undefined);
  alarm.at(startMs + 200);
  alarm.at(startMs + 900);
  await clock.advance(50);
  expect(wentOffMs).toBeUndefined();
  await clock.advance(800);
  await waited;
  expect(wentOffMs).toBe(200);
});

test("an alarm that was cleared waits for another moment, or the abort", async () => {
  const clock = new VirtualClock();
  const alarm = new Alarm(clock);
  const end = new AbortController();
  alarm.at(clock.nowMs() + 100);
  alarm.clear();
  let over = false;
  const waited = alarm.goesOff(end.signal).then(() => {
    over = true;
  });
  await clock.advance(1_000);
  expect(over).toBe(false);
  end.abort();
  await waited;
});

test("an alarm sees within 30 s that the clock was set ahead", async () => {
  let nowMs = 1_800_000_000_000;
  const sleptMs: number[] = [];
  const clock = {
    nowMs: () => nowMs,
    sleep: async (ms: number) => {
      sleptMs.push(ms);
      nowMs += ms + 3_600_000;
    },
  };
  const alarm = new Alarm(clock);
  alarm.at(nowMs + 1_800_000);
  await alarm.goesOff(new AbortController().signal);
  expect(sleptMs).toEqual([30_000]);
});
