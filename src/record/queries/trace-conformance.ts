import { expect, test } from "vitest";
import type { SpanFact } from "../../lib/facts.ts";
import { traceIdOf } from "../../lib/trace.ts";
import { type RecordHarness, recordOf } from "../harness/conformance.ts";
import { attempt, baseUs, chunk, decided, fired, receipt, stored } from "../testing.ts";

const brought = "4bf92f3577b34da6a3ce929d0e0e4736";
const traceparent = `00-${brought}-00f067aa0ba902b7-01`;
const own = "0123456789abcdef0123456789abcdef";
const bus = { namespace: "default", bus: "default" };

function part(firing: string, id: string, more: Partial<SpanFact> = {}): SpanFact {
  const of = { sensor: "s", trigger: "t", event: "e1" };
  return { k: "span", firing, n: 1, of, id, name: "step", startUs: baseUs, endUs: baseUs + 5, ...more };
}

/** Traces, as each database answers them. */
export function describeTraces(harness: RecordHarness): void {
  test("a trace is found by its id and by each of its events, with firings, attempts and their parts", async () => {
    await using record = await recordOf(
      harness,
      stored("e1", 1, { trace: traceparent, sentUs: baseUs, skewUs: 7_000 }),
      decided("e1", 1, { trace: traceparent, fired: [fired("f1", "t", [["a", "e1"]])] }),
      part("f1", "00000000000000a2", { startUs: baseUs + 9, endUs: baseUs + 12, error: "it broke" }),
      part("f1", "00000000000000a1", { parent: "00000000000000a2", attributes: { "row.count": 3, ok: true, to: "x" } }),
      attempt("f1", 1),
      stored("e2", 2, { trace: `00-${brought}-00000000000000bb-01` }),
      decided("e2", 2, { waiting: [{ sensor: "s", trigger: "u", dependency: "a", reason: "for b" }] }),
      stored("other", 3),
    );
    const trace = await record.trace({ id: brought, limit: 10 });
    expect(trace).toEqual(await record.trace({ id: "e2", limit: 10 }));
    expect(trace).toMatchObject({ traceId: brought, truncated: false });
    expect(trace?.events).toMatchObject([
      { id: "e1", traceId: brought, parentSpan: "00f067aa0ba902b7", skewUs: 7_000, sentUs: baseUs },
      { id: "e2", parentSpan: "00000000000000bb", skewUs: undefined },
    ]);
    expect(trace?.decisions).toMatchObject([{ event: "e2", decision: "waiting", reason: "for b", trigger: "u" }]);
    expect(trace?.firings).toMatchObject([
      {
        ...{ id: "f1", state: "done", firedUs: baseUs + 1_003_000 },
        events: [{ dependency: "a", event: "e1", traceId: brought, parentSpan: "00f067aa0ba902b7" }],
        attempts: [{ n: 1, round: 0, outcome: "done" }],
        spans: [
          {
            spanId: "00000000000000a1",
            parentId: "00000000000000a2",
            attributes: { "row.count": 3, ok: true, to: "x" },
          },
          { spanId: "00000000000000a2", parentId: undefined, error: "it broke", attributes: {} },
        ],
      },
    ]);
  });

  test("an event that brought no trace is its own: by its id, or by what is made of an id of another form", async () => {
    await using record = await recordOf(
      harness,
      stored(own, 1),
      stored("orders:new:b:t:0:7", 2),
      stored("e3", 3, { trace: `00-${own}-00000000000000bb-00` }),
      receipt("e4", "filtered", { trace: `00-${own}-00000000000000cc-00` }),
    );
    const ids = async (id: string) => (await record.trace({ id, limit: 10 }))?.events.map((event) => event.id);
    expect(await ids(own)).toEqual(["e4", own, "e3"]);
    expect(await ids(own.toUpperCase())).toEqual(["e4", own, "e3"]);
    expect(await ids("orders:new:b:t:0:7")).toEqual(["orders:new:b:t:0:7"]);
    expect(await ids(traceIdOf("orders:new:b:t:0:7"))).toEqual(["orders:new:b:t:0:7"]);
    expect(await ids("nobody")).toBeUndefined();
    expect(await ids("0".repeat(32))).toBeUndefined();
    expect(await ids("' OR 1=1 --")).toBeUndefined();
  });

  test("a firing of several events names the newest last, with the trace of each", async () => {
    await using record = await recordOf(
      harness,
      stored("e1", 1, { trace: traceparent }),
      stored(own, 2),
      decided(own, 2, {
        fired: [
          fired("f1", "t", [
            ["b", "e1"],
            ["a", own],
          ]),
        ],
      }),
    );
    const pairs = [
      { dependency: "b", event: "e1", traceId: brought, parentSpan: "00f067aa0ba902b7" },
      { dependency: "a", event: own, traceId: own, parentSpan: undefined },
    ];
    expect((await record.trace({ id: own, limit: 9 }))?.firings).toMatchObject([{ id: "f1", events: pairs }]);
    expect((await record.trace({ id: "e1", limit: 9 }))?.firings).toMatchObject([{ id: "f1", events: pairs }]);
  });

  describeRounds(harness);
  describeParts(harness);
}

/** What happens again: dead letters that are tried again, and events that a replay puts again. */
function describeRounds(harness: RecordHarness): void {
  test("each round of a dead letter has its attempts and parts, also those that are told when the next one has begun", async () => {
    const dead = { outcome: "failed", code: "TM4002", state: "dead" } as const;
    const again = { k: "firing", firing: "f1", state: "pending", atUs: baseUs, dueUs: baseUs + 9 } as const;
    await using record = await recordOf(
      harness,
      stored("e1", 1),
      decided("e1", 1, { fired: [fired("f1", "t", [["a", "e1"]])] }),
      part("f1", "00000000000000a1"),
      ...[attempt("f1", 1, dead), again, part("f1", "00000000000000a2", { round: 1, startUs: baseUs + 1 })],
      part("f1", "00000000000000a3", { round: 0, startUs: baseUs + 2 }),
      ...[attempt("f1", 1, { ...dead, round: 1 }), again, attempt("f1", 1, { round: 2 })],
    );
    const [firing] = (await record.trace({ id: "e1", limit: 9 }))?.firings ?? [];
    expect(firing).toMatchObject({ round: 2, state: "done", dueUs: baseUs + 9 });
    expect(firing?.attempts.map(({ round, n, outcome }) => [round, n, outcome])).toEqual([
      [0, 1, "failed"],
      [1, 1, "failed"],
      [2, 1, "done"],
    ]);
    expect(firing?.spans.map(({ round, spanId }) => [round, spanId.slice(-2)])).toEqual([
      [0, "a1"],
      [1, "a2"],
      [0, "a3"],
    ]);
    expect((await record.audit({})).missing).toEqual([]);
  });

  test("rounds are those that facts say, where the record has not seen the ones before", async () => {
    await using record = await recordOf(
      harness,
      stored("e1", 1),
      decided("e1", 1, { fired: [fired("f1", "t", [["a", "e1"]])] }),
      attempt("f1", 1, { round: 4 }),
    );
    expect((await record.trace({ id: "e1", limit: 9 }))?.firings).toMatchObject([
      { round: 4, attempts: [{ round: 4 }] },
    ]);
  });

  test("an event that a replay put names the place of the one that it repeats", async () => {
    await using record = await recordOf(harness, stored("e1", 1), stored("e2", 2, { replayOf: traceparent }));
    const replayOf = async (id: string) => (await record.trace({ id, limit: 9 }))?.events[0]?.replayOf;
    expect([await replayOf("e1"), await replayOf("e2")]).toEqual([undefined, traceparent]);
  });
}

/** Parts of attempts, and clocks. */
function describeParts(harness: RecordHarness): void {
  test("a part that is told again counts once, and goes with its firing", async () => {
    await using record = await recordOf(
      harness,
      stored("e1", 1, { trace: traceparent }),
      decided("e1", 1, { fired: [fired("f1", "t", [["a", "e1"]])] }),
      part("f1", "00000000000000a1", { name: "started", endUs: baseUs }),
    );
    await record.apply(bus, [
      chunk(2, part("f1", "00000000000000a1", { endUs: baseUs + 99 })),
      chunk(3, part("f1", "00000000000000a1", { startUs: baseUs + 50, endUs: baseUs + 60 }), attempt("f1", 1)),
    ]);
    const spans = async () => (await record.trace({ id: "e1", limit: 9 }))?.firings[0]?.spans;
    expect(await spans()).toMatchObject([
      { name: "step", startUs: baseUs, endUs: baseUs + 99 },
      { startUs: baseUs + 50, endUs: baseUs + 60 },
    ]);
    expect(await record.retain(baseUs + 10_000_000)).toBe(1);
    expect(await record.trace({ id: "e1", limit: 9 })).toBeUndefined();
    await record.apply(bus, [
      chunk(4, stored("e1", 9), decided("e1", 9, { fired: [fired("f1", "t", [["a", "e1"]])] })),
    ]);
    expect((await record.trace({ id: "e1", limit: 9 }))?.firings[0]?.spans).toEqual([]);
  });

  test("more events than asked for are said to be there, the oldest are told", async () => {
    const events = Array.from({ length: 40 }, (_, at) => stored(`e${at}`, at + 1, { trace: traceparent }));
    await using record = await recordOf(harness, ...events);
    const cut = await record.trace({ id: brought, limit: 3 });
    expect([cut?.events.map(({ id }) => id), cut?.truncated]).toEqual([["e0", "e1", "e2"], true]);
    expect((await record.trace({ id: brought, limit: 40 }))?.truncated).toBe(false);
  });

  test("what a call says of itself is kept within bounds, as data", async () => {
    const attributes = Object.fromEntries(
      Array.from({ length: 200 }, (_, at) => [`key ${at}`, "x".repeat(100)] as const),
    );
    await using record = await recordOf(
      harness,
      stored("e1", 1),
      decided("e1", 1, { fired: [fired("f1", "t", [["a", "e1"]])] }),
      part("f1", "00000000000000a1", { name: "n".repeat(9_000), attributes }),
      part("f1", "00000000000000a2", { startUs: baseUs + 1, attributes: JSON.parse('{"__proto__":"x"}') }),
    );
    const [long, odd] = (await record.trace({ id: "e1", limit: 9 }))?.firings[0]?.spans ?? [];
    expect(long?.name).toHaveLength(4_000);
    expect(Object.keys(long?.attributes ?? {})).toHaveLength(35);
    expect(Object.entries(odd?.attributes ?? {})).toEqual([["__proto__", "x"]]);
  });

  test("a clock that is known to be ahead corrects the first hop and the whole way", async () => {
    const way = (n: number, sentUs: number, skewUs: number) => [
      stored(`e${n}`, n, { source: "early", sentUs, receivedUs: baseUs, skewUs }),
      decided(`e${n}`, n, { storedUs: baseUs, atUs: baseUs, fired: [fired(`f${n}`, "t", [["a", `e${n}`]])] }),
      attempt(`f${n}`, 1, { startedUs: baseUs, endedUs: baseUs + 1_000 }),
    ];
    await using record = await recordOf(
      harness,
      ...way(1, baseUs + 80_000, 90_000),
      ...way(2, baseUs + 500_000, 90_000),
    );
    const { groups, aheadOfUs, slowest } = await record.delays({ by: "source" });
    expect(groups.find(({ hop }) => hop === "sent-received")).toMatchObject({ count: 1, maxMs: 10 });
    expect(groups.find(({ hop }) => hop === "total")).toMatchObject({ count: 2, maxMs: 11 });
    expect(slowest[0]).toMatchObject({ event: "e1", hopsMs: { "sent-received": 10, total: 11 } });
    expect(aheadOfUs).toEqual([{ source: "early", count: 2, corrected: 1, mostMs: 500 }]);
  });
}
