import { expect, test } from "vitest";
import type { Claimed, Step } from "../bus/bus.ts";
import { TideError } from "../lib/errors.ts";
import type { Fact, SpanFact } from "../lib/facts.ts";
import { silentLog } from "../lib/log.ts";
import { placeOf, spanIdOf } from "../lib/trace.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { mostSpansPerAttempt, SpanBook } from "./span-book.ts";
import { partLater } from "./span-facts.ts";

const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

function firing(id: string, extensions: Readonly<Record<string, string>> = { traceparent: trace }): Claimed {
  const event = (name: string) => ({
    ...{ id: name, source: "s", type: "webhook", subject: "x", time: "2026-01-01T00:00:00Z" },
    ...{ datacontenttype: "application/json", data: Buffer.from("{}"), extensions },
  });
  return {
    ...{ queue: "s/t", id, dueUs: 1, madeUs: 1, revision: "r", sensor: "s", trigger: "t", attempts: 0 },
    events: [
      { dependency: "a", id: "e2", seq: 2 },
      { dependency: "b", id: "e1", seq: 1 },
    ],
    loaded: [
      { dependency: "a", event: event("e2") },
      { dependency: "b", event: { ...event("e1"), extensions: {} } },
    ],
  };
}

/** A book whose commits are seen, and may fail. */
function book(options: { readonly facts?: boolean } = {}) {
  const clock = new VirtualClock();
  const commits: (readonly Fact[])[] = [];
  const state = { full: false };
  const commit = async ({ facts = [] }: Step): Promise<void> => {
    if (state.full) throw new TideError("BUS_FULL", "no room");
    commits.push(facts);
  };
  const spans = new SpanBook({ bus: { commit }, clock, log: silentLog, facts: options.facts ?? true });
  const at = () => Math.round(clock.nowMs() * 1000);
  const told = () => commits.flat() as SpanFact[];
  return { clock, commits, told, state, spans, at };
}

test("what a call says while it runs is committed 100 ms later, many calls together; the rest goes with its result", async () => {
  const { clock, commits, told, spans, at } = book();
  const one = spans.open(firing("f1"), { n: 1, long: false });
  const two = spans.open(firing("f2", {}), { n: 3, long: false });
  one.span({ name: "parse", startUs: at(), endUs: at(), attributes: { rows: 3 } });
  two.span({ name: "write", startUs: at(), endUs: at(), error: "it broke", parentId: "00000000000000aa" });
  await clock.advance(99);
  expect(commits).toEqual([]);
  await clock.advance(1);
  expect(commits).toMatchObject([
    [
      { ...{ k: "span", firing: "f1", n: 1, name: "parse", attributes: { rows: 3 } }, of: { event: "e2", trace } },
      { firing: "f2", n: 3, name: "write", error: "it broke", parent: "00000000000000aa", of: { event: "e2" } },
    ],
  ]);
  expect(told()[1]?.of).toEqual({ sensor: "s", trigger: "t", event: "e2" });
  one.span({ name: "last", startUs: at(), endUs: at() });
  expect(spans.end("f1")).toMatchObject([{ name: "last" }]);
  expect(spans.end("f1")).toEqual([]);
  await clock.advance(1_000);
  expect(commits).toHaveLength(1);
  // of a call that went on after its attempt had failed by its timeout
  one.span({ name: "too late", startUs: at(), endUs: at() });
  await clock.advance(100);
  expect(commits[1]).toMatchObject([{ name: "too late", n: 1 }]);
  expect(placeOf(one.context.traceparent)?.spanId).toBe(spanIdOf("attempt", "f1/1"));
});

test("only a call that may take long and has run for 250 ms is told as started, once", async () => {
  const { clock, commits, told, spans, at } = book();
  const startedUs = at();
  spans.open(firing("long"), { n: 2, long: true });
  spans.open(firing("quick"), { n: 1, long: true });
  spans.open(firing("plain"), { n: 1, long: false });
  await clock.advance(240);
  expect(spans.end("quick")).toEqual([]);
  expect(commits).toEqual([]);
  await clock.advance(5_000);
  const id = spanIdOf("started", "long/2");
  expect(told()).toMatchObject([{ firing: "long", n: 2, name: "started", id, startUs: startedUs, endUs: startedUs }]);
  expect(spans.end("long")).toEqual([]);
});

test("an attempt that is repeated tells the same ids", async () => {
  const ids = [book(), book()].map(({ spans, at }) => {
    const { span } = spans.open(firing("f1"), { n: 1, long: false });
    for (const name of ["a", "b", "a"]) span({ name, startUs: at(), endUs: at() });
    return spans.end("f1").map((fact) => (fact as SpanFact).id);
  });
  expect(ids[0]).toEqual(ids[1]);
  expect(new Set(ids[0]).size).toBe(3);
});

test("in a later round of its firing an attempt has other ids, and what is told of the first one later says so", () => {
  const name = { namespace: "default", bus: "default" };
  const { clock, at } = book();
  const spans = new SpanBook({ bus: { commit: async () => undefined }, clock, log: silentLog, facts: true, name });
  const last = { code: "TM4002", message: "500", atUs: 1 };
  const rounds = [undefined, { rounds: 1, last }, { rounds: 2, last }].map((retried) => {
    const again: Claimed = { ...firing("f1"), ...(retried === undefined ? {} : { retried }) };
    const call = spans.open(again, { n: 1, long: false });
    call.span({ name: "a", startUs: at(), endUs: at() });
    return { call, fact: spans.end("f1")[0] };
  });
  expect(rounds.map(({ call, fact }) => [call.round, fact?.round])).toEqual([
    [undefined, undefined],
    [1, 1],
    [2, 2],
  ]);
  const ids = rounds.flatMap(({ call, fact }) => [placeOf(call.context.traceparent)?.spanId, fact?.id]);
  expect(ids.slice(0, 2)).toEqual([spanIdOf("attempt", "f1/1"), spanIdOf("span", "f1/1/1")]);
  expect(new Set(ids).size).toBe(6);
  const later = rounds.map(
    ({ call }) => partLater(call.ticket ?? "", { name: "job", startUs: 1, endUs: 2 }, at()).fact,
  );
  expect(later.map(({ round }) => round)).toEqual([0, 1, 2]);
});

test("a thousand parts of an attempt are told, the rest is counted in one line", async () => {
  const { clock, told, spans, at } = book();
  const { span } = spans.open(firing("f1"), { n: 1, long: false });
  for (let n = 0; n < mostSpansPerAttempt + 50; n++) span({ name: `${n}`, startUs: at(), endUs: at() });
  await clock.advance(100);
  expect(told()).toHaveLength(mostSpansPerAttempt + 1);
  expect(new Set(told().map(({ id }) => id)).size).toBe(mostSpansPerAttempt + 1);
  expect(told().at(-1)).toMatchObject({ name: "50 more", attributes: { "tidemill.spans.left_out": 50 } });
  span({ name: "one more", startUs: at(), endUs: at() });
  const { id, startUs } = told().at(-1) as SpanFact;
  expect(spans.end("f1")).toMatchObject([{ name: "51 more", id, startUs }]);
});

test("while the bus is full nothing told is lost, and it is kept once there is room", async () => {
  const { clock, told, state, spans, at } = book();
  state.full = true;
  const { span } = spans.open(firing("f1"), { n: 1, long: false });
  span({ name: "a", startUs: at(), endUs: at() });
  await clock.advance(1_150);
  expect(told()).toEqual([]);
  state.full = false;
  await clock.advance(5_000);
  expect(told()).toMatchObject([{ name: "a" }]);
});

test("at the end what was told of attempts that were cut short is kept", async () => {
  const { told, spans, at } = book();
  spans.open(firing("f1"), { n: 1, long: true }).span({ name: "a", startUs: at(), endUs: at() });
  await spans.close();
  expect(told()).toMatchObject([{ name: "a" }]);
});

test("junk of a function is put within bounds, and nothing is told without facts", async () => {
  const { spans, at } = book();
  const { span } = spans.open(firing("f1"), { n: 1, long: false });
  span({
    name: "n".repeat(5_000),
    startUs: Number.NaN,
    endUs: -5,
    error: "e".repeat(50_000),
    spanId: "0".repeat(16),
    parentId: "'; DROP",
    attributes: JSON.parse('{"__proto__":1,"nul":null,"deep":{},"nan":1e999,"ok":true}'),
  });
  const [fact] = spans.end("f1") as readonly SpanFact[];
  expect(fact).toMatchObject({ startUs: at(), endUs: at(), id: expect.stringMatching(/^[\da-f]{16}$/) });
  expect([fact?.name.length, fact?.error?.length, fact?.parent]).toEqual([200, 1_000, undefined]);
  expect(Object.entries(fact?.attributes ?? {})).toEqual([
    ["__proto__", 1],
    ["ok", true],
  ]);
  const off = book({ facts: false });
  const quiet = off.spans.open(firing("f1"), { n: 1, long: true });
  quiet.span({ name: "a", startUs: 1, endUs: 1 });
  await off.clock.advance(10_000);
  expect([off.spans.end("f1"), off.told()]).toEqual([[], []]);
});
