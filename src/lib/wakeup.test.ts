import { describe, expect, test } from "vitest";
import { AbortWatch, type Stoppable } from "./abort-watch.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { Wakeup } from "./wakeup.ts";

/** Whether it is settled by the next turn. */
async function settles(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

describe("waiting for a ring", () => {
  test("a ring between the look and the wait is not lost", async () => {
    const wakeup = new Wakeup();
    const seen = wakeup.rings;
    wakeup.ring();
    expect(await settles(wakeup.wait(seen, new AbortController().signal))).toBe(true);
  });

  test("the abort of any signal that is waited under ends the wait, also after other waits under it", async () => {
    const wakeup = new Wakeup();
    const [one, other] = [new AbortController(), new AbortController()];
    for (let i = 0; i < 3; i++) {
      const first = wakeup.wait(wakeup.rings, one.signal);
      wakeup.ring();
      await first;
    }
    const waits = [wakeup.wait(wakeup.rings, one.signal), wakeup.wait(wakeup.rings, other.signal)];
    one.abort();
    await Promise.all(waits);
    const late = wakeup.wait(wakeup.rings, other.signal);
    expect(await settles(late)).toBe(false);
    other.abort();
    await late;
    expect(await settles(wakeup.wait(wakeup.rings, other.signal))).toBe(true);
  });

  test("however often is waited under a signal, it has one listener, and none once it is forgotten", async () => {
    const wakeup = new Wakeup();
    const { signal } = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    Object.assign(signal, {
      addEventListener: (...given: Parameters<typeof add>) => {
        listeners += 1;
        add(...given);
      },
      removeEventListener: (...given: Parameters<typeof remove>) => {
        listeners -= 1;
        remove(...given);
      },
    });
    for (let i = 0; i < 5; i++) {
      const wait = wakeup.wait(wakeup.rings, signal);
      wakeup.ring();
      await wait;
    }
    expect(listeners).toBe(1);
    wakeup.forget();
    expect(listeners).toBe(0);
  });

  test("two who wait at most so long do not wake each other when their time is over", async () => {
    const clock = new VirtualClock(0);
    const wakeup = new Wakeup();
    const { signal } = new AbortController();
    const short = wakeup.waitAtMost(wakeup.rings, { clock, ms: 10, signal });
    const long = wakeup.waitAtMost(wakeup.rings, { clock, ms: 1_000, signal });
    await clock.advance(20);
    await short;
    expect(wakeup.rings).toBe(0);
    expect(await settles(long)).toBe(false);
    wakeup.ring();
    await long;
  });
});

test("an abort stops all calls under way, and none that has ended", () => {
  const aborts = new AbortWatch();
  const [shared, own] = [new AbortController(), new AbortController()];
  const stopped: string[] = [];
  const call = (name: string): Stoppable => ({ at: 0, stop: () => stopped.push(name) });
  const [a, b, c, d, other] = [call("a"), call("b"), call("c"), call("d"), call("other")] as const;
  for (const one of [a, b, c, d]) aborts.add(shared.signal, one);
  aborts.add(own.signal, other);
  aborts.delete(shared.signal, b);
  aborts.delete(shared.signal, b);
  aborts.delete(shared.signal, d);
  shared.abort();
  expect(stopped).toEqual(["a", "c"]);
});
