import { describe, expect, test } from "vitest";
import { type OtelReceiver, startOtelReceiver } from "../../test/servers/otel-receiver.ts";
import { openSpanExporter, type SpanExporter } from "./otlp-exporter.ts";
import { type OtlpProtocol, otlpOptions, resourceAttributes } from "./otlp-options.ts";
import { createRedactor } from "./redact.ts";
import type { Span } from "./span.ts";

const span: Span = {
  ...{ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", parentId: "00f067aa0ba902b7" },
  ...{ name: "POST", kind: "client", startUs: 1_767_000_000_123_456, endUs: 1_767_000_001_123_457 },
  error: "HTTP 503",
  attributes: { text: "ü \u{1F600}", whole: 2 ** 40, negative: -3, share: 0.25, yes: true },
  links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16), attributes: { a: "b" } }],
};

const received = {
  ...{ traceId: span.traceId, spanId: span.spanId, parentSpanId: span.parentId, name: "POST", kind: 3 },
  ...{ startUs: span.startUs, endUs: span.endUs, attributes: span.attributes },
  status: { code: 2, message: "HTTP 503" },
  links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16) }],
  resource: expect.objectContaining({ "service.name": "jobs", "deployment.environment.name": "test" }),
  schemaUrl: expect.stringMatching(/^https:\/\/opentelemetry\.io\/schemas\/1\.\d+\.0$/),
};

const sdk = <T>(_: string, load: () => Promise<T>): Promise<T> => load();

async function exporterOf(env: Readonly<Record<string, string>>): Promise<SpanExporter> {
  const options = otlpOptions("TRACES", env, createRedactor());
  if (options === undefined) throw new Error("nothing is exported");
  const resource = resourceAttributes(
    { OTEL_SERVICE_NAME: "jobs", OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,service.name=other" },
    { version: "1.2.3", host: "here" },
  );
  return openSpanExporter(options, { resource, version: "1.2.3", sdk });
}

const endpoint = (receiver: OtelReceiver, protocol: OtlpProtocol): Readonly<Record<string, string>> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: protocol === "grpc" ? receiver.grpcUrl : receiver.url,
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_TIMEOUT: "2000",
});

describe.each(["http/protobuf", "http/json", "grpc"] as const)("exported by %s", (protocol) => {
  test("a span arrives whole, with the headers of the environment", async () => {
    await using receiver = await startOtelReceiver();
    const headers = { OTEL_EXPORTER_OTLP_HEADERS: "x-key=abc%20def", OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" };
    await using exporter = await exporterOf({ ...endpoint(receiver, protocol), ...headers });
    expect(await exporter.export([span])).toBe("taken");
    expect(receiver.spans).toEqual([received]);
    const [request] = receiver.requests;
    expect(request?.headers["x-key"]).toBe("abc def");
    expect(request?.path).toBe(protocol === "grpc" ? "gRPC" : "/v1/traces");
  });

  test("a root has no parent, and a span without an error no status", async () => {
    await using receiver = await startOtelReceiver();
    await using exporter = await exporterOf(endpoint(receiver, protocol));
    const { error: _error, parentId: _parent, links: _links, ...root } = span;
    expect(await exporter.export([root])).toBe("taken");
    expect(receiver.spans[0]).toMatchObject({ parentSpanId: "", status: { code: 0, message: "" }, links: [] });
  });

  test("what the collector does not understand is not sent again, what it cannot take now is", async () => {
    await using receiver = await startOtelReceiver();
    await using exporter = await exporterOf(endpoint(receiver, protocol));
    receiver.answer(400);
    expect(await exporter.export([span])).toMatchObject({ retry: "never" });
    receiver.answer(500);
    expect(await exporter.export([span])).toMatchObject({ retry: "again" });
    receiver.answer(200);
    expect(await exporter.export([span])).toBe("taken");
  });

  test("a collector that is not there is one to try again, and says why without the password", async () => {
    const env = endpoint(
      { url: "http://me:secret@127.0.0.1:1", grpcUrl: "http://127.0.0.1:1" } as OtelReceiver,
      protocol,
    );
    await using exporter = await exporterOf({ ...env, OTEL_EXPORTER_OTLP_TIMEOUT: "300" });
    const told = await exporter.export([span]);
    expect(told).toMatchObject({ retry: "again", reason: expect.stringMatching(/ECONNREFUSED|deadline/i) });
    expect(JSON.stringify([told, exporter.target])).not.toContain("secret");
  });
});

describe("the variables of OpenTelemetry", () => {
  const of = (env: Readonly<Record<string, string>>) => otlpOptions("TRACES", env, createRedactor());

  test("without an endpoint, or with exporting off, nothing is exported", () => {
    const there = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" };
    expect(of({})).toBeUndefined();
    expect(of({ OTEL_EXPORTER_OTLP_ENDPOINT: "" })).toBeUndefined();
    expect(of({ ...there, OTEL_SDK_DISABLED: "TRUE" })).toBeUndefined();
    expect(of({ ...there, OTEL_TRACES_EXPORTER: "none" })).toBeUndefined();
    expect(of({ ...there, OTEL_TRACES_EXPORTER: "console, otlp" })?.url).toBe("http://c:4318/v1/traces");
  });

  test("those of the signal win, and their endpoint is taken as it is", () => {
    const options = of({
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://common:4318/",
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://own/x",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_HEADERS: "a=1,b=2",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "b=3",
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "2500",
    });
    expect(options).toEqual({
      ...{ url: "https://own/x", protocol: "http/json", headers: { a: "1", b: "3" } },
      ...{ timeoutMs: 2500, compression: "none" },
    });
  });

  test("paths of the common endpoint are kept, and gRPC may do without a scheme", () => {
    expect(of({ OTEL_EXPORTER_OTLP_ENDPOINT: "https://c/otlp" })?.url).toBe("https://c/otlp/v1/traces");
    expect(of({ OTEL_EXPORTER_OTLP_ENDPOINT: "c:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" })?.url).toBe(
      "http://c:4317/",
    );
  });

  test.each([
    ["ENDPOINT", "ftp://c", /ENDPOINT is no http or https URL/],
    ["PROTOCOL", "http", /PROTOCOL is "http"; write one of grpc, http\/protobuf, http\/json/],
    ["TIMEOUT", "10s", /TIMEOUT/],
    ["COMPRESSION", "zstd", /COMPRESSION/],
  ])("a bad %s is refused by its name, and nothing of its value that could be secret", (name, value, message) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318", [`OTEL_EXPORTER_OTLP_${name}`]: value };
    expect(() => of(env)).toThrow(message);
  });

  test("headers and passwords are known to the redactor", () => {
    const redactor = createRedactor();
    otlpOptions(
      "TRACES",
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://me:pass%20word@c",
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abcdef",
      },
      redactor,
    );
    expect(redactor.clean("it said Bearer abcdef to pass word")).toBe("it said *** to ***");
  });

  test("damaged pairs are left out, and a name of the prototype is data", () => {
    const attributes = resourceAttributes(
      { OTEL_RESOURCE_ATTRIBUTES: "a=1,b,=3,__proto__=x,c=%zz" },
      { version: "", host: "h" },
    );
    expect(Object.getPrototypeOf(attributes)).toBe(Object.prototype);
    expect(Object.entries(attributes)).toEqual([
      ["service.name", "tidemill"],
      ["host.name", "h"],
      ["a", "1"],
      ["__proto__", "x"],
      ["c", "%zz"],
    ]);
  });
});
