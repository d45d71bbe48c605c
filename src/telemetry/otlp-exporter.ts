import type { SpanExporter as OfficialExporter, ReadableSpan } from "@opentelemetry/sdk-trace";
import { messageOf } from "../lib/errors.ts";
import type { OtlpOptions, ResourceAttributes } from "./otlp-options.ts";
import { readableSpan } from "./otlp-span.ts";
import type { Span } from "./span.ts";

/** Hands spans to a collector. */
export interface SpanExporter extends AsyncDisposable {
  /** For people: without what is secret. */
  readonly target: string;
  /** Never rejects. */
  export(spans: readonly Span[]): Promise<ExportResult>;
}

/** `again`: it was the collector's or the network's fault; `smaller`: with fewer spans at once. */
export type ExportResult = "taken" | { readonly reason: string; readonly retry: "again" | "smaller" | "never" };

/** The exporters' time-out is for silence: an answer that comes in drops has none. */
const longestTimes = 3;

/** Loads a package that tidemill does not bring, or says how to install it. */
export type LoadSdk = <T>(name: string, load: () => Promise<T>) => Promise<T>;

/**
 * The exporter of a protocol, from the official packages: they make the requests, and repeat those that failed within the
 * time-out. Rejects with SDK_MISSING.
 */
export async function openSpanExporter(
  options: OtlpOptions,
  of: { readonly resource: ResourceAttributes; readonly version: string; readonly sdk: LoadSdk },
): Promise<SpanExporter> {
  const { resourceFromAttributes } = await of.sdk("@opentelemetry/resources", () => import("@opentelemetry/resources"));
  const resource = resourceFromAttributes(of.resource);
  const official = await openOfficial(options, of.sdk);
  const url = new URL(options.url);
  return {
    target: `${url.protocol}//${url.host}${url.pathname}`,
    export: (spans) =>
      new Promise((resolve) => {
        const late = { reason: "no answer in time", retry: "again" } as const;
        const timer = setTimeout(() => resolve(late), longestTimes * options.timeoutMs);
        const told = (result: ExportResult): void => {
          clearTimeout(timer);
          resolve(result);
        };
        try {
          const readable = spans.map((span) => readableSpan(span, resource, of.version));
          official.export(readable, ({ code, error }) => told(code === 0 ? "taken" : failure(error)));
        } catch (error) {
          told({ reason: messageOf(error), retry: "never" });
        }
      }),
    async [Symbol.asyncDispose]() {
      await official.shutdown().catch(() => undefined);
    },
  };
}

async function openOfficial(options: OtlpOptions, sdk: LoadSdk): Promise<OfficialExporter> {
  const { url, headers, timeoutMs: timeoutMillis } = options;
  const gzip = options.compression === "gzip";
  if (options.protocol === "grpc") {
    const { OTLPTraceExporter, Metadata, Compression } = await sdk(
      "@opentelemetry/exporter-trace-otlp-grpc",
      async () => {
        const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-grpc");
        const { Metadata } = await import("@grpc/grpc-js");
        const { CompressionAlgorithm } = await import("@opentelemetry/otlp-exporter-base");
        return { OTLPTraceExporter, Metadata, Compression: CompressionAlgorithm };
      },
    );
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const compression = gzip ? Compression.GZIP : Compression.NONE;
    return new OTLPTraceExporter({ url, metadata, timeoutMillis, compression });
  }
  const http = { url, headers, timeoutMillis, concurrencyLimit: 64 };
  return sdk("@opentelemetry/exporter-trace-otlp-http", async () => {
    const { CompressionAlgorithm, OTLPExporterBase } = await import("@opentelemetry/otlp-exporter-base");
    const config = { ...http, compression: gzip ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE };
    if (options.protocol === "http/json") {
      const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
      return new OTLPTraceExporter(config);
    }
    // as @opentelemetry/exporter-trace-otlp-proto does it, of the parts that the http exporter brings anyway
    const { convertLegacyHttpOptions, createOtlpHttpExportDelegate } = await import(
      "@opentelemetry/otlp-exporter-base/node-http"
    );
    const { ProtobufTraceSerializer, TraceExporterMetricsHelper } = await import("@opentelemetry/otlp-transformer");
    const settings = convertLegacyHttpOptions(config, "TRACES", "v1/traces", {
      "Content-Type": "application/x-protobuf",
    });
    const delegate = createOtlpHttpExportDelegate(
      settings,
      ProtobufTraceSerializer,
      "otlp_http_span_exporter",
      TraceExporterMetricsHelper,
      undefined,
    );
    return new OTLPExporterBase<ReadableSpan[]>(delegate);
  });
}

/** What a collector will not take however often it is sent: HTTP statuses and gRPC codes of bad or too large requests. */
const never: ReadonlySet<unknown> = new Set([400, 415, 422, 3, 11]);
const tooLarge = 413;
const grpcExhausted = 8;

/** What a collector answered with: an HTTP status or a gRPC code; undefined where it did not. */
export function answerCode(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

function failure(error: unknown): ExportResult {
  const code = answerCode(error);
  const said = messageOf(error ?? "no reason given");
  const reason = typeof code === "number" && code >= 100 ? `HTTP ${code} ${said}`.trim() : said;
  if (code === tooLarge || (code === grpcExhausted && /larger than max/i.test(said)))
    return { reason, retry: "smaller" };
  return { reason, retry: never.has(code) ? "never" : "again" };
}
