import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import {
  Server as GrpcServer,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { decodeTraces } from "./otel-protobuf.ts";

/** One span as it reached the receiver. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty at a root. */
  readonly parentSpanId: string;
  readonly name: string;
  /** OTLP's number: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly startUs: number;
  readonly endUs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 2: error. */
  readonly status: { readonly code: number; readonly message: string };
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly resource: Readonly<Record<string, unknown>>;
  readonly schemaUrl: string;
}

export interface OtelReceiver extends AsyncDisposable {
  /** `OTEL_EXPORTER_OTLP_ENDPOINT` for the HTTP protocols. */
  readonly url: string;
  /** And for gRPC. */
  readonly grpcUrl: string;
  /** All that came, in order; the same span again where it was sent again. */
  readonly spans: readonly ReceivedSpan[];
  /** What came with each request: its path (or gRPC), content type and headers. */
  readonly requests: readonly OtelRequest[];
  /** How many spans each request had. */
  readonly sizes: readonly number[];
  /** Answers requests with this status from now on, and keeps nothing of them; 200 takes them again. */
  answer(status: number): void;
  /** Refuses connections, as when it is away. */
  stop(): Promise<void>;
  /** On the same ports, with what it has. */
  start(): Promise<void>;
}

export interface OtelRequest {
  readonly path: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** A collector of the tests' own: OTLP traces by HTTP (JSON and protobuf) and gRPC, decoded without the exporters' code. */
export async function startOtelReceiver(): Promise<OtelReceiver> {
  const spans: ReceivedSpan[] = [];
  const requests: OtelRequest[] = [];
  const sizes: number[] = [];
  let told = 200;
  const take = (request: OtelRequest, found: readonly ReceivedSpan[]): void => {
    requests.push(request);
    if (told !== 200) return;
    spans.push(...found);
    sizes.push(found.length);
  };
  const http = (): Server =>
    createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = bodyOf(Buffer.concat(chunks), request.headers);
      const contentType = String(request.headers["content-type"]);
      const json = contentType === "application/json";
      const found = json ? fromJson(JSON.parse(body.toString())) : decodeTraces(body);
      take({ path: request.url ?? "", contentType, headers: request.headers }, found);
      response.statusCode = told;
      response.setHeader("content-type", contentType);
      response.end(json ? "{}" : "");
    });
  const grpc = (): GrpcServer => {
    const server = new GrpcServer({ "grpc.max_receive_message_length": 64 * 2 ** 20 });
    server.addService(traceService, {
      Export(call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
        const headers = call.metadata.getMap();
        take({ path: "gRPC", contentType: "application/grpc", headers }, decodeTraces(call.request));
        if (told === 200) answer(null, Buffer.alloc(0));
        else answer({ code: told === 400 ? status.INVALID_ARGUMENT : status.UNAVAILABLE, details: `told ${told}` });
      },
    });
    return server;
  };
  let running = { http: http(), grpc: grpc() };
  const port = await listen(running.http, 0);
  const grpcPort = await bind(running.grpc, 0);
  const stop = async (): Promise<void> => {
    running.grpc.forceShutdown();
    running.http.closeAllConnections();
    if (running.http.listening) await new Promise((closed) => running.http.close(closed));
  };
  return {
    url: `http://127.0.0.1:${port}`,
    grpcUrl: `http://127.0.0.1:${grpcPort}`,
    spans,
    requests,
    sizes,
    answer: (next) => {
      told = next;
    },
    stop,
    async start() {
      running = { http: http(), grpc: grpc() };
      await listen(running.http, port);
      await bind(running.grpc, grpcPort);
    },
    [Symbol.asyncDispose]: stop,
  };
}

const bytes = (value: Buffer): Buffer => value;

const traceService: ServiceDefinition = {
  Export: {
    path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
};

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function bind(server: GrpcServer, port: number): Promise<number> {
  return new Promise((bound, failed) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, at) =>
      error === null ? bound(at) : failed(error),
    );
  });
}

function bodyOf(body: Buffer, headers: IncomingHttpHeaders): Buffer {
  return headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
}

interface JsonSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly JsonAttribute[];
  readonly status?: { readonly code?: number; readonly message?: string };
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}

interface JsonAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface JsonTraces {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes?: readonly JsonAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly JsonSpan[]; readonly schemaUrl?: string }[];
  }[];
}

function fromJson({ resourceSpans }: JsonTraces): readonly ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans, schemaUrl = "" }) =>
      spans.map(
        (span): ReceivedSpan => ({
          ...{ traceId: span.traceId, spanId: span.spanId, parentSpanId: span.parentSpanId ?? "" },
          ...{ name: span.name, kind: span.kind },
          startUs: Number(BigInt(span.startTimeUnixNano) / 1000n),
          endUs: Number(BigInt(span.endTimeUnixNano) / 1000n),
          attributes: attributesOf(span.attributes),
          status: { code: span.status?.code ?? 0, message: span.status?.message ?? "" },
          links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
          resource: attributesOf(resource?.attributes),
          schemaUrl,
        }),
      ),
    ),
  );
}

/** Whole numbers are strings in OTLP's JSON, and sometimes numbers. */
function attributesOf(attributes: readonly JsonAttribute[] = []): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      "intValue" in value ? Number(value.intValue) : (value.stringValue ?? value.boolValue ?? value.doubleValue),
    ]),
  );
}
