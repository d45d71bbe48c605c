import { expect, test } from "vitest";
import type { TraceAnswer } from "../../src/runtime/trace-answer.ts";
import { type OtelReceiver, type ReceivedSpan, startOtelReceiver } from "../servers/otel-receiver.ts";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { type Product, startProduct } from "./product.ts";
import { makePlace, post, sensor, webhooks } from "./shop.ts";
import { startTarget } from "./target.ts";

const kills = 4;

/** Each span once, by id. Sent again, it is the same: but for the start of a wait, which memory knows better. */
function onceEach(spans: readonly ReceivedSpan[]): ReadonlyMap<string, ReceivedSpan> {
  const once = new Map<string, ReceivedSpan>();
  for (const span of spans) {
    const known = once.get(span.spanId);
    if (known !== undefined && !span.name.startsWith("wait ")) expect(span).toEqual(known);
    once.set(span.spanId, span);
  }
  return once;
}

function orphansIn(spans: ReadonlyMap<string, ReceivedSpan>): readonly string[] {
  return [...spans.values()]
    .filter(({ parentSpanId }) => parentSpanId !== "" && !spans.has(parentSpanId))
    .map(({ traceId, name }) => `${traceId} ${name}`);
}

/** The names of each trace's spans, sorted, with waits left out: an attempt that began at once has none. */
function namesByTrace(spans: ReadonlyMap<string, ReceivedSpan>): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const { traceId, name } of spans.values()) {
    const list = names.get(traceId) ?? [];
    names.set(traceId, list);
    if (!name.startsWith("wait ")) list.push(name);
  }
  for (const list of names.values()) list.sort();
  return names;
}

/** Posts until it is stopped; the ids of the events that were acknowledged. */
function generate(port: number): { readonly ids: readonly string[]; stop(): Promise<void> } {
  const ids: string[] = [];
  let over = false;
  const lane = async (): Promise<void> => {
    for (let n = 0; !over; n++) {
      const response = await post(port, "/a", { n }).catch(() => undefined);
      if (response?.ok === true) ids.push(response.headers.get("tidemill-event-id") ?? "");
      await response?.arrayBuffer().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const running = Promise.all([lane(), lane()]);
  return {
    ids,
    async stop() {
      over = true;
      await running;
    },
  };
}

const env = (collector: OtelReceiver) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.grpcUrl,
  OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
  OTEL_EXPORTER_OTLP_TIMEOUT: "500",
});

test(`killed ${kills} times, and with a collector that is away for a while: each event's trace arrives whole`, {
  timeout: 90_000,
}, async () => {
  await using place = await makePlace();
  await using target = await startTarget();
  await using collector = await startOtelReceiver();
  const port = await freePort();
  let calls = 0;
  target.answer((_, response) => {
    // some are tried twice, so that attempts wait over a restart
    response.statusCode = ++calls % 7 === 0 ? 503 : 200;
    response.end();
  });
  await place.write("web.yaml", webhooks(port, ["a"]));
  const trigger = "retryStrategy: { steps: 20, duration: 50ms, factor: 1 }";
  await place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${target.url}/end`, trigger }));
  const start = (): Promise<Product> =>
    startProduct({ dataDir: place.dataDir, paths: [place.manifests], env: env(collector) });
  const load = generate(port);
  for (let run = 0; run < kills; run++) {
    if (run === 2) await collector.stop();
    const product = await start();
    const goal = load.ids.length + 40;
    await until("it makes progress", () => load.ids.length >= goal);
    await product.kill();
    if (run === 2) await collector.start();
  }
  await using product = await start();
  await load.stop();
  const settled = ["POST", "process s", "receive a", "send default", "settle post"];
  const found = await until(
    "each acknowledged event has all spans of its way",
    () => {
      const spans = onceEach(collector.spans);
      const names = namesByTrace(spans);
      return load.ids.every((id) => settled.every((name) => names.get(id)?.includes(name))) ? spans : undefined;
    },
    { timeoutMs: 20_000, everyMs: 200 },
  );
  expect(orphansIn(found)).toEqual([]);
  const names = namesByTrace(found);
  expect(load.ids.length).toBeGreaterThan(kills * 40);
  for (const id of load.ids) {
    const more = (names.get(id) ?? []).filter((name) => !settled.includes(name));
    expect(more).toEqual([]);
    expect((names.get(id) ?? []).filter((name) => name === "settle post").length).toBe(1);
  }
  expect([...names.values()].some((list) => list.filter((name) => name === "POST").length > 1)).toBe(true);
  expect(await product.stop()).toBe(0);
});

test("killed between the rounds of a dead letter: each round has spans of its own, in one trace without an orphan", {
  timeout: 60_000,
}, async () => {
  await using place = await makePlace();
  await using target = await startTarget();
  await using collector = await startOtelReceiver();
  const port = await freePort();
  target.answer((_, response) => {
    response.statusCode = 503;
    response.end();
  });
  await place.write("web.yaml", webhooks(port, ["a"]));
  const trigger = "atLeastOnce: true\nretryStrategy: { steps: 2, duration: 10ms, factor: 1 }";
  await place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${target.url}/end`, trigger }));
  const start = (): Promise<Product> =>
    startProduct({ dataDir: place.dataDir, paths: [place.manifests], env: env(collector) });
  let event = "";
  for (const round of [1, 2, 3]) {
    await using product = await start();
    if (round === 1) event = (await post(port, "/a", { n: 1 })).headers.get("tidemill-event-id") ?? "";
    else await product.post("/deadletters/retry", { ids: [await letterOf(product)] });
    await until("it died", async () => target.hits.length >= round * 2 && (await letterOf(product)) !== "");
    await product.kill();
  }
  await using product = await start();
  const found = await until(
    "all rounds are with the collector",
    () => {
      const spans = onceEach(collector.spans);
      return [...spans.values()].filter(({ name }) => name === "settle post").length === 3 ? spans : undefined;
    },
    { timeoutMs: 20_000, everyMs: 100 },
  );
  expect(orphansIn(found)).toEqual([]);
  expect([...found.values()].map(({ traceId }) => traceId)).toEqual(Array.from(found, () => event));
  const attempts = [...found.values()].filter(({ name }) => name === "POST");
  expect(attempts.map(({ attributes }) => [attributes["tidemill.round"], attributes["tidemill.attempt"]])).toEqual(
    [undefined, 2, 3].flatMap((round) => [1, 2].map((n) => [round, n])),
  );
  const seen = new Set(target.hits.map(({ headers }) => String(headers.traceparent).split("-")[2]));
  expect(new Set(attempts.map(({ spanId }) => spanId))).toEqual(seen);
  const told = await until("the record has it all", async () => {
    const answer = await product.get<TraceAnswer>(`/trace/${event}`);
    return answer.spans.filter(({ name }) => name === "settle post").length === 3 ? answer : undefined;
  });
  const drawn = told.spans.map(({ spanId }) => spanId);
  expect(new Set(drawn).size).toBe(drawn.length);
  for (const spanId of seen) expect(drawn).toContain(spanId);
});

/** The only dead letter that there is; empty: there is none. */
async function letterOf(product: Product): Promise<string> {
  const { items } = await product.get<{ readonly items: readonly { readonly id: string }[] }>("/deadletters");
  return items[0]?.id ?? "";
}

test("what is on its way at the end is with the collector when the process has ended, and nothing of the header is logged", async () => {
  await using place = await makePlace();
  await using target = await startTarget();
  await using collector = await startOtelReceiver();
  const port = await freePort();
  await place.write("web.yaml", webhooks(port, ["a"]));
  await place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${target.url}/end` }));
  const product = await startProduct({
    dataDir: place.dataDir,
    paths: [place.manifests],
    args: ["--log-level", "debug", "--record", "none"],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20s3cr3t" },
  });
  collector.answer(401);
  const response = await post(port, "/a", { n: 1 });
  const id = response.headers.get("tidemill-event-id");
  await until("the export fails", () => product.output().includes("takes no spans"));
  collector.answer(200);
  expect(await product.stop()).toBe(0);
  expect(product.output()).not.toContain("s3cr3t");
  await using again = await startProduct({
    dataDir: place.dataDir,
    paths: [place.manifests],
    args: ["--record", "none"],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  });
  await until("the spans that were left come after the next start", () =>
    collector.spans.some((span) => span.traceId === id),
  );
  const second = await post(port, "/a", { n: 2 });
  await until("it has fired", () => target.hits.length === 2);
  expect(await again.stop()).toBe(0);
  const secondId = second.headers.get("tidemill-event-id");
  expect(collector.spans.filter((span) => span.traceId === secondId).length).toBe(6);
});
