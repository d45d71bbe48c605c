import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithServer } from "../../../test/servers/describe.ts";
import { type OpensearchServer, startOpensearch } from "../../../test/servers/opensearch.ts";
import { until } from "../../../test/until.ts";
import { systemClock } from "../../lib/clock.ts";
import { type Log, silentLog } from "../../lib/log.ts";
import type { Span } from "../span.ts";
import { openElasticStore } from "./elastic-store.ts";
import type { LogLine, LogStore } from "./log-store.ts";
import { openOtlpLogStore } from "./otlp-store.ts";
import { LogShipper } from "./shipper.ts";
import { lineOfSpan } from "./span-line.ts";

const index = "logs-tidemill-test";
const forever = new AbortController().signal;

function openStore(url: string, log: Log = silentLog): Promise<LogStore> {
  const load = () => import("@opensearch-project/opensearch");
  return openElasticStore({ url, index, clock: systemClock, random: () => 0, log, load });
}

/** Warnings alone. */
function listening(): Log & { readonly said: string[] } {
  const said: string[] = [];
  return { ...silentLog, said, warn: (fields, message) => said.push(`${message} ${JSON.stringify(fields)}`) };
}

const at = "2026-01-05T09:00:00.000Z";

function line(n: number, more: object = {}): LogLine {
  return { id: `line-${n}`, json: JSON.stringify({ "@timestamp": at, message: `line ${n}`, ...more }) };
}

describeWithServer("opensearch", () => {
  let server: OpensearchServer;

  beforeAll(async () => {
    server = await startOpensearch();
  }, 90_000);
  afterAll(() => server?.[Symbol.asyncDispose]());

  const count = async (): Promise<number> => {
    await server.ask("POST", `/${index}/_refresh`);
    return (await server.ask("GET", `/${index}/_count`)).count;
  };

  it("a store makes the data stream by its template, and keeps each line once, however often it is put", async () => {
    await using store = await openStore(server.url);
    const lines = Array.from({ length: 200 }, (_, n) => line(n));
    await store.put(lines, forever);
    await store.put(lines.slice(50, 150), forever);
    expect(await count()).toBe(200);
    const { data_streams: streams } = await server.ask("GET", `/_data_stream/${index}`);
    expect(streams[0]).toMatchObject({ name: index, template: "tidemill-logs" });
    expect(store.failing).toBeUndefined();
  }, 30_000);

  it("a line that can never be indexed is counted and told, and takes no other with it", async () => {
    const log = listening();
    await using store = await openStore(server.url, log);
    const before = await count();
    await store.put([line(1_000), { id: "bad", json: '{"message":"no time"}' }, line(1_001)], forever);
    expect(await count()).toBe(before + 2);
    expect(store.refused).toBe(1);
    expect(log.said[0]).toContain("the log store refuses a line for good");
  }, 30_000);

  it("a store that is killed in the middle has every line once it is back", async () => {
    const log = listening();
    await using store = await openStore(server.url, log);
    const before = await count();
    const put = async (from: number): Promise<void> => {
      for (let n = from; n < from + 1_000; n += 100)
        await store.put(
          Array.from({ length: 100 }, (_, i) => line(10_000 + n + i)),
          forever,
        );
    };
    await put(0);
    await server.kill();
    const later = put(1_000);
    await until("the store fails", () => store.failing !== undefined);
    await server.start();
    await later;
    expect(await count()).toBe(before + 2_000);
    expect(log.said.join()).toContain("the log store does not take lines; they wait");
  }, 90_000);

  it("the process's own lines go there by the shipper, and none is lost over an outage", async () => {
    await using store = await openStore(server.url);
    const before = await count();
    const shipper = new LogShipper({ store, clock: systemClock });
    const stop = new AbortController();
    const running = shipper.run({ stop: stop.signal, hard: forever });
    await server.kill();
    for (let n = 0; n < 3_000; n++) shipper.write(`{"@timestamp":"${at}","message":"own ${n}"}\n`);
    await until("the store fails", () => store.failing !== undefined);
    await server.start();
    stop.abort();
    await running;
    expect(await count()).toBe(before + 3_000);
    expect(shipper.dropped).toBe(0);
  }, 90_000);
});

describe("a store that is busy", () => {
  it("is asked again for the lines that it put off, and for no other", async () => {
    const asked: string[][] = [];
    const answers = [[201, 429, 503, 201], [201, 429], [201]];
    await using server = await listen((path, body) => {
      if (!path.includes("_bulk")) return { status: 200, body: {} };
      asked.push(body.split("\n").flatMap((text) => /"message":"(line \d)"/.exec(text)?.[1] ?? []));
      const items = (answers.shift() ?? []).map((status) => ({ create: { status } }));
      return { status: 200, body: { errors: items.some(({ create }) => create.status > 299), items } };
    });
    await using store = await openStore(server.url);
    await store.put(
      [1, 2, 3, 4].map((n) => line(n)),
      forever,
    );
    expect(asked).toEqual([["line 1", "line 2", "line 3", "line 4"], ["line 2", "line 3"], ["line 3"]]);
  });

  it("that does not let us make the template is written to all the same, and the missing right is told", async () => {
    const log = listening();
    await using server = await listen((path) => {
      if (path.includes("_bulk")) return { status: 200, body: { errors: false, items: [{ create: { status: 201 } }] } };
      return { status: path.includes("HEAD") ? 404 : 403, body: { error: "security_exception" } };
    });
    await using store = await openStore(server.url, log);
    await store.put([line(1)], forever);
    expect(log.said[0]).toContain("the index template is missing and may not be made");
  });

  it("stops being asked when the signal aborts, with its reason", async () => {
    await using server = await listen(() => ({ status: 503, body: {} }));
    await using store = await openStore(server.url);
    const stop = new AbortController();
    const put = store.put([line(1)], stop.signal);
    await until("the store fails", () => store.failing !== undefined);
    stop.abort(new Error("enough"));
    await expect(put).rejects.toThrow("enough");
  });
});

interface Answer {
  readonly status: number;
  readonly body: object;
}

/** A server that answers what it is told to; the path begins with the method. */
async function listen(
  answer: (path: string, body: string) => Answer,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { status, body } = answer(`${request.method} ${request.url}`, Buffer.concat(chunks).toString());
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

describe("a collector that takes logs by OTLP", () => {
  const record = { "@timestamp": "2026-01-05T09:00:00.001500Z", "log.level": "warn", message: "careful" };
  const json = JSON.stringify({
    ...record,
    trace: { id: "a".repeat(32) },
    span: { id: "b".repeat(16) },
    labels: { sensor: "s" },
  });
  const openOtlp = (url: string, log: Log = silentLog): Promise<LogStore> =>
    openOtlpLogStore({
      options: { url, protocol: "http/json", headers: { "x-tenant": "t" }, timeoutMs: 2_000, compression: "none" },
      resource: { "service.name": "tidemill" },
      version: "1",
      sdk: (_, load) => load(),
      clock: systemClock,
      random: () => 0,
      log,
    });

  it("gets each line in OpenTelemetry's own terms", async () => {
    const got: string[] = [];
    await using server = await listen((path, body) => {
      got.push(path, body);
      return { status: 200, body: {} };
    });
    await using store = await openOtlp(`${server.url}/v1/logs`);
    await store.put([{ json }], forever);
    expect(got[0]).toBe("POST /v1/logs");
    const [sent] = JSON.parse(got[1] ?? "").resourceLogs;
    expect(sent.resource.attributes).toContainEqual({ key: "service.name", value: { stringValue: "tidemill" } });
    expect(sent.scopeLogs[0].logRecords[0]).toMatchObject({
      timeUnixNano: "1767603600001500000",
      severityText: "WARN",
      severityNumber: 13,
      body: { stringValue: "careful" },
      traceId: "a".repeat(32),
      spanId: "b".repeat(16),
      attributes: [{ key: "labels.sensor", value: { stringValue: "s" } }],
    });
  });

  it("is asked again while it is away, and not again for what it will never take", async () => {
    const log = listening();
    const statuses = [503, 429, 200, 400];
    await using server = await listen(() => ({ status: statuses.shift() ?? 200, body: {} }));
    await using store = await openOtlp(`${server.url}/v1/logs`, log);
    await store.put([{ json }], forever);
    await store.put([{ json }, { json }], forever);
    expect(store.refused).toBe(2);
    expect(log.said.join()).toContain("refuses log lines for good");
    expect(statuses).toEqual([]);
  }, 30_000);
});

describe("the shipper", () => {
  it("drops the oldest lines when more wait than it may keep, and counts them", async () => {
    const put: string[] = [];
    const store: LogStore = {
      refused: 0,
      failing: undefined,
      put: async (lines) => void put.push(...lines.map(({ json }) => json)),
      [Symbol.asyncDispose]: async () => undefined,
    };
    const shipper = new LogShipper({ store, clock: systemClock, maxWaiting: 20 });
    for (const text of ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"]) shipper.write(text);
    const stop = new AbortController();
    stop.abort();
    await shipper.run({ stop: stop.signal, hard: forever });
    expect(put).toEqual(["bbbbbbbbbb", "cccccccccc"]);
    expect(shipper.dropped).toBe(1);
  });
});

describe("a span", () => {
  const span: Span = {
    traceId: "a".repeat(32),
    spanId: "b".repeat(16),
    parentId: "c".repeat(16),
    name: "process orders",
    kind: "consumer",
    startUs: 1_767_603_600_000_250,
    endUs: 1_767_603_600_001_500,
    error: "503 from the target",
    attributes: { "tidemill.sensor": "orders", "messaging.message.id": "e1", "error.type": "TM4001" },
  };

  it("is a line of ECS with the ids of its trace and event", () => {
    const { id, json } = lineOfSpan(span, { name: "tidemill", version: "1" }) ?? { id: "", json: "{}" };
    expect(id).toBe(`${span.traceId}-${span.spanId}`);
    expect(JSON.parse(json)).toMatchObject({
      "@timestamp": "2026-01-05T09:00:00.001500Z",
      "log.level": "error",
      message: "process orders: 503 from the target",
      event: { id: "e1", outcome: "failure", duration: 1_250_000 },
      trace: { id: span.traceId },
      span: { id: span.spanId },
      labels: { sensor: "orders", messaging_message_id: "e1" },
      error: { message: "503 from the target", code: "TM4001" },
    });
  });

  it("that only waited is no line", () => {
    expect(lineOfSpan({ ...span, name: "wait act" }, { name: "tidemill", version: "1" })).toBeUndefined();
  });
});

it("the index template in deploy/ is the one that is made", async () => {
  const { indexTemplate } = await import("./template.ts");
  const file = new URL("../../../deploy/elastic/index-template.json", import.meta.url);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(indexTemplate("logs-tidemill-*"));
});
