import { expect, test } from "vitest";
import type { Log } from "../lib/log.ts";
import { silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import type { ExportResult } from "./otlp-exporter.ts";
import type { Span } from "./span.ts";
import { keepForMs, SpanDelivery } from "./span-delivery.ts";

const { signal } = new AbortController();

function delivery(answer: (spans: readonly Span[]) => ExportResult, crowded = () => false) {
  const clock = new VirtualClock();
  const asked: number[] = [];
  const said: string[] = [];
  const state: { failing: string | undefined } = { failing: undefined };
  const log: Log = {
    ...silentLog,
    warn: (fields, message) => void said.push(`${message} ${JSON.stringify(fields)}`),
    info: (fields, message) => void said.push(`${message} ${JSON.stringify(fields)}`),
  };
  const exporter = {
    target: "http://c/v1/traces",
    export: (spans: readonly Span[]) => {
      asked.push(spans.length);
      return Promise.resolve(answer(spans));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { clock, asked, said, state, of: new SpanDelivery({ exporter, clock, random: () => 1, log, crowded, state }) };
}

const spansAt = (clock: VirtualClock, count: number): readonly Span[] =>
  Array.from({ length: count }, (_, at) => ({
    ...{ traceId: "1".repeat(32), spanId: String(at).padStart(16, "0"), name: "x", kind: "internal" },
    ...{ startUs: clock.nowMs() * 1000, endUs: clock.nowMs() * 1000, attributes: {} },
  }));

test("a collector that is away for less than a quarter of an hour loses nothing", async () => {
  let away = true;
  const { clock, state, said, of } = delivery(() => (away ? { reason: "ECONNREFUSED", retry: "again" } : "taken"));
  const delivered = of.deliver(spansAt(clock, 3), signal);
  for (let minute = 1; minute < 14; minute++) await clock.advance(60_000);
  expect(state.failing).toBe("ECONNREFUSED");
  away = false;
  await clock.advance(20_000);
  expect(await delivered).toEqual({ exported: 3, refused: 0, late: 0 });
  expect(state.failing).toBeUndefined();
  expect(said.at(-1)).toContain("the collector takes spans again");
});

test("one that is away for longer loses what is older, counted and told, and gets what is younger", async () => {
  let away = true;
  const { clock, said, of } = delivery(() => (away ? { reason: "ECONNREFUSED", retry: "again" } : "taken"));
  const old = of.deliver(spansAt(clock, 3), signal);
  await clock.advance(keepForMs + 15_000);
  expect(await old).toEqual({ exported: 0, refused: 0, late: 3 });
  const young = of.deliver(spansAt(clock, 2), signal);
  away = false;
  await clock.advance(20_000);
  expect(await young).toEqual({ exported: 2, refused: 0, late: 0 });
  expect(said.filter((line) => line.includes("spans are dropped") && line.includes('"spans":3')).length).toBe(1);
  expect(said.at(-1)).toContain('"dropped":3');
});

test("what is old only because nothing ran meanwhile is sent", async () => {
  const { clock, of } = delivery(() => "taken");
  const spans = spansAt(clock, 2);
  await clock.advance(10 * keepForMs);
  expect(await of.deliver(spans, signal)).toEqual({ exported: 2, refused: 0, late: 0 });
});

test("the flow goes first: a bus that fills up gets the room of what waits for a collector that is away", async () => {
  let crowded = false;
  const { clock, of } = delivery(
    () => ({ reason: "ECONNREFUSED", retry: "again" }),
    () => crowded,
  );
  const delivered = of.deliver(spansAt(clock, 4), signal);
  await clock.advance(1_000);
  crowded = true;
  await clock.advance(15_000);
  expect(await delivered).toEqual({ exported: 0, refused: 0, late: 4 });
});

test("too many for one request go in halves, and one that is too large alone is refused", async () => {
  const { clock, asked, of } = delivery((spans) => {
    const large = spans.some(({ spanId }) => spanId.endsWith("5"));
    return spans.length > 2 || large ? { reason: "HTTP 413", retry: "smaller" } : "taken";
  });
  expect(await of.deliver(spansAt(clock, 8), signal)).toEqual({ exported: 7, refused: 1, late: 0 });
  expect(asked).toEqual([8, 4, 2, 2, 4, 2, 1, 1, 2]);
});

test("what is refused is told once a minute, and not tried again", async () => {
  const { clock, asked, said, of } = delivery(() => ({ reason: "HTTP 400 bad", retry: "never" }));
  for (let at = 0; at < 5; at++)
    expect(await of.deliver(spansAt(clock, 2), signal)).toEqual({ exported: 0, refused: 2, late: 0 });
  expect(asked.length).toBe(5);
  expect(said.length).toBe(1);
});

test("the end cuts a delivery short, and nothing is said to be done", async () => {
  const { clock, of } = delivery(() => ({ reason: "ECONNREFUSED", retry: "again" }));
  const end = new AbortController();
  const delivered = of.deliver(spansAt(clock, 2), end.signal);
  await clock.advance(10);
  end.abort(new Error("stop"));
  expect(await delivered).toEqual({ exported: 0, refused: 0, late: 0 });
});
