import type { HrTime, SpanContext } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { LogRecordExporter, ReadableLogRecord } from "@opentelemetry/sdk-logs";
import { abortable } from "../../lib/abort.ts";
import { backoffMs } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";
import type { Log } from "../../lib/log.ts";
import { createFold } from "../fold.ts";
import { answerCode, type LoadSdk } from "../otlp-exporter.ts";
import type { OtlpOptions, ResourceAttributes } from "../otlp-options.ts";
import type { LogLine, LogStore } from "./log-store.ts";

export interface OtlpLogOptions {
  readonly options: OtlpOptions;
  readonly resource: ResourceAttributes;
  readonly version: string;
  readonly sdk: LoadSdk;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

const backoff = { baseMs: 500, factor: 2, maxMs: 15_000 };

/** A collector that takes logs by OTLP. The official exporters make the requests. Rejects with SDK_MISSING. */
export async function openOtlpLogStore(given: OtlpLogOptions): Promise<LogStore> {
  const { resourceFromAttributes } = await given.sdk(
    "@opentelemetry/resources",
    () => import("@opentelemetry/resources"),
  );
  const resource = resourceFromAttributes(given.resource);
  return new OtlpLogStore(await openExporter(given), resource, given);
}

async function openExporter({ options, sdk }: OtlpLogOptions): Promise<LogRecordExporter> {
  const { url, headers, timeoutMs: timeoutMillis } = options;
  if (options.protocol === "grpc") {
    return sdk("@opentelemetry/exporter-logs-otlp-grpc", async () => {
      const { OTLPLogExporter } = await import("@opentelemetry/exporter-logs-otlp-grpc");
      const { Metadata } = await import("@grpc/grpc-js");
      const metadata = new Metadata();
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
      return new OTLPLogExporter({ url, metadata, timeoutMillis });
    });
  }
  return sdk("@opentelemetry/exporter-logs-otlp-http", async () => {
    const { OTLPLogExporter } = await import("@opentelemetry/exporter-logs-otlp-http");
    return new OTLPLogExporter({ url, headers, timeoutMillis });
  });
}

class OtlpLogStore implements LogStore {
  readonly #exporter: LogRecordExporter;
  /** The same objects for all records: the exporter puts together what has them. */
  readonly #about: Pick<ReadableLogRecord, "resource" | "instrumentationScope">;
  readonly #given: OtlpLogOptions;
  readonly #fold: ReturnType<typeof createFold>;
  refused = 0;
  failing: string | undefined;

  constructor(exporter: LogRecordExporter, resource: Resource, given: OtlpLogOptions) {
    this.#exporter = exporter;
    this.#about = { resource, instrumentationScope: { name: "tidemill", version: given.version } };
    this.#given = given;
    this.#fold = createFold(given.log, given.clock);
  }

  async put(lines: readonly LogLine[], signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#given;
    const records = lines.map(({ json }) => recordOf(json, this.#about));
    for (let failures = 1; ; failures++) {
      signal.throwIfAborted();
      const error = await abortable(this.#export(records), signal);
      if (error === undefined) break;
      if (neverTaken.has(answerCode(error))) {
        this.refused += lines.length;
        const fields = { error: messageOf(error), lines: lines.length };
        this.#fold("refused", fields, "the collector refuses log lines for good");
        break;
      }
      this.failing = messageOf(error);
      const retryInMs = Math.round(backoffMs(backoff, failures, random()));
      const fields = { error: this.failing, retryInMs };
      this.#fold(`logs ${this.failing}`, fields, "the collector takes no log lines; they wait");
      await clock.sleep(retryInMs, signal);
    }
    this.failing = undefined;
  }

  #export(records: ReadableLogRecord[]): Promise<unknown> {
    return new Promise((resolve) => {
      this.#exporter.export(records, ({ code, error }) =>
        resolve(code === 0 ? undefined : (error ?? "no reason given")),
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exporter.shutdown().catch(() => undefined);
  }
}

/** HTTP statuses and gRPC codes of requests that are bad however often they are sent. */
const neverTaken: ReadonlySet<unknown> = new Set([400, 404, 415, 422, 3, 12]);

/** The severities of OpenTelemetry for pino's levels. */
const severities: Readonly<Record<string, number>> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 };

interface Line {
  readonly "@timestamp"?: string;
  readonly "log.level"?: string;
  readonly message?: string;
  readonly trace?: { readonly id?: string };
  readonly span?: { readonly id?: string };
  readonly [name: string]: unknown;
}

/** A line of ECS in the data model of OpenTelemetry: what it has no field for becomes an attribute under its ECS name. */
function recordOf(
  json: string,
  about: Pick<ReadableLogRecord, "resource" | "instrumentationScope">,
): ReadableLogRecord {
  const line = JSON.parse(json) as Line;
  const { "@timestamp": at, "log.level": level = "info", message, trace, span, ...rest } = line;
  const time = hrTime(at);
  const context: SpanContext | undefined =
    trace?.id === undefined || span?.id === undefined
      ? undefined
      : { traceId: trace.id, spanId: span.id, traceFlags: 1 };
  return {
    hrTime: time,
    hrTimeObserved: time,
    ...(context === undefined ? {} : { spanContext: context }),
    severityText: level.toUpperCase(),
    severityNumber: severities[level] ?? 0,
    body: message ?? "",
    ...about,
    attributes: attributesOf(rest),
    droppedAttributesCount: 0,
  };
}

/** What the resource says of all lines already. */
const ofTheProcess: ReadonlySet<string> = new Set(["service", "ecs.version", "process", "host"]);

function attributesOf(fields: object, prefix = ""): Record<string, string | number | boolean> {
  const flat: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (prefix === "" && ofTheProcess.has(name)) continue;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      flat[prefix + name] = value;
    else if (Array.isArray(value)) flat[prefix + name] = JSON.stringify(value);
    else if (isRecord(value)) Object.assign(flat, attributesOf(value, `${prefix}${name}.`));
  }
  return flat;
}

/** Of an RFC 3339 time with up to microseconds; now, where there is none. */
function hrTime(text = new Date().toISOString()): HrTime {
  const [, fraction = "0"] = /\.(\d+)/.exec(text) ?? [];
  const seconds = Math.floor(Date.parse(text) / 1000);
  return [seconds, Number(fraction.padEnd(9, "0").slice(0, 9))];
}
