import { afterEach, expect, test } from "vitest";
import type { NewFiring, Queue } from "../bus/bus.ts";
import { type BusFolder, openBusFolder } from "../bus/embedded/open.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { testEvent } from "../sensors/testing.ts";
import { gather, listOf } from "./batch.ts";

const clock = new VirtualClock();
let folder: BusFolder | undefined;
afterEach(async () => {
  await folder?.[Symbol.asyncDispose]();
});

async function queueOf(...firings: readonly Partial<NewFiring>[]): Promise<{
  readonly queue: Queue;
  readonly add: (...more: readonly Partial<NewFiring>[]) => Promise<void>;
}> {
  folder = await openBusFolder({ dataDir: undefined, facts: false, clock });
  const bus = folder.bus("default", "default");
  const add = async (...more: readonly Partial<NewFiring>[]): Promise<void> => {
    const nowUs = clock.nowMs() * 1000;
    const base = { queue: "s/t", dueUs: nowUs, madeUs: nowUs, revision: "r1", sensor: "s", trigger: "t", events: [] };
    await bus.commit({ firings: more.map((one) => ({ id: "", ...base, ...one })) });
  };
  await add(...firings);
  return { queue: bus.queue("s/t"), add };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

test("the body is the list of the bodies, byte for byte", () => {
  const body = listOf([bytes('{ "big": 12345678901234567890 }'), bytes("not json"), undefined, bytes("")]);
  expect(Buffer.from(body).toString()).toBe('[{ "big": 12345678901234567890 },"not json",null,null]');
  expect(Buffer.from(listOf([bytes("1")])).toString()).toBe("[1]");
});

test("it gathers until it is full, and leaves the rest", async () => {
  const { queue } = await queueOf(...["1", "2", "3", "4"].map((id) => ({ id })));
  const stop = new AbortController();
  const call = await gather(queue, { size: 3, windowMs: 1_000 }, { clock, signal: stop.signal });
  expect(call.map(({ id }) => id)).toEqual(["1", "2", "3"]);
  expect(queue.depth()).toEqual({ pending: 1, running: 3 });
});

test("the window counts from when the first one was due", async () => {
  const { queue, add } = await queueOf({ id: "1" });
  await clock.advance(400);
  const call = gather(queue, { size: 3, windowMs: 1_000 }, { clock, signal: new AbortController().signal });
  await clock.advance(599);
  await add({ id: "2" });
  await clock.advance(0);
  expect(queue.depth().running).toBe(2);
  await clock.advance(1);
  expect((await call).map(({ id }) => id)).toEqual(["1", "2"]);
});

test("without a window what is due goes at once, together", async () => {
  const { queue } = await queueOf({ id: "1" }, { id: "2" });
  const call = await gather(queue, { size: 100, windowMs: 0 }, { clock, signal: new AbortController().signal });
  expect(call.map(({ id }) => id)).toEqual(["1", "2"]);
});

test("what another plan made, or what makes the call too large, is given back and comes next", async () => {
  const large = testEvent({ data: new Uint8Array(4 * 1024 * 1024) });
  const event = (id: string) => [{ dependency: "a", id, seq: 0, event: large }];
  const { queue } = await queueOf(
    { id: "1", events: event("1") },
    { id: "2", revision: "r2" },
    { id: "3", events: event("3") },
    { id: "4" },
  );
  const next = async () =>
    (await gather(queue, { size: 4, windowMs: 0 }, { clock, signal: new AbortController().signal })).map(
      ({ id }) => id,
    );
  expect(await next()).toEqual(["1"]);
  const rest = [await next(), await next()];
  expect(rest.toSorted()).toEqual([["2"], ["3", "4"]]);
});

test("nothing is kept back at the abort", async () => {
  const { queue } = await queueOf({ id: "1" });
  const stop = new AbortController();
  const call = gather(queue, { size: 3, windowMs: 1_000 }, { clock, signal: stop.signal });
  await clock.advance(0);
  stop.abort();
  expect(await call).toEqual([]);
  expect(queue.depth()).toEqual({ pending: 1, running: 0 });
});
