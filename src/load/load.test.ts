import { createServer, type Server } from "node:http";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../test/until.ts";
import { systemClock } from "../lib/clock.ts";
import { placeOf } from "../lib/trace.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { type Recorded, reportOf } from "./join.ts";
import { load } from "./load.ts";
import { type Sent, sendLoad } from "./send.ts";
import { type Message, seqOfTrace, type Target } from "./target.ts";
import { compileLoadTemplate } from "./template.ts";

const template = compileLoadTemplate('{"id": "{{ uuid }}", "n": {{ seq }}}');

let server: Server;
let url = "";
let seen: { readonly body: string; readonly headers: Readonly<Record<string, string | string[] | undefined>> }[] = [];
/** Answers are given by this. */
let answer: (n: number, end: (status: number, body?: string) => void) => void;

beforeEach(async () => {
  seen = [];
  answer = (_, end) => end(200);
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      seen.push({ body: Buffer.concat(parts).toString(), headers: request.headers });
      answer(seen.length, (status, body = "") => response.writeHead(status).end(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  url = `http://127.0.0.1:${typeof bound === "object" ? bound?.port : ""}/`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test("each message has its number, its load and a trace of its own", async () => {
  const report = await load({ target: url, template, pace: { perSecond: undefined }, count: 50 });
  expect(report).toMatchObject({ valid: { sent: 50, taken: 50 }, ok: true });
  const numbers = seen.map(({ headers, body }) => {
    const place = placeOf(String(headers.traceparent));
    const seq = seqOfTrace(report.load, place?.traceId ?? "");
    expect(headers["tidemill-load"]).toBe(report.load);
    expect(headers["tidemill-load-seq"]).toBe(String(seq));
    expect(JSON.parse(body)).toMatchObject({ n: seq });
    return seq;
  });
  expect(new Set(numbers).size).toBe(50);
});

test("a slow target is not run over: never more than so many without an answer", async () => {
  let open = 0;
  let most = 0;
  answer = (_, end) => {
    open += 1;
    most = Math.max(most, open);
    setTimeout(() => {
      open -= 1;
      end(200);
    }, 5);
  };
  const report = await load({ target: url, template, pace: { perSecond: 100_000 }, count: 100, inFlight: 7 });
  expect(most).toBeLessThanOrEqual(7);
  expect(report.valid.taken).toBe(100);
});

test("what the target refuses, and what it does not answer, is told apart with the reasons", async () => {
  answer = (n, end) => end(n % 3 === 0 ? 400 : n % 3 === 1 ? 503 : 200, "because");
  const report = await load({ target: url, template, pace: { perSecond: undefined }, count: 30 });
  expect(report).toMatchObject({ valid: { sent: 30, taken: 10, refused: 10, failed: 10 }, ok: false });
  expect(report.reasons).toContainEqual({ reason: "refused: 400: because", count: 10 });
  expect(report.reasons).toContainEqual({ reason: "failed: 503: because", count: 10 });
});

test("the abort ends the sending, what is on its way is waited for, and the report is made", async () => {
  const stop = new AbortController();
  const held: (() => void)[] = [];
  answer = (_, end) => void held.push(() => end(200));
  const done = load({ target: url, template, pace: { perSecond: 1_000 }, inFlight: 5, signal: stop.signal });
  await until("five are held", () => held.length === 5);
  stop.abort(new Error("enough"));
  for (const end of held) end();
  expect((await done).valid).toMatchObject({ sent: 5, taken: 5 });
});

test("a template that fails, or makes what the schema refuses, is told before anything is sent", async () => {
  const refused = load({ target: url, template, pace: { perSecond: 1 }, check: () => ({ message: "no", faults: [] }) });
  await expect(refused).rejects.toMatchObject({ code: "LOAD_TEMPLATE", message: expect.stringContaining("no") });
  const broken = load({ target: url, template: compileLoadTemplate("{"), pace: { perSecond: 1 } });
  await expect(broken).rejects.toMatchObject({ code: "LOAD_TEMPLATE" });
  await expect(load({ target: "ftp:x", template, pace: { perSecond: 1 } })).rejects.toMatchObject({ code: "USAGE" });
  expect(seen).toEqual([]);
});

/** A target that takes everything at once. */
function taking(batch: number): Target & { readonly calls: (readonly Message[])[] } {
  const calls: (readonly Message[])[] = [];
  return {
    ...{ name: "memory", batch, calls },
    send: async (messages) => {
      calls.push(messages);
      return messages.map(() => ({ outcome: "taken" }) as const);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

test("the rate is exact by the clock, and messages that are due at once share a call", async () => {
  const clock = new VirtualClock();
  const target = taking(10);
  const startMs = clock.nowMs();
  const sent = sendLoad({
    ...{ target, template, clock, seed: "s", inFlight: 1_000, signal: new AbortController().signal },
    ...{ pace: { perSecond: 40 }, durationMs: 10_000 },
  });
  for (let i = 0; i < 401; i++) await clock.advance(25);
  const { messages } = await sent;
  expect(messages).toHaveLength(400);
  for (const { seq, sentMs } of messages) expect(sentMs - startMs).toBe((seq - 1) * 25);
  const fast = taking(10);
  await sendLoad({
    ...{ target: fast, template, clock: systemClock, seed: "s", inFlight: 1_000, signal: new AbortController().signal },
    ...{ pace: { perSecond: undefined }, count: 95 },
  });
  expect(fast.calls.map(({ length }) => length)).toEqual([...Array.from({ length: 9 }, () => 10), 5]);
});

test("the same seed sends the same messages, the same of them spoilt", async () => {
  const one = async (seed: string): Promise<readonly string[]> => {
    const target = taking(1);
    const random = compileLoadTemplate('{"id": "{{ uuid }}"}');
    await load({ target, template: random, pace: { perSecond: undefined }, count: 40, malformed: 0.3, seed });
    const messages = target.calls.flat().toSorted((a, b) => a.seq - b.seq);
    expect(messages.some(({ malformed }) => malformed !== undefined)).toBe(true);
    return messages.map(({ bytes }) => Buffer.from(bytes).toString("latin1"));
  };
  expect(await one("a")).toEqual(await one("a"));
  expect(await one("a")).not.toEqual(await one("b"));
});

const load16 = "00112233445566ff";
const event = (seq: number, more: Partial<Recorded> = {}): Recorded => ({
  ...{ id: `e${seq}`, namespace: "default", source: "web", subject: "jobs", duplicates: 0, receipt: "stored" },
  traceId: `${load16}${seq.toString(16).padStart(16, "0")}`,
  ...{ receivedAt: "2026-01-01T00:00:01.000000Z", storedAt: "2026-01-01T00:00:01.002500Z" },
  ...more,
});
const sentAt = Date.parse("2026-01-01T00:00:01Z");
const sent = (messages: readonly Sent[]) => ({
  ...{ load: load16, seed: "s", target: "t", startMs: sentAt, endMs: sentAt + 1_000, behindMs: 0, messages },
});
const taken = (seq: number, more: Partial<Sent> = {}): Sent => ({
  ...{ seq, malformed: undefined, bytes: 10, sentMs: sentAt, endedMs: sentAt + 1, outcome: "taken" },
  ...more,
});

test("the report joins by trace or id, and counts lost, twice, recognised, refused and filtered", () => {
  const messages = [
    taken(1),
    taken(2),
    taken(3),
    taken(4, { event: "known" }),
    taken(5),
    taken(6),
    taken(7, { malformed: "deep" }),
  ];
  const report = reportOf(sent(messages), [
    event(1, { duplicates: 2 }),
    event(2),
    event(2, { id: "again" }),
    // further down the same trace: not the message
    event(2, { id: "next", source: "other", receivedAt: "2026-01-01T00:00:02.000000Z" }),
    event(3, { receipt: "refused", reason: "no" }),
    event(4, { id: "known", traceId: "f".repeat(32), receipt: "filtered" }),
    event(7, { receipt: "refused" }),
    event(99, { traceId: "e".repeat(32) }),
  ]);
  expect(report.valid.recorded).toEqual({ stored: 2, filtered: 1, refused: 1, lost: 2, twice: 1, recognised: 2 });
  expect(report.lost.map(({ seq }) => seq)).toEqual([5, 6]);
  expect(report.malformed).toMatchObject({ sent: 1, recorded: { refused: 1, lost: 0 } });
  expect(report.reasons).toEqual([{ reason: "recorded as refused: no", count: 1 }]);
  expect(report.delayMs).toMatchObject({ count: 4, p50: 2.5, max: 2.5 });
  expect(report.ok).toBe(false);
});

test("the sums of a report add up, whatever was recorded", () => {
  const outcome = fc.constantFrom("taken", "refused", "failed");
  const receipt = fc.constantFrom("stored", "duplicate", "filtered", "refused");
  fc.assert(
    fc.property(
      fc.array(outcome, { maxLength: 40 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), receipt)),
      (outcomes, records) => {
        const messages = outcomes.map((one, at) => taken(at + 1, { outcome: one }));
        const { valid } = reportOf(
          sent(messages),
          records.map(([seq, one], at) => event(seq, { id: `e${at}`, receipt: one })),
        );
        expect(valid.taken + valid.refused + valid.failed).toBe(valid.sent);
        const { stored = 0, filtered = 0, refused = 0, lost = 0 } = valid.recorded ?? {};
        const unseen = messages.filter(
          ({ seq, outcome: of }) => of !== "taken" && !records.some(([one]) => one === seq),
        ).length;
        expect(stored + filtered + refused + lost + unseen).toBe(valid.sent);
      },
    ),
  );
});
