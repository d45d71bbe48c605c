import { expect, it } from "vitest";
import { openBusFolder } from "../bus/embedded/open.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { createRateLimit } from "./rate-limit.ts";

const never = new AbortController().signal;

async function limited(count: number, perMs: number) {
  const clock = new VirtualClock();
  const folder = await openBusFolder({ dataDir: undefined, facts: false, clock });
  const state = folder.bus("default", "default").state("rate");
  const open = () => createRateLimit({ count, perMs, clock, state, key: "s/t" });
  return { clock, open };
}

it("lets three through at once with 3 per minute, and the fourth when the first is a minute old", async () => {
  const { clock, open } = await limited(3, 60_000);
  const limit = open();
  let through = 0;
  const all = Promise.all([1, 2, 3, 4, 5].map(() => limit.acquire(never).then(() => (through += 1))));
  await clock.advance(59_999);
  expect(through).toBe(3);
  await clock.advance(1);
  expect(through).toBe(5);
  await all;
});

it("remembers its starts over a restart", async () => {
  const { clock, open } = await limited(2, 60_000);
  const first = open();
  await first.acquire(never);
  await first.acquire(never);
  let through = false;
  const third = open()
    .acquire(never)
    .then(() => {
      through = true;
    });
  await clock.advance(59_999);
  expect(through).toBe(false);
  await clock.advance(1);
  expect(through).toBe(true);
  await third;
});

it("spaces the starts of a large limit evenly", async () => {
  const { clock, open } = await limited(1000, 1_000);
  const limit = open();
  let through = 0;
  const all = Promise.all(Array.from({ length: 10 }, () => limit.acquire(never).then(() => (through += 1))));
  await clock.advance(4.5);
  expect(through).toBe(5);
  await clock.advance(10);
  await all;
});

it("lets go of its place when the caller gives up", async () => {
  const { clock, open } = await limited(1, 60_000);
  const limit = open();
  await limit.acquire(never);
  const gone = new AbortController();
  const given = limit.acquire(gone.signal);
  const next = limit.acquire(never);
  gone.abort(new Error("stopping"));
  await expect(given).rejects.toThrow("stopping");
  await clock.advance(60_000);
  await next;
});
