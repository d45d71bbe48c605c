import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tidemill } from "../../test/tidemill.ts";
import { answers } from "../console/answers.ts";
import type { SpanFact } from "../lib/facts.ts";
import { spanIdOf } from "../lib/trace.ts";
import { openRecord } from "../record/open.ts";
import { attempt, baseUs, chunk, decided, fired, stored } from "../record/testing.ts";
import type { AnsweredSpan, TraceAnswer } from "../runtime/trace-answer.ts";
import { barOf, tellTrace, widthOf } from "./tell-trace.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const plain = { paint: (_style: unknown, text: string) => text };
const ms = 1_000;
let folder = "";

/** Sent 40 ms before, by a clock that is 30 ms ahead; two attempts, and an event of the second hop whose call still runs. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-trace-"));
  await using record = await openRecord(join(folder, "record.sqlite"));
  const at = (n: number) => baseUs + n * ms;
  const handedOn = `00-${traceId}-${spanIdOf("attempt", "f1/2")}-01`;
  const started: SpanFact = {
    ...{ k: "span", firing: "f2", n: 1, of: { sensor: "s", trigger: "u", event: "e2" }, name: "started" },
    ...{ id: spanIdOf("started", "f2/1"), startUs: at(81), endUs: at(81) },
  };
  const brought = { trace: `00-${traceId}-00f067aa0ba902b7-01`, sentUs: at(-10), skewUs: 30 * ms };
  await record.apply({ namespace: "default", bus: "default" }, [
    chunk(
      1,
      stored("e1", 1, { receivedUs: at(0), ...brought }),
      decided("e1", 1, { storedUs: at(1), atUs: at(2), fired: [fired("f1", "t", [["a", "e1"]])] }),
      attempt("f1", 1, {
        ...{ startedUs: at(2), endedUs: at(20), outcome: "failed", code: "TM4001", error: "no\u001b[2J way" },
        ...{ state: "pending", dueUs: at(50) },
      }),
      attempt("f1", 2, { startedUs: at(50), endedUs: at(70), status: "200" }),
      stored("e2", 2, { receivedUs: at(80), source: "jobs", subject: "todo", trace: handedOn }),
      decided("e2", 2, { storedUs: at(80), atUs: at(81), fired: [fired("f2", "u", [["a", "e2"]])] }),
      started,
    ),
  ]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const trace = (id: string, ...args: string[]) =>
  tidemill(["trace", id, "--data-dir", folder, ...args], { env: { COLUMNS: "90" } });

test("a trace is answered as JSON by the id of any of its events, from a record that nobody serves", async () => {
  const [first, second] = [await trace("e1", "-o", "json"), await trace(traceId, "-o", "json")];
  const answer = answers.trace.parse(JSON.parse(first.out));
  expect(answers.trace.parse(JSON.parse(second.out)).events).toEqual(answer.events);
  const named = (name: string) => answer.spans.filter((span) => span.name === name);
  expect(named("attempt t")).toMatchObject([
    { durationMs: 18, error: "no\u001b[2J way", attributes: { "error.type": "TM4001" } },
    { durationMs: 20, spanId: spanIdOf("attempt", "f1/2") },
  ]);
  expect(named("wait t")).toMatchObject([{ durationMs: 30 }]);
  expect(named("queue new")).toMatchObject([{ durationMs: 40, parentId: "00f067aa0ba902b7" }]);
  expect(named("attempt u")).toMatchObject([{ running: true }]);
  const hop = answer.spans.find(({ attributes }) => attributes["tidemill.eventsource"] === "jobs");
  expect(hop?.parentId).toBe(spanIdOf("attempt", "f1/2"));
  expect(answer.notes).toEqual([
    expect.stringContaining("span 00f067aa0ba902b7 came from outside"),
    "the clock of the sender of orders/new is 30 ms ahead: times of sending are corrected by it",
  ]);
  expect(first.err).toBe("");
});

test("it is drawn without colour or control characters where there is no terminal, and says what still runs", async () => {
  const { code, out, err } = await trace("e1");
  expect(code).toBe(0);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
  expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  expect(out).toContain("✗ TM4001 no [2J way");
  expect(out).toContain("attempt u (running)");
  const [, waterfall = ""] = out.split("\n\n");
  expect(Math.max(...waterfall.split("\n").map((line) => line.length))).toBe(90);
  expect(err).toContain("no tidemill runs here");
});

test("an id that nobody knows is said to be unknown", async () => {
  const { code, out, err } = await trace("nobody");
  expect([code === 0, out]).toEqual([false, ""]);
  expect(err).toContain("TM7016");
});

const rfc3339 = (us: number): string => `2026-01-05T09:00:00.${String(us).padStart(6, "0")}Z`;

function span(name: string, spanId: string, from: number, to: number, more: Partial<AnsweredSpan> = {}): AnsweredSpan {
  const times = { startedAt: rfc3339(from * ms), endedAt: rfc3339(to * ms), durationMs: to - from };
  return { name, spanId, kind: "internal", attributes: {}, ...times, ...more };
}

function answerOf(...spans: readonly AnsweredSpan[]): TraceAnswer {
  return { traceId, events: [], spans, notes: [], truncated: false };
}

test("bars are to scale, nested, with waits, failures, moments and what runs told apart", () => {
  const drawn = tellTrace(
    answerOf(
      span("root", "01", 0, 100),
      span("wait for it", "02", 0, 50, { parentId: "01" }),
      span("call", "03", 50, 100, { parentId: "01", error: "it broke" }),
      span("moment", "04", 75, 75, { parentId: "03" }),
      span("open", "05", 90, 100, { parentId: "03", running: true }),
    ),
    { io: plain, width: 60 },
  );
  expect(drawn.split("\n").slice(2)).toEqual([
    "                               0                      100 ms",
    "root                   100 ms  █████████████████████████████",
    "  wait for it           50 ms  ░░░░░░░░░░░░░░░",
    "  call                  50 ms                ███████████████",
    "    ✗ it broke",
    "    moment                                          │",
    "    open (running)     10 ms…                            ██▸",
    "",
  ]);
});

test("spans that name each other as parents, or nobody, are all drawn once", () => {
  const drawn = tellTrace(
    answerOf(
      span("a", "01", 0, 9, { parentId: "02" }),
      span("b", "02", 1, 9, { parentId: "01" }),
      span("self", "03", 2, 9, { parentId: "03" }),
      span("lost", "04", 3, 9, { parentId: "99" }),
      ...Array.from({ length: 3_000 }, (_, n) => span(`deep ${n}`, `d${n}`, 4, 9, { parentId: `d${n - 1}` })),
    ),
    { io: plain, width: 80 },
  );
  for (const name of ["a", "b", "self", "lost", "deep 0", "deep 2999"])
    expect(drawn.split("\n").filter((line) => / *(\+\d+ )?(.*)/.exec(line)?.[2]?.startsWith(`${name} `))).toHaveLength(
      1,
    );
});

const chain = (depth: number, nameOf: (n: number) => string, more: Partial<AnsweredSpan> = {}) =>
  Array.from({ length: depth }, (_, n) =>
    span(nameOf(n), `d${n}`, 0, 9, { ...more, ...(n === 0 ? {} : { parentId: `d${n - 1}` }) }),
  );

const indents = (drawn: string): readonly number[] =>
  drawn
    .trimEnd()
    .split("\n")
    .slice(3)
    .map((line) => line.length - line.trimStart().length);

test.each([
  [8, 100, 2],
  [21, 100, 1],
  [30, 100, 1],
  [30, 200, 2],
])("each of %d levels stands further in than the one above it, in %d columns", (depth, width, step) => {
  const drawn = tellTrace(answerOf(...chain(depth, (n) => `process processor ${n}`)), { io: plain, width });
  expect(indents(drawn)).toEqual(Array.from({ length: depth }, (_, n) => n * step));
  for (let n = 0; n < depth; n++) expect(drawn).toContain(` processor ${n} `);
});

test("what is too deep for the width says by how many levels, and stays readable", () => {
  const drawn = tellTrace(answerOf(...chain(60, (n) => `level ${n}`)), { io: plain, width: 60 });
  const lines = drawn.trimEnd().split("\n").slice(3);
  expect(lines.map((line) => /(\+\d+ )?level \d+/.exec(line)?.[0]).slice(7, 11)).toEqual([
    "level 7",
    "level 8",
    "+1 level 9",
    "+2 level 10",
  ]);
  expect(lines.at(-1)).toContain("+51 level 59");
  expect(Math.max(...lines.map((line) => line.length))).toBe(60);
});

test("a name that is too long is cut where its trigger stays to be read", () => {
  const attributes = { "tidemill.decision": "fired", "tidemill.trigger": "process" };
  const drawn = tellTrace(answerOf(...chain(21, () => "process a-processor-of-many-words", { attributes })), {
    io: plain,
    width: 100,
  });
  for (const line of drawn.trimEnd().split("\n").slice(3)) expect(line).toMatch(/process a-proces.* → process /);
});

test("rounds of a dead letter that was tried again are in their order below its firing, and say which they are", () => {
  const attempt = (n: number, round: number) => ({
    attributes: { "tidemill.trigger": "t", "tidemill.attempt": n, ...(round === 1 ? {} : { "tidemill.round": round }) },
    parentId: "01",
  });
  const drawn = tellTrace(
    answerOf(
      span("process s", "01", 0, 1),
      span("POST", "02", 1, 2, attempt(1, 1)),
      span("POST", "03", 3, 4, attempt(2, 1)),
      span("POST", "04", 50, 51, attempt(1, 2)),
      span("part", "06", 50, 51, { parentId: "04", attributes: { "tidemill.attempt": 1, "tidemill.round": 2 } }),
      span("POST", "05", 80, 81, attempt(2, 3)),
    ),
    { io: plain, width: 80 },
  );
  const names = drawn
    .trimEnd()
    .split("\n")
    .slice(3)
    .map((line) => line.slice(0, 17).trimEnd());
  expect(names).toEqual(["process s", "  POST", "  POST #2", "  POST round 2", "    part", "  POST round 3 #2"]);
});

test("an attempt whose number comes again has its parts below itself", () => {
  const drawn = tellTrace(
    answerOf(
      span("first try", "01", 0, 10),
      span("part", "02", 5, 6, { parentId: "01" }),
      span("second try", "01", 20, 30),
      span("part", "03", 25, 26, { parentId: "01" }),
    ),
    { io: plain, width: 80 },
  );
  const names = drawn.split("\n").slice(3, 7);
  expect(names.map((line) => line.slice(0, 10).trimEnd())).toEqual(["first try", "  part", "second try", "  part"]);
});

test("a bar has one column at least and never leaves its room", () => {
  const scale = { startUs: 0, endUs: 1_000, columns: 10 };
  const bar = (startUs: number, endUs: number) => barOf({ name: "x", startUs, endUs }, scale);
  expect(bar(0, 1_000)).toBe("█".repeat(10));
  expect(bar(999, 1_000)).toBe(`${" ".repeat(9)}█`);
  expect(bar(1_000, 1_000)).toBe(`${" ".repeat(9)}│`);
  expect(bar(500, 501)).toBe(`${" ".repeat(5)}█`);
});

test("the drawing is as wide as the terminal, within reason", () => {
  expect([undefined, 20, 120, 900].map((columns) => widthOf({ env: {} }, columns))).toEqual([100, 60, 120, 200]);
  expect(widthOf({ env: { COLUMNS: "90" } }, 120)).toBe(90);
  expect(widthOf({ env: { COLUMNS: "wide" } }, 120)).toBe(120);
});
