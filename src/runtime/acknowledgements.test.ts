import { expect, test } from "vitest";
import { openBusFolder } from "../bus/embedded/open.ts";
import { silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import type { SourcePlan } from "../manifests/manifests.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { createArrival } from "./arrive.ts";

const minuteMs = 60_000;

/** A bus that notes what it is told, and fails while `broken` says so. */
async function gathering() {
  const clock = new VirtualClock();
  const folder = await openBusFolder({ dataDir: undefined, facts: false, clock });
  const bus = folder.bus("default", "default");
  const told: { readonly ids: readonly string[]; readonly afterMs: number }[] = [];
  const disk = { broken: false };
  const life = new AbortController();
  const acknowledgements = new Acknowledgements({
    bus: {
      endDedup(ids, atUs) {
        if (disk.broken) return Promise.reject(new Error("the disk is gone"));
        told.push({ ids, afterMs: atUs / 1000 - clock.nowMs() });
        return bus.endDedup(ids, atUs);
      },
    },
    clock,
    signal: life.signal,
    log: silentLog,
  });
  return { acknowledgements, bus, clock, told, disk, life };
}

const ids = (from: number, count: number): string[] => Array.from({ length: count }, (_, n) => `id-${from + n}`);

test("what is acknowledged within a second is told to the bus together", async () => {
  const { acknowledgements, clock, told } = await gathering();
  acknowledgements.add(ids(0, 10));
  await clock.advance(900);
  acknowledgements.add(ids(10, 10));
  expect(told).toEqual([]);
  await clock.advance(100);
  expect(told).toEqual([{ ids: ids(0, 20), afterMs: 5 * minuteMs }]);
  acknowledgements.add(ids(20, 1));
  await clock.advance(1_000);
  expect(told.map((one) => one.ids)).toEqual([ids(0, 20), ids(20, 1)]);
});

test("many are told at once, and those after them wait a second of their own", async () => {
  const { acknowledgements, clock, told } = await gathering();
  acknowledgements.add(ids(0, 10));
  await clock.advance(900);
  acknowledgements.add(ids(10, 300));
  expect(told.map((one) => one.ids.length)).toEqual([310]);
  acknowledgements.add(ids(310, 10));
  await clock.advance(999);
  expect(told).toHaveLength(1);
  await clock.advance(1);
  expect(told[1]?.ids).toEqual(ids(310, 10));
});

test("a source that ends tells the bus what is left, also when it was stopped before", async () => {
  const { acknowledgements, clock, told, life } = await gathering();
  acknowledgements.add(ids(0, 3));
  life.abort(new Error("the source stops"));
  acknowledgements.add(ids(3, 3));
  await acknowledgements[Symbol.asyncDispose]();
  expect(told.map((one) => one.ids)).toEqual([ids(0, 6)]);
  expect(clock.sleeping).toBe(0);
});

test("what the bus does not take is given up, and what comes later is told", async () => {
  const { acknowledgements, clock, told, disk } = await gathering();
  disk.broken = true;
  acknowledgements.add(ids(0, 3));
  await clock.advance(1_000);
  disk.broken = false;
  acknowledgements.add(ids(3, 3));
  await acknowledgements[Symbol.asyncDispose]();
  expect(told.map((one) => one.ids)).toEqual([ids(3, 3)]);
});

test("a message that is brought back again and again is a new occurrence each time, and a duplicate in between", async () => {
  const { acknowledgements, bus, clock } = await gathering();
  const { emit, idOf } = createArrival({
    plan,
    bus,
    clock,
    signal: new AbortController().signal,
    metrics: createMetrics({ version: "0", commit: "" }).source(plan),
    filterFailed: () => undefined,
  });
  const draft = { data: Buffer.from("{}"), upstreamId: "m-1" };
  const seen = new Set<string | undefined>();
  for (let times = 1; times <= 4; times++) {
    const [first] = await emit([draft]);
    expect(first?.outcome).toBe("stored");
    expect(seen.has(first?.id)).toBe(false);
    seen.add(first?.id);
    acknowledgements.add([idOf(draft)]);
    await clock.advance(minuteMs);
    const [again] = await emit([draft]);
    expect(again).toEqual({ id: first?.id, outcome: "duplicate" });
    await clock.advance(5 * minuteMs);
  }
});

const plan: SourcePlan = {
  namespace: "default",
  bus: "default",
  eventSource: "shop",
  event: "orders",
  kind: "sqs",
  type: "sqs",
  source: undefined,
  config: {},
  filter: undefined,
  revision: "r",
  folder: "",
};
