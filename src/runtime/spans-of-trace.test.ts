import { expect, test } from "vitest";
import type { RecordedEvent, TracedRows } from "../record/record.ts";
import { spanIds } from "../telemetry/spans.ts";
import { spansOfTrace } from "./spans-of-trace.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const nowUs = 10_000;

const event: RecordedEvent = {
  ...{ id: traceId, namespace: "default", bus: "default", seq: 1, source: "web", subject: "a", type: "webhook" },
  ...{ receipt: "stored", reason: undefined, duplicates: 0, sentUs: undefined, receivedUs: 1, storedUs: 2 },
  ...{ decidedUs: 3, matched: 1, filtered: 0, nowMs: 1, seed: 1, planSet: "p", bytes: 2 },
  ...{ traceId, parentSpan: undefined, skewUs: undefined, replayOf: undefined },
};

function firing(more: Partial<TracedRows>): TracedRows {
  return {
    ...{ id: "f", namespace: "default", bus: "default", sensor: "s", trigger: "t", revision: "r" },
    ...{ state: "pending", reason: undefined, dueUs: 3, parent: undefined, firedUs: 3, round: 0, spans: [] },
    events: [{ dependency: "a", event: event.id, traceId, parentSpan: undefined }],
    attempts: [],
    ...more,
  };
}

const tried = (round: number, n: number, startedUs: number): TracedRows["attempts"][number] => ({
  ...{ round, n, startedUs, endedUs: startedUs + 10, outcome: "failed", code: "TM4002", error: "500" },
  ...{ status: undefined, batch: undefined },
});

const part = (round: number, name: string, startUs: number): TracedRows["spans"][number] => ({
  ...{ round, n: 1, spanId: spanIds.queue(`${round} ${name}`), parentId: undefined, name },
  ...{ startUs, endUs: startUs, error: undefined, attributes: {} },
});

const spansOf = (row: TracedRows, of = event) =>
  spansOfTrace(
    { traceId, events: [of], decisions: [], firings: [row], truncated: false },
    { nowUs, kinds: new Map() },
  ).filter(({ attributes }) => attributes["tidemill.decision"] === undefined);

const below = (row: TracedRows) =>
  spansOf(row)
    .filter(({ parentId }) => parentId === spanIds.fired("f"))
    .map(({ name, spanId, startUs, endUs, running }) => ({ name, spanId, startUs, endUs, running }));

test("a round that runs now is a span of its own from its start on, after the wait since it was tried again", () => {
  const row = firing({ round: 1, dueUs: 500, attempts: [tried(0, 1, 10)], spans: [part(1, "started", 600)] });
  expect(below(row)).toEqual([
    { name: "wait t", spanId: spanIds.wait("f", 1), startUs: 3, endUs: 10 },
    { name: "attempt t", spanId: spanIds.attempt("f", 1), startUs: 10, endUs: 20 },
    { name: "settle t", spanId: spanIds.settle("f"), startUs: 20, endUs: 20 },
    { name: "wait t", spanId: spanIds.wait("f", 1, 1), startUs: 500, endUs: 600 },
    { name: "attempt t", spanId: spanIds.attempt("f", 1, 1), startUs: 600, endUs: nowUs, running: true },
  ]);
});

test("a round that has not begun is waited for, also while what an earlier one started goes on", () => {
  const spans = [part(0, "started", 12), part(0, "job", 700)];
  const row = firing({ round: 2, dueUs: 500, attempts: [tried(0, 1, 10), tried(1, 1, 300)], spans });
  expect(below(row).slice(3)).toEqual([
    { name: "attempt t", spanId: spanIds.attempt("f", 1, 1), startUs: 300, endUs: 310 },
    { name: "settle t", spanId: spanIds.settle("f", 1), startUs: 310, endUs: 310 },
    { name: "wait t", spanId: spanIds.wait("f", 1, 2), startUs: 500, endUs: nowUs, running: true },
  ]);
  const job = spansOf(row).find(({ name }) => name === "job");
  expect(job?.parentId).toBe(spanIds.attempt("f", 1));
});

test("the last word of each round is told, and how long a dead letter lay is no waiting", () => {
  const row = firing({
    round: 1,
    state: "dead",
    dueUs: 300,
    attempts: [tried(0, 1, 10), tried(0, 2, 40), tried(1, 1, 300)],
  });
  expect(below(row).map(({ name, startUs, endUs }) => `${name} ${startUs}-${endUs}`)).toEqual([
    ...["wait t 3-10", "attempt t 10-20", "wait t 20-40", "attempt t 40-50", "settle t 50-50"],
    ...["attempt t 300-310", "settle t 310-310"],
  ]);
  expect(spansOf(row).filter(({ name }) => name === "settle t")).toMatchObject([
    { error: "it is a dead letter", attributes: { "tidemill.state": "dead" } },
    { error: "it is a dead letter", attributes: { "tidemill.state": "dead", "tidemill.round": 2 } },
  ]);
});

test("an event that a replay put was not received, and links to the one that it repeats", () => {
  const replayOf = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
  const [send, ...more] = spansOf(firing({ parent: "none" }), { ...event, replayOf });
  expect(send).toMatchObject({ name: "send default", links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16) }] });
  expect(more.map(({ name }) => name)).not.toContain("receive a");
});
