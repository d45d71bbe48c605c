import fc from "fast-check";
import { expect, test } from "vitest";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { correctedSentUs, createClockSkews } from "./clock-skew.ts";

const minute = 60_000;

/** A sender whose clock is ahead by `aheadUs`, and messages that take as long as they are said to. */
function sender(clock: VirtualClock, name = "orders") {
  const skews = createClockSkews();
  return {
    skews,
    send(aheadUs: number, tookUs: number): number | undefined {
      const receivedUs = Math.round(clock.nowMs() * 1000);
      return skews.seen(name, { sentUs: receivedUs - tookUs + aheadUs, receivedUs });
    },
  };
}

const latencies = fc.array(fc.integer({ min: 0, max: 30_000_000 }), { minLength: 2, maxLength: 200 });

test("a clock that is ahead is never corrected by more than it is, and by all but the time of the fastest ways", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3_600_000_000 }), latencies, (aheadUs, took) => {
      const { send } = sender(new VirtualClock());
      const seen: number[] = [];
      for (const tookUs of took) {
        const skewUs = send(aheadUs, tookUs);
        seen.push(tookUs);
        if (skewUs === undefined) continue;
        expect(skewUs).toBeLessThanOrEqual(aheadUs);
        expect(skewUs).toBeGreaterThan(0);
      }
      // the second fastest of so few, the third of more than a hundred
      const fastest = seen.toSorted((a, b) => a - b)[1 + Math.floor(seen.length / 100)] ?? 0;
      const expected = aheadUs - fastest > 1_000 ? aheadUs - fastest : undefined;
      expect(send(aheadUs, 40_000_000) ?? 0).toBe(expected ?? 0);
    }),
  );
});

test("a sender whose clock is right or behind is never said to be ahead", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3_600_000_000 }), latencies, (behindUs, took) => {
      const { send } = sender(new VirtualClock());
      for (const tookUs of took) expect(send(-behindUs, tookUs)).toBeUndefined();
    }),
  );
});

test("the corrected time of sending is never after the receipt, whatever the clocks say", () => {
  const us = fc.integer({ min: -4e15, max: 4e15 });
  fc.assert(
    fc.property(us, us, fc.option(us, { nil: undefined }), (sentUs, receivedUs, skewUs) => {
      expect(correctedSentUs({ sentUs, receivedUs, skewUs })).toBeLessThanOrEqual(receivedUs);
    }),
  );
});

test("one wrong time among right ones moves nothing", () => {
  fc.assert(
    fc.property(latencies, fc.nat(), fc.integer({ min: 1, max: 1e15 }), (took, place, wrongUs) => {
      const { send } = sender(new VirtualClock());
      for (const [at, tookUs] of took.entries()) {
        if (at === place % took.length) send(wrongUs, 0);
        expect(send(0, tookUs)).toBeUndefined();
      }
    }),
  );
});

test("a clock that is set right is believed ten minutes later, and one that runs away is followed at once", async () => {
  const clock = new VirtualClock();
  const { send } = sender(clock);
  for (let n = 0; n < 5; n++) send(2_000_000, 10_000);
  expect(send(2_000_000, 50_000)).toBe(1_990_000);
  for (let n = 0; n < 5; n++) send(9_000_000, 10_000);
  expect(send(9_000_000, 50_000)).toBe(8_990_000);
  for (let minutes = 0; minutes < 9; minutes++) {
    await clock.advance(minute);
    expect(send(0, 10_000)).toBe(8_990_000);
  }
  await clock.advance(minute);
  expect(send(0, 10_000)).toBeUndefined();
});

test("our own clock that is set back makes it begin anew", () => {
  const skews = createClockSkews();
  const hour = 3_600_000_000;
  const at = (receivedUs: number, aheadUs: number) => skews.seen("", { sentUs: receivedUs + aheadUs, receivedUs });
  for (let n = 0; n < 5; n++) expect(at(10 * hour + n, -5)).toBeUndefined();
  // to us, all senders are an hour ahead now
  expect(at(9 * hour, hour)).toBeUndefined();
  expect(at(9 * hour + 1, hour)).toBe(hour);
});

test("rounding to milliseconds is no clock that is ahead", () => {
  const { send } = sender(new VirtualClock());
  for (let n = 0; n < 50; n++) expect(send(1_000, 0)).toBeUndefined();
});

test("senders are told apart, and a thousand of them cost no more memory than those heard of last", () => {
  const clock = new VirtualClock();
  const { skews } = sender(clock);
  const receivedUs = clock.nowMs() * 1000;
  const ahead = (name: string) => skews.seen(name, { sentUs: receivedUs + 5_000_000, receivedUs });
  ahead("a");
  expect(ahead("a")).toBe(5_000_000);
  expect(skews.seen("b", { sentUs: receivedUs - 5, receivedUs })).toBeUndefined();
  for (let n = 0; n < 300; n++) ahead(`sender ${n}`);
  expect(ahead("a")).toBeUndefined();
  expect(ahead("sender 299")).toBe(5_000_000);
});
