import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Fact } from "../lib/facts.ts";
import { spanIdOf, traceparentOf } from "../lib/trace.ts";
import { type Folded, type PastEvent, SpanFold } from "./span-fold.ts";
import {
  attemptSpan,
  createdSpan,
  decisionSpan,
  eventSpans,
  firedSpan,
  partSpan,
  placeOfEvent,
  type Span,
  settleSpan,
  spanIds,
  type TracedEvent,
  type TracedFiring,
  turnedDownSpan,
  waitSpan,
} from "./spans.ts";

const id = "a".repeat(32);
const traceId = "0af7651916cd43dd8448eb211c80319c";
const trace = traceparentOf({ traceId, spanId: "b7ad6b7169203331", sampled: true });

const event: TracedEvent = {
  ...{ id, namespace: "default", bus: "default", source: "shop", subject: "order", type: "webhook" },
  ...{ place: placeOfEvent(id, trace), receivedUs: 1_000, storedUs: 1_400, bytes: 20 },
};

const firing: TracedFiring = {
  ...{ id: "f".repeat(64), namespace: "default", bus: "default", sensor: "orders", trigger: "notify" },
  ...{ event: id, place: event.place, kind: "http", method: "PUT" },
};

describe("the spans of an event", () => {
  test("hang below the sender's span, and send below receive", () => {
    expect(eventSpans(event)).toEqual([
      expect.objectContaining({
        ...{ name: "receive order", kind: "server", startUs: 1_000, endUs: 1_400 },
        ...{ traceId, spanId: spanIds.receive(id), parentId: "b7ad6b7169203331" },
      }),
      expect.objectContaining({
        ...{ name: "send default", kind: "producer", spanId: spanIds.send(id), parentId: spanIds.receive(id) },
      }),
    ]);
  });

  test("begin a trace of the event's id where it brought none; its root is then the time in the queue", () => {
    const [queue, receive] = eventSpans({ ...event, type: "sqs", place: placeOfEvent(id, undefined), sentUs: 400 });
    expect(queue).toMatchObject({ name: "queue order", traceId: id, startUs: 400, endUs: 1_000 });
    expect(queue).not.toHaveProperty("parentId");
    expect(receive).toMatchObject({ kind: "consumer", parentId: queue?.spanId });
  });

  test("show a sender's clock that is ahead as an attribute, never as a negative bar", () => {
    const measured = eventSpans({ ...event, sentUs: 5_500, skewUs: 5_000 })[0];
    expect(measured).toMatchObject({ startUs: 500, endUs: 1_000, attributes: { "tidemill.clock.skew_us": 5_000 } });
    const unmeasured = eventSpans({ ...event, sentUs: 5_500 })[0];
    expect(unmeasured).toMatchObject({ startUs: 1_000, endUs: 1_000, attributes: { "tidemill.clock.skew_us": 4_500 } });
    const behind = eventSpans({ ...event, sentUs: -4_500, skewUs: -5_000 })[0];
    expect(behind).toMatchObject({ startUs: 500, endUs: 1_000 });
  });

  test("have no receive where a trigger of the own bus put it", () => {
    expect(eventSpans({ ...event, type: "tidemill" })).toEqual([
      expect.objectContaining({ name: "send default", parentId: "b7ad6b7169203331" }),
    ]);
  });

  test("link to the trace of the event that it repeats", () => {
    const replayOf = traceparentOf({ traceId: "1".repeat(32), spanId: "2".repeat(16), sampled: true });
    const spans = eventSpans({ ...event, replayOf });
    expect(spans.flatMap(({ links = [] }) => links)).toEqual([{ traceId: "1".repeat(32), spanId: "2".repeat(16) }]);
  });
});

test("drafts that are turned down are spans of their own, also several under one event's id", () => {
  const one = turnedDownSpan(event, { outcome: "duplicate" });
  const other = turnedDownSpan({ ...event, receivedUs: 2_000 }, { outcome: "refused", reason: "too large" });
  expect(one.spanId).not.toBe(other.spanId);
  expect(one).toMatchObject({ traceId, parentId: "b7ad6b7169203331", attributes: { "tidemill.receipt": "duplicate" } });
  expect(other).toMatchObject({ error: "too large", startUs: 2_000, endUs: 2_000 });
});

describe("the spans of a firing", () => {
  test("name the attempt as the header names it that its target saw", () => {
    const span = attemptSpan(firing, {
      n: 2,
      startedUs: 10,
      endedUs: 20,
      outcome: "failed",
      code: "TM4012",
      error: "no",
    });
    expect(span).toMatchObject({
      ...{
        name: "PUT",
        kind: "client",
        spanId: spanIdOf("attempt", `${firing.id}/2`),
        parentId: spanIds.fired(firing.id),
      },
      ...{ error: "no", attributes: { "error.type": "TM4012", "tidemill.attempt": 2, "http.request.method": "PUT" } },
    });
  });

  test("tell the status of http as the conventions do, and that of others as it is", () => {
    const done = { n: 1, startedUs: 1, endedUs: 2, outcome: "done" } as const;
    expect(attemptSpan(firing, { ...done, status: "204" }).attributes).toMatchObject({
      "http.response.status_code": 204,
    });
    const sqs = attemptSpan({ ...firing, kind: "sqs" }, { ...done, status: "sent" });
    expect(sqs).toMatchObject({ name: "send notify", kind: "producer", attributes: { "tidemill.status": "sent" } });
    expect(attemptSpan({ ...firing, kind: "log" }, done)).toMatchObject({ name: "log", kind: "internal" });
    expect(attemptSpan({ ...firing, kind: undefined }, done)).toMatchObject({ name: "attempt notify" });
  });

  test("link a condition of several events to the traces of the others", () => {
    const others = [
      { event: "c".repeat(32), trace: undefined },
      { event: id, trace },
    ];
    const span = firedSpan(firing, { dependency: "a", storedUs: 5, atUs: 9, others });
    expect(span).toMatchObject({ traceId, parentId: spanIds.send(id), startUs: 5, endUs: 9 });
    expect(span.links).toEqual([
      expect.objectContaining({ traceId: "c".repeat(32), spanId: spanIds.send("c".repeat(32)) }),
    ]);
  });

  test("put a dead letter's firing below the one that died", () => {
    const dlq = { ...firing, id: `${firing.id}/dlq`, parent: firing.id };
    expect(createdSpan(dlq, { atUs: 7 })).toMatchObject({
      ...{ spanId: spanIds.fired(dlq.id), parentId: spanIds.fired(firing.id), name: "dead letter notify" },
    });
  });

  test("put a part below its attempt unless it says else", () => {
    const part = { n: 1, spanId: "3".repeat(16), name: "load", startUs: 1, endUs: 2 };
    expect(partSpan(firing, part).parentId).toBe(spanIds.attempt(firing.id, 1));
    expect(partSpan(firing, { ...part, parentId: "4".repeat(16) }).parentId).toBe("4".repeat(16));
  });
});

const moment = fc.integer({ min: -(2 ** 50), max: 2 ** 50 });
const maybe = fc.option(moment, { nil: undefined });

test("no builder makes a span that ends before it starts, whatever the clocks say", () => {
  const times = fc.record({ a: moment, b: moment, c: maybe, d: maybe, e: maybe });
  fc.assert(
    fc.property(times, ({ a, b, c, d, e }) => {
      const attempt = { n: 1, startedUs: a, endedUs: b, outcome: "done" } as const;
      const of = { sensor: "s", trigger: "t", dependency: "d", decision: "waiting" };
      const spans: readonly (Span | undefined)[] = [
        ...eventSpans({ ...event, receivedUs: a, storedUs: c, sentUs: d, skewUs: e }),
        turnedDownSpan({ ...event, receivedUs: a, sentUs: d, skewUs: e }, { outcome: "filtered" }),
        decisionSpan(event, { ...of, storedUs: c, atUs: a }),
        firedSpan(firing, { dependency: "d", storedUs: c, atUs: a, dueUs: d }),
        attemptSpan(firing, attempt),
        waitSpan(firing, { n: 1, fromUs: a, untilUs: b, dueUs: c }),
        settleSpan(firing, { state: "dead", atUs: a }),
        createdSpan(firing, { atUs: a }),
        partSpan(firing, { n: 1, spanId: "1".repeat(16), name: "x", startUs: a, endUs: b }),
      ];
      for (const span of spans) if (span !== undefined) expect(span.endUs).toBeGreaterThanOrEqual(span.startUs);
    }),
  );
});

describe("facts into spans", () => {
  const past = new Map<string, PastEvent>();
  const foldOf = () =>
    new SpanFold({
      ...{ namespace: "default", bus: "default" },
      past: {
        event: (seq) => Promise.resolve([...past.values()].find((one) => one.seq === seq)),
        seqOf: (event) => Promise.resolve(past.get(event)?.seq),
      },
      kindOf: () => ({ kind: "http", method: "POST" }),
    });
  const stored = { k: "stored", event: id, seq: 7, source: "shop", subject: "order", type: "webhook" } as const;
  const fired = { sensor: "orders", trigger: "notify", dependency: "d", firing: firing.id, revision: "r" } as const;
  const of = { sensor: "orders", trigger: "notify", event: id, trace };
  const facts: readonly Fact[] = [
    { ...stored, receivedUs: 1_000, bytes: 20, trace },
    {
      ...{ k: "decided", event: id, seq: 7, storedUs: 1_400, atUs: 1_600, nowMs: 1, seed: 0, planSet: "p" },
      ...{ matched: 3, filtered: 2, trace, fired: [{ ...fired, dueUs: 1_600, events: [["d", id]] }] },
    },
    {
      ...{ k: "attempt", firing: firing.id, n: 1, of, readyUs: 1_600, startedUs: 1_700, endedUs: 2_000 },
      ...{ outcome: "failed", code: "TM4012", error: "503", status: "503", state: "pending", dueUs: 3_000 },
    },
    { k: "span", firing: firing.id, n: 2, of, id: "5".repeat(16), name: "started", startUs: 3_100, endUs: 3_100 },
    {
      ...{ k: "attempt", firing: firing.id, n: 2, of, readyUs: 3_000, startedUs: 3_100, endedUs: 3_500 },
      ...{ outcome: "done", state: "done" },
    },
  ];
  const all = async (given: readonly Fact[]): Promise<readonly Folded[]> => {
    const fold = foldOf();
    const folded: Folded[] = [];
    for (const fact of given) folded.push(await fold.fold(fact));
    return folded;
  };
  const spansOf = async (given: readonly Fact[]): Promise<readonly Span[]> =>
    (await all(given)).flatMap(({ spans }) => spans.map(({ span }) => span));

  test("make the same spans however often they are read, in one tree below the sender", async () => {
    const spans = await spansOf(facts);
    expect(spans.map(({ name, startUs, endUs }) => `${name} ${startUs}-${endUs}`)).toEqual([
      ...["receive order 1000-1400", "send default 1000-1400", "process orders 1400-1600"],
      ...["wait notify 1600-1700", "POST 1700-2000", "started 3100-3100"],
      ...["wait notify 2000-3100", "POST 3100-3500", "settle notify 3500-3500"],
    ]);
    const ids = new Set(spans.map(({ spanId }) => spanId));
    expect(ids.size).toBe(spans.length);
    for (const { parentId = "" } of spans) expect(ids.has(parentId) || parentId === "b7ad6b7169203331").toBe(true);
    expect(await spansOf(facts)).toEqual(spans);
    expect(spans.find(({ name }) => name === "send default")?.attributes).toMatchObject({ "tidemill.filtered": 2 });
  });

  test("say when the firings of a trace are settled", async () => {
    const changes = (await all(facts)).flatMap(({ firings }) => (firings === undefined ? [] : [firings]));
    expect(changes).toEqual([
      { traceId, opened: 1, closed: 0 },
      { traceId, opened: 0, closed: 1 },
    ]);
  });

  test("after a restart in the middle make the spans that an undisturbed reader makes, with the same ids", async () => {
    past.set(id, {
      ...{ seq: 7, receivedUs: 1_000, sentUs: undefined },
      event: { ...stored, id, data: new Uint8Array(20), extensions: { traceparent: trace } },
    });
    const whole = new Map((await spansOf(facts)).map((span) => [span.spanId, span]));
    for (let at = 1; at < facts.length; at++) {
      for (const span of await spansOf(facts.slice(at))) {
        // what is lost with the memory is since when an attempt waited: it counts from when it was due
        if (span.name.startsWith("wait ")) expect(whole.get(span.spanId)).toMatchObject({ parentId: span.parentId });
        else expect(span).toEqual(whole.get(span.spanId));
      }
    }
  });

  test("ask the bus for the trace of an event whose waiting ended after a restart", async () => {
    const ended = { event: id, sensor: "orders", trigger: "notify", dependency: "d", decision: "expired" } as const;
    const fact: Fact = {
      ...{ k: "decided", event: id, seq: 7, atUs: 9_000, nowMs: 9, seed: 0, planSet: "p", matched: 0, filtered: 0 },
      ended: [ended],
    };
    expect(await spansOf([fact])).toEqual([
      expect.objectContaining({ traceId, parentId: spanIds.send(id), name: "process orders", endUs: 9_000 }),
    ]);
  });

  test("tell the rounds of a dead letter that is tried again apart, with the ids of the first as they are alone", async () => {
    const failed = { n: 1, of, outcome: "failed", code: "TM4012", state: "dead" } as const;
    const round = (at: number): readonly Fact[] => [
      { k: "firing", firing: firing.id, state: "pending", atUs: at, dueUs: at, reason: "retried by hand" },
      { ...{ k: "span", firing: firing.id, n: 1, of, name: "part", startUs: at + 2, endUs: at + 3 }, ...of5(at) },
      {
        ...{ k: "attempt", firing: firing.id, ...failed, readyUs: at, startedUs: at + 1, endedUs: at + 5 },
        ...(at === 0 ? {} : { round: at / 100 }),
      },
    ];
    const of5 = (at: number) => ({ id: spanIdOf("part", `${at}`), ...(at === 0 ? {} : { round: at / 100 }) });
    const [first, all] = [await spansOf(round(0)), await spansOf([0, 100, 200].flatMap(round))];
    expect(all.map(({ name, attributes }) => [name, attributes["tidemill.round"]])).toEqual(
      [undefined, 2, 3].flatMap((n) => ["part", "wait notify", "POST", "settle notify"].map((name) => [name, n])),
    );
    expect(all.slice(0, 4)).toEqual(first);
    expect(all[2]).toMatchObject({ spanId: spanIds.attempt(firing.id, 1) });
    expect(new Set(all.map(({ spanId }) => spanId)).size).toBe(12);
    for (const at of [0, 4, 8]) {
      expect(all[at]?.parentId).toBe(all[at + 2]?.spanId);
      for (const below of [1, 2, 3]) expect(all[at + below]?.parentId).toBe(spanIds.fired(firing.id));
    }
    // how long it lay as a dead letter was no waiting
    expect(all.filter(({ name }) => name === "wait notify").map((span) => span.endUs - span.startUs)).toEqual([
      1, 1, 1,
    ]);
  });

  test("make a dead letter's firing hang in the trace of the one that died", async () => {
    const dead: Fact = {
      ...{ k: "attempt", firing: firing.id, n: 1, of, startedUs: 1, endedUs: 2, outcome: "failed", state: "dead" },
    };
    const created = {
      sensor: "orders",
      trigger: "park",
      revision: "r",
      events: [["d", id]],
      parent: firing.id,
    } as const;
    const fact: Fact = { k: "firing", firing: `${firing.id}/dlq`, state: "pending", atUs: 2, dueUs: 2, created };
    const spans = await spansOf([dead, fact]);
    expect(spans.at(-1)).toMatchObject({ name: "dead letter park", traceId, parentId: spanIds.fired(firing.id) });
    expect(spans[1]).toMatchObject({ name: "settle notify", error: "it is a dead letter" });
  });
});
