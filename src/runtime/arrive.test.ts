import { expect, it } from "vitest";
import { openBusFolder } from "../bus/embedded/open.ts";
import type { Fact } from "../lib/facts.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import type { SourcePlan } from "../manifests/manifests.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createArrival } from "./arrive.ts";

const never = new AbortController().signal;
const data = (value: unknown) => Buffer.from(JSON.stringify(value));

async function arrival(options: { readonly filter?: SourcePlan["filter"]; readonly event?: string } = {}) {
  const clock = new VirtualClock();
  const folder = await openBusFolder({ dataDir: undefined, facts: true, clock });
  const bus = folder.bus("default", "default");
  const plan: SourcePlan = {
    namespace: "default",
    bus: "default",
    eventSource: "shop",
    event: options.event ?? "orders",
    kind: "sqs",
    type: "sqs",
    source: undefined,
    config: {},
    filter: options.filter,
    revision: "r",
    folder: "",
  };
  const failed: string[] = [];
  const metrics = createMetrics({ version: "0", commit: "" }).source({
    namespace: "default",
    eventSource: "shop",
    event: plan.event,
  });
  const made = createArrival({
    plan,
    bus,
    clock,
    signal: never,
    metrics,
    filterFailed: (message) => failed.push(message),
  });
  return { ...made, bus, failed, clock };
}

async function factsOf({ bus }: Pick<Awaited<ReturnType<typeof arrival>>, "bus">): Promise<readonly Fact[]> {
  const log = bus.facts("test");
  await log.begin("oldest");
  for await (const { entries } of log.batches({ max: 100, signal: never }))
    return entries.flatMap(({ json }) => JSON.parse(json) as Fact[]);
  return [];
}

it("gives the same upstream id the same event id, in any process", async () => {
  const one = await arrival();
  const two = await arrival();
  const [first] = await one.emit([{ data: data(1), upstreamId: "m-1" }]);
  const [again] = await two.emit([{ data: data(1), upstreamId: "m-1" }]);
  expect(first?.id).toMatch(/^[0-9a-f]{32}$/);
  expect(again?.id).toBe(first?.id);
  const other = await arrival({ event: "returns" });
  expect((await other.emit([{ data: data(1), upstreamId: "m-1" }]))[0]?.id).not.toBe(first?.id);
});

it("gives occurrences without an upstream id an id of their own each", async () => {
  const { emit } = await arrival();
  const receipts = await emit(Array.from({ length: 600 }, () => ({ data: data(1) })));
  expect(new Set(receipts.map((receipt) => receipt.id)).size).toBe(600);
  expect(receipts.every((receipt) => receipt.outcome === "stored")).toBe(true);
});

it("answers in the order of the drafts, filtered ones among stored ones", async () => {
  const { emit, bus } = await arrival({ filter: (bytes) => Number(Buffer.from(bytes).toString()) % 2 === 0 });
  const receipts = await emit([0, 1, 2, 3].map((n) => ({ data: data(n), upstreamId: `m-${n}` })));
  expect(receipts.map((receipt) => receipt.outcome)).toEqual(["stored", "filtered", "stored", "filtered"]);
  expect(receipts[1]?.reason).toBe("filter.expression is false");
  expect(bus.stats().lastSeq).toBe(2);
});

it("makes an erroring filter a visible receipt", async () => {
  const { emit, failed } = await arrival({
    filter: () => {
      throw new Error("cannot fetch a from nil");
    },
  });
  const [receipt] = await emit([{ data: data({}), upstreamId: "m" }]);
  expect(receipt).toMatchObject({ outcome: "filtered", reason: "filter.expression failed: cannot fetch a from nil" });
  expect(failed).toEqual(["cannot fetch a from nil"]);
});

it("keeps the time sent as an extension, never as the event's own time", async () => {
  const { emit, bus } = await arrival();
  await emit([{ data: data({}), upstreamId: "m", sentUs: Date.UTC(2026, 0, 5, 8, 59, 59) * 1000 }]);
  const entry = await bus.event(1);
  expect(entry?.event.time).toBe("2026-01-05T09:00:00.000Z");
  expect(entry?.event.extensions).toEqual({ senttime: "2026-01-05T08:59:59.000Z" });
});

it("records what cannot become an event, with its reason", async () => {
  const { refuse, bus } = await arrival();
  const [receipt] = await refuse([{ upstreamId: "m", reason: "the body is not JSON" }]);
  expect(receipt).toMatchObject({ outcome: "refused", reason: "the body is not JSON" });
  await bus.facts("test").begin("oldest");
  for await (const batch of bus.facts("test").batches({ max: 1, signal: never })) {
    expect(JSON.parse(batch.entries[0]?.json ?? "")).toMatchObject([
      { k: "receipt", outcome: "refused", source: "shop" },
    ]);
    break;
  }
});

it("tells of the trace that an occurrence brought, whatever becomes of it", async () => {
  const context = { traceparent: `00-${"4".repeat(32)}-00f067aa0ba902b7-01`, tracestate: "vendor=1" };
  const all = await arrival({ filter: (bytes) => Buffer.from(bytes).toString() !== "0" });
  await all.emit([
    { data: data(0), trace: context },
    { data: data(1), trace: context, upstreamId: "m" },
    { data: data(2) },
  ]);
  await all.emit([{ data: data(1), trace: context, upstreamId: "m" }]);
  const told = (await factsOf(all)).map((fact) => [fact.k, "trace" in fact ? fact.trace : undefined]);
  expect(told.slice(0, 3).toSorted()).toEqual([
    ["receipt", context.traceparent],
    ["stored", undefined],
    ["stored", context.traceparent],
  ]);
  expect(told[3]).toEqual(["receipt", context.traceparent]);
  expect((await all.bus.event(1))?.event.extensions).toEqual(context);
});

it("measures senders whose clock is ahead, each source of CloudEvents alone, and keeps what they said", async () => {
  const all = await arrival();
  const sentUs = Math.round(all.clock.nowMs() * 1000) + 5_000_000;
  const send = (cesource?: string) =>
    all.emit([{ data: data(1), sentUs, ...(cesource === undefined ? {} : { extensions: { cesource } }) }]);
  for (const source of [undefined, "shop", undefined, "shop"]) await send(source);
  const skews = (await factsOf(all)).map((fact) => (fact.k === "stored" ? [fact.sentUs, fact.skewUs] : []));
  expect(skews).toEqual([
    [sentUs, undefined],
    [sentUs, undefined],
    [sentUs, 5_000_000],
    [sentUs, 5_000_000],
  ]);
  expect(await all.bus.event(3)).toMatchObject({ sentUs, skewUs: 5_000_000 });
});
