import { expect, test } from "vitest";
import { startStandIn } from "../../examples/stand-in/stand-in.ts";
import { type OtelReceiver, type ReceivedSpan, startOtelReceiver } from "../../test/servers/otel-receiver.ts";
import { freePort } from "../../test/servers/server.ts";
import { until } from "../../test/until.ts";
import { sensor, webhooks } from "../../test/whole/shop.ts";
import { startTarget, type Target } from "../../test/whole/target.ts";
import { object } from "../kit/fields.ts";
import { defineTrigger } from "../kit/trigger.ts";
import { placeOf, traceparentOf } from "../lib/trace.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { enrolExport, spanGroup } from "./export-spans.ts";
import { type StandardRun, type StandardRunOptions, standardRun } from "./standard-run.ts";

interface Flow extends AsyncDisposable {
  readonly run: StandardRun;
  readonly target: Target;
  readonly port: number;
  readonly collector: OtelReceiver;
  /** The spans of one trace, once there are as many. */
  trace(traceId: string, count: number): Promise<readonly ReceivedSpan[]>;
}

interface Sketch {
  readonly names: readonly string[];
  readonly sensors: (at: { readonly port: number; readonly target: string }) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly options?: Partial<StandardRunOptions>;
}

async function flow({ names, sensors, env = {}, options }: Sketch): Promise<Flow> {
  const collector = await startOtelReceiver();
  const target = await startTarget();
  const port = await freePort();
  const texts = [webhooks(port, names), ...sensors({ port, target: target.url })];
  const planned = planTexts(
    texts.map((text, at) => ({ file: `${at}.yaml`, folder: "/", named: true, text })),
    lists,
  );
  expect(planned.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  const run = await standardRun({
    manifests: { ...planned, files: [] },
    dataDir: undefined,
    recordUrl: "none",
    version: "9.9.9",
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env },
    drainTimeoutMs: 5_000,
    ...options,
  });
  await run.settledStart;
  return {
    run,
    target,
    port,
    collector,
    trace: (traceId, count) =>
      until(
        `${count} spans of ${traceId}`,
        () => {
          const found = collector.spans.filter((span) => span.traceId === traceId);
          return found.length >= count ? found : undefined;
        },
        { timeoutMs: 8_000 },
      ).catch((error: unknown) => {
        const names = collector.spans.map((span) => `${span.traceId.slice(0, 6)} ${span.name}`);
        throw new Error(`it has ${JSON.stringify(names)}`, { cause: error });
      }),
    async [Symbol.asyncDispose]() {
      await run.stop();
      await target[Symbol.asyncDispose]();
      await collector[Symbol.asyncDispose]();
    },
  };
}

const traceId = "0af7651916cd43dd8448eb211c80319c";
const producer = "b7ad6b7169203331";
const brought = { traceparent: traceparentOf({ traceId, spanId: producer, sampled: true }) };

function send(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = brought,
  body: unknown = { n: 1 },
) {
  return fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

/** Names as a tree, each span below its parent; what hangs below no span of the list begins a line of its own. */
function tree(spans: readonly ReceivedSpan[], from: string = producer, depth = 0): readonly string[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === from)
    .toSorted((a, b) => a.startUs - b.startUs || a.name.localeCompare(b.name))
    .flatMap((span) => [`${"  ".repeat(depth)}${span.name}`, ...tree(spans, span.spanId, depth + 1)]);
}

function orphans(spans: readonly ReceivedSpan[]): readonly string[] {
  const ids = new Set([producer, "", ...spans.map(({ spanId }) => spanId)]);
  return spans.filter(({ parentSpanId }) => !ids.has(parentSpanId)).map(({ name }) => name);
}

const traceOf = (spans: readonly ReceivedSpan[]): readonly ReceivedSpan[] =>
  spans.filter((span) => span.traceId === traceId);

/** Unsampled by whoever began it. */
const unsampled = (of = traceId) => ({ traceparent: traceparentOf({ traceId: of, spanId: producer, sampled: false }) });

const settled = (at: Flow, count: number): Promise<true> =>
  until("all spans of the facts have gone or were let go", async () => {
    for (const { bus } of at.run.buses) if ((await bus.facts(spanGroup).lag()).entries > 0) return false;
    return at.target.hits.length >= count;
  });

async function metricOf(at: Flow, name: string): Promise<number> {
  const line = (await at.run.metrics.text()).split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.split(" ")[1] ?? Number.NaN);
}

test("one event is one trace from its producer to the last attempt of the second hop, without an orphan", async () => {
  await using at = await flow({
    names: ["first", "second"],
    sensors: ({ port, target }) => [
      sensor({ name: "one", on: ["first"], url: `http://127.0.0.1:${port}/second` }),
      sensor({ name: "two", on: ["second"], url: `${target}/end`, triggerName: "end" }).replace("body.n", "body.first"),
    ],
  });
  expect((await send(at.port, "/first")).status).toBe(200);
  const spans = await at.trace(traceId, 12);
  expect(orphans(spans)).toEqual([]);
  expect(new Set(at.collector.spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
  expect(tree(spans)).toEqual([
    "receive first",
    "  send default",
    "    process one",
    "      wait post",
    "      POST",
    "        receive second",
    "          send default",
    "            process two",
    "              wait end",
    "              POST",
    "              settle end",
    "      settle post",
  ]);
  const [hit] = at.target.hits;
  const last = spans.find(({ name, attributes }) => name === "POST" && attributes["tidemill.trigger"] === "end");
  expect(placeOf(String(hit?.headers.traceparent))).toEqual({ traceId, sampled: true, spanId: last?.spanId });
  expect(last).toMatchObject({
    kind: 3,
    attributes: { "http.response.status_code": 200, "http.request.method": "POST", "tidemill.attempt": 1 },
    resource: { "service.name": "tidemill", "service.version": "9.9.9" },
  });
});

test("each retry is a span with its error, the waits between them show, and a dead letter's trigger is in the trace", async () => {
  const retry = `retryStrategy: { steps: 3, duration: 30ms, factor: 1 }`;
  await using at = await flow({
    names: ["a"],
    sensors: ({ target }) => [
      sensor({
        ...{ name: "s", on: ["a"], url: `${target}/down` },
        trigger: `${retry}\natLeastOnce: true\ndlqTrigger:\n  atLeastOnce: true\n  template: { name: park, http: { url: "${target}/park", method: PUT } }`,
      }),
    ],
  });
  at.target.answer(({ path }, response) => {
    response.statusCode = path === "/park" ? 204 : 503;
    response.end();
  });
  await send(at.port, "/a");
  await until("the dead letter was handed on", () => at.target.of("/park").length > 0);
  const tries = at.target.of("/down").length;
  await settled(at, tries + 1);
  const spans = traceOf(at.collector.spans);
  expect(orphans(spans)).toEqual([]);
  const attempts = spans.filter(({ name }) => name === "POST");
  expect(attempts.map(({ attributes }) => attributes["tidemill.attempt"])).toEqual(
    Array.from({ length: tries }, (_, n) => n + 1),
  );
  expect(tries).toBeGreaterThan(1);
  for (const { status, attributes } of attempts) {
    expect(status).toMatchObject({ code: 2, message: expect.stringContaining("503") });
    expect(attributes).toMatchObject({
      "http.response.status_code": 503,
      "error.type": expect.stringMatching(/^TM\d/),
    });
  }
  const waits = spans.filter(({ name, attributes }) => name === "wait post" && attributes["tidemill.wait"] === "retry");
  expect(waits.length).toBe(tries - 1);
  for (const { startUs, endUs } of waits) expect(endUs - startUs).toBeGreaterThan(20_000);
  expect(spans.find(({ name }) => name === "settle post")).toMatchObject({
    status: { code: 2 },
    attributes: { "tidemill.state": "dead" },
  });
  const parked = spans.find(({ name }) => name === "PUT");
  const letter = spans.find(({ name }) => name === "dead letter park");
  expect(parked?.parentSpanId).toBe(letter?.spanId);
});

test("filtered events are told by counts on the event's own span, not by a span for each sensor", async () => {
  await using at = await flow({
    names: ["a"],
    sensors: ({ target }) =>
      [1, 2, 3].map((n) =>
        sensor({
          ...{ name: `s${n}`, on: ["a"], url: `${target}/end` },
          filters: `filters: { data: [{ path: body.n, type: number, value: ["${n}"] }] }`,
        }),
      ),
  });
  await send(at.port, "/a", brought, { n: 7 });
  const spans = await at.trace(traceId, 2);
  await settled(at, 0);
  expect(tree(spans)).toEqual(["receive a", "  send default"]);
  expect(spans.find(({ name }) => name === "send default")?.attributes).toMatchObject({
    "tidemill.matched": 3,
    "tidemill.filtered": 3,
  });
});

test("a condition of two events is in the trace of the last one, and links to the first", async () => {
  await using at = await flow({
    names: ["a", "b"],
    sensors: ({ target }) => [sensor({ name: "both", on: ["a", "b"], url: `${target}/end`, conditions: "a && b" })],
  });
  const other = "4bf92f3577b34da6a3ce929d0e0e4736";
  await send(at.port, "/b", { traceparent: traceparentOf({ traceId: other, spanId: producer, sampled: true }) });
  const first = await at.trace(other, 3);
  await send(at.port, "/a");
  const spans = await at.trace(traceId, 6);
  expect(tree(first)).toEqual(["receive b", "  send default", "    process both"]);
  expect(first.find(({ name }) => name === "process both")?.attributes).toMatchObject({
    "tidemill.decision": "waiting",
  });
  expect(orphans(spans)).toEqual([]);
  expect(spans.find(({ name }) => name === "process both")).toMatchObject({
    attributes: { "tidemill.decision": "fired", "messaging.batch.message_count": 2 },
    links: [{ traceId: other, spanId: first.find(({ name }) => name === "send default")?.spanId }],
  });
});

test("an event without a trace begins one under its own id, and what its sender says of time is a span", async () => {
  await using at = await flow({
    names: ["a"],
    sensors: ({ target }) => [sensor({ name: "s", on: ["a"], url: `${target}/end` })],
  });
  const response = await send(at.port, "/a", {});
  const id = response.headers.get("tidemill-event-id") ?? "";
  const spans = await at.trace(id, 6);
  expect(tree(spans, "")).toEqual([
    "receive a",
    "  send default",
    "    process s",
    ...["wait post", "POST", "settle post"].map((n) => `      ${n}`),
  ]);
});

test("while the collector is away the flow goes on, and when it is back every span arrives once", async () => {
  await using at = await flow({
    names: ["a"],
    sensors: ({ target }) => [sensor({ name: "s", on: ["a"], url: `${target}/end` })],
    env: { OTEL_EXPORTER_OTLP_TIMEOUT: "200" },
  });
  await at.collector.stop();
  const ids: string[] = [];
  for (let n = 0; n < 40; n++) {
    const response = await send(at.port, "/a", {}, { n });
    ids.push(response.headers.get("tidemill-event-id") ?? "");
  }
  await until("all have fired", () => at.target.hits.length === 40);
  await until("the export fails", () => at.run.buses.some(({ spans }) => spans?.failing !== undefined));
  expect(at.run.faults()).toEqual([]);
  expect(at.collector.spans).toEqual([]);
  await at.collector.start();
  await settled(at, 40);
  for (const id of ids) expect(at.collector.spans.filter((span) => span.traceId === id).length).toBe(6);
  expect(at.collector.spans.length).toBe(240);
  expect(await metricOf(at, "tidemill_spans_exported_total")).toBe(240);
  expect(at.run.buses.map(({ spans }) => spans?.failing)).toEqual([undefined]);
});

test("a collector that stays away never fills the bus: the flow goes on, and the spans that go are counted", {
  timeout: 40_000,
}, async () => {
  await using at = await flow({
    names: ["a"],
    sensors: ({ target }) => [sensor({ name: "s", on: ["a"], url: `${target}/end` })],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_EXPORTER_OTLP_TIMEOUT: "200" },
    options: { busMaxBytes: 300 * 2 ** 10 },
  });
  const statuses = new Set<number>();
  // twice what the bus holds, in facts alone
  for (let n = 0; n < 600; n++) statuses.add((await send(at.port, "/a", {}, { n })).status);
  expect(statuses).toEqual(new Set([200]));
  await until("all have fired", () => at.target.hits.length === 600);
  expect(await metricOf(at, 'tidemill_spans_dropped_total{reason="collector"}')).toBeGreaterThan(0);
});

test("with an endpoint that is none of a collector the flow goes on, and its end does not wait for it", async () => {
  await using at = await flow({
    names: ["a"],
    sensors: ({ target }) => [sensor({ name: "s", on: ["a"], url: `${target}/end` })],
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_EXPORTER_OTLP_TIMEOUT: "200" },
  });
  for (let n = 0; n < 5; n++) expect((await send(at.port, "/a")).status).toBe(200);
  await until("all have fired", () => at.target.hits.length === 5);
  await until("the export fails", () => at.run.buses.some(({ spans }) => spans?.failing?.includes("ECONNREFUSED")));
  const beganMs = performance.now();
  await at.run.stop();
  expect(performance.now() - beganMs).toBeLessThan(2_000);
});

test("spans that the collector refuses are a counted gap, and those after them go out", async () => {
  await using at = await flow({
    names: ["a"],
    sensors: ({ target }) => [sensor({ name: "s", on: ["a"], url: `${target}/end` })],
  });
  at.collector.answer(400);
  await send(at.port, "/a");
  await settled(at, 1);
  expect(await metricOf(at, 'tidemill_spans_dropped_total{reason="refused"}')).toBe(6);
  at.collector.answer(200);
  await send(at.port, "/a");
  await at.trace(traceId, 6);
  await until("they are counted", async () => (await metricOf(at, "tidemill_spans_exported_total")) === 6);
});

test("of traces that nobody sampled only those with an error are exported, whole; the others are counted", async () => {
  await using at = await flow({
    names: ["good", "bad"],
    sensors: ({ target }) => [
      sensor({ name: "one", on: ["good"], url: `${target}/good` }),
      sensor({ name: "two", on: ["bad"], url: `${target}/bad` }),
    ],
  });
  at.target.answer(({ path }, response) => {
    response.statusCode = path === "/bad" ? 500 : 200;
    response.end();
  });
  await send(at.port, "/good", unsampled("1".repeat(32)));
  await send(at.port, "/bad", unsampled());
  await settled(at, 2);
  expect(tree(at.collector.spans)).toEqual([
    ...["receive bad", "  send default", "    process two"],
    ...["wait post", "POST", "settle post"].map((name) => `      ${name}`),
  ]);
  expect(at.target.hits.map(({ headers }) => placeOf(String(headers.traceparent))?.sampled)).toEqual([false, false]);
  expect(await metricOf(at, 'tidemill_spans_dropped_total{reason="sampled"}')).toBe(6);
});

test("a slow trace is exported though it is not sampled, and what the sampler says of a new trace is handed on", async () => {
  await using at = await flow({
    names: ["a"],
    sensors: ({ target }) => [sensor({ name: "s", on: ["a"], url: `${target}/end` })],
    env: { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" },
    options: { traceSlowMs: 50 },
  });
  await send(at.port, "/a", {});
  await settled(at, 1);
  expect(at.collector.spans).toEqual([]);
  expect(placeOf(String(at.target.hits[0]?.headers.traceparent))?.sampled).toBe(false);
  at.target.answer((_, response) => void setTimeout(() => response.end(), 60));
  const slow = await send(at.port, "/a", {});
  await at.trace(slow.headers.get("tidemill-event-id") ?? "", 6);
  await send(at.port, "/a");
  await at.trace(traceId, 6);
});

test("without an endpoint nothing is read, and the place of an earlier run with one keeps no facts", async () => {
  await using at = await flow({
    names: ["a"],
    sensors: ({ target }) => [sensor({ name: "s", on: ["a"], url: `${target}/end` })],
    env: { OTEL_SDK_DISABLED: "true" },
  });
  await send(at.port, "/a");
  await until("it has fired", () => at.target.hits.length === 1);
  const [bus] = at.run.buses;
  expect(bus?.spans).toBeUndefined();
  await bus?.bus.facts(spanGroup).begin("oldest");
  await enrolExport(bus?.bus as NonNullable<typeof bus>["bus"], false);
  expect(await bus?.bus.facts(spanGroup).place()).toBeUndefined();
  expect(await at.run.metrics.text()).not.toContain("tidemill_spans");
});

test("what an attempt tells of itself is exported before it has ended", async () => {
  let finish = (): void => undefined;
  const slow = defineTrigger<object>({
    ...{
      kind: "log",
      title: "Slow",
      summary: "Takes long.",
      example: "",
      config: object({}, { description: "None." }),
    },
    longRunning: true,
    async fire({ trace, clock }) {
      const nowUs = clock.nowMs() * 1000;
      trace.span({ name: "half", startUs: nowUs, endUs: nowUs });
      await new Promise<void>((resolve) => (finish = resolve));
      return {};
    },
  });
  await using at = await flow({
    names: ["a"],
    sensors: ({ target }) => [
      sensor({ name: "s", on: ["a"], url: target }).replace(/ {8}http:[\s\S]*$/, "        log: {}\n"),
    ],
    options: { triggers: [slow] },
  });
  await send(at.port, "/a");
  const early = await at.trace(traceId, 5);
  expect(early.map(({ name }) => name).toSorted()).toEqual(
    ["half", "process s", "receive a", "send default", "started"].toSorted(),
  );
  finish();
  const spans = await at.trace(traceId, 8);
  expect(orphans(spans)).toEqual([]);
  const attempt = spans.find(({ name }) => name === "log");
  for (const { name, parentSpanId } of spans)
    if (name === "half" || name === "started") expect(parentSpanId).toBe(attempt?.spanId);
});

test("through a queue of AWS too: sent by one sensor, received by another, in the trace of the first event", async () => {
  await using aws = await startStandIn({ queues: ["jobs"], topics: [] });
  const keys = "accessKey: { name: aws, key: id }, secretKey: { name: aws, key: secret }";
  const where = `region: us-east-1, queue: jobs, endpoint: "${aws.endpoint}", ${keys}`;
  await using at = await flow({
    names: ["a"],
    sensors: ({ target }) => [
      `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: queue }
spec: { sqs: { jobs: { ${where}, waitTimeSeconds: 1, jsonBody: true } } }
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: in }
spec:
  dependencies: [{ name: a, eventSourceName: web, eventName: a }]
  triggers:
    - template:
        name: enqueue
        sqs: { ${where}, payload: [{ src: { dependencyName: a, dataKey: body.n }, dest: num }] }
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: out }
spec:
  dependencies: [{ name: job, eventSourceName: queue, eventName: jobs }]
  triggers:
    - template:
        name: work
        http: { url: "${target}/end", payload: [{ src: { dependencyName: job, dataKey: body.num }, dest: num }] }
`,
    ],
    env: { TIDEMILL_SECRET_AWS__ID: "test", TIDEMILL_SECRET_AWS__SECRET: "test" },
  });
  await send(at.port, "/a");
  const spans = await at.trace(traceId, 13);
  expect(orphans(spans)).toEqual([]);
  expect(tree(spans)).toEqual([
    ...["receive a", "  send default", "    process in", "      wait enqueue", "      send enqueue"],
    ...["        queue jobs", "        receive jobs", "          send default", "            process out"],
    ...["              wait work", "              POST", "              settle work", "      settle enqueue"],
  ]);
  const queue = spans.find(({ name }) => name === "queue jobs");
  expect(queue?.endUs).toBe(spans.find(({ name }) => name === "receive jobs")?.startUs);
  expect(spans.find(({ name }) => name === "send enqueue")?.kind).toBe(4);
  expect(spans.find(({ name }) => name === "receive jobs")).toMatchObject({
    kind: 5,
    attributes: { "messaging.system": "aws_sqs", "messaging.system.name": "aws_sqs" },
  });
});
