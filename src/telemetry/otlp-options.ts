import { TideError } from "../lib/errors.ts";
import type { Redactor } from "./redact.ts";

export type OtlpProtocol = "grpc" | "http/protobuf" | "http/json";

/** Where one signal is exported to, as the OpenTelemetry exporter specification reads it from the environment. */
export interface OtlpOptions {
  /** Whole: with the signal's path for HTTP. */
  readonly url: string;
  readonly protocol: OtlpProtocol;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly compression: "gzip" | "none";
}

/** What describes this process in all that it exports. */
export type ResourceAttributes = Readonly<Record<string, string>>;

export type Env = Readonly<Record<string, string | undefined>>;

const protocols: readonly string[] = ["grpc", "http/protobuf", "http/json"] satisfies readonly OtlpProtocol[];

/**
 * Where a signal goes: undefined where no endpoint is set, or exporting is turned off (`OTEL_SDK_DISABLED`,
 * `OTEL_<SIGNAL>_EXPORTER=none`). The variable of the signal wins over the common one. Certificates are read by the
 * exporters from their variables. Rejects with OTLP_OPTIONS_BAD. Headers are secrets, and the redactor is told so.
 */
export function otlpOptions(signal: "TRACES" | "LOGS", env: Env, redactor: Redactor): OtlpOptions | undefined {
  if (isTrue(env.OTEL_SDK_DISABLED)) return undefined;
  if (!exporters(env[`OTEL_${signal}_EXPORTER`]).includes("otlp")) return undefined;
  const own = textOf(env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]);
  const common = textOf(env.OTEL_EXPORTER_OTLP_ENDPOINT);
  const endpoint = own ?? common;
  if (endpoint === undefined) return undefined;
  const name = own === undefined ? "OTEL_EXPORTER_OTLP_ENDPOINT" : `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`;
  const of = (what: string): string | undefined =>
    textOf(env[`OTEL_EXPORTER_OTLP_${signal}_${what}`]) ?? textOf(env[`OTEL_EXPORTER_OTLP_${what}`]);
  const protocol = of("PROTOCOL") ?? "http/protobuf";
  if (!isProtocol(protocol))
    throw bad(`OTEL_EXPORTER_OTLP_PROTOCOL is ${JSON.stringify(protocol)}; write one of ${protocols.join(", ")}`);
  const url = urlOf(endpoint, name);
  // what stands before the host is a password
  redactor.add(decodeURIComponent(url.password));
  const timeoutMs = Number(of("TIMEOUT") ?? 10_000);
  if (!(timeoutMs > 0 && timeoutMs < 2 ** 31))
    throw bad("OTEL_EXPORTER_OTLP_TIMEOUT is no number of milliseconds above 0");
  const compression = of("COMPRESSION") ?? "none";
  if (compression !== "none" && compression !== "gzip")
    throw bad(`OTEL_EXPORTER_OTLP_COMPRESSION is ${JSON.stringify(compression)}; write none or gzip`);
  const headers = { ...pairs(env.OTEL_EXPORTER_OTLP_HEADERS), ...pairs(env[`OTEL_EXPORTER_OTLP_${signal}_HEADERS`]) };
  for (const value of Object.values(headers)) redactor.add(value);
  const path = signal === "TRACES" ? "v1/traces" : "v1/logs";
  const whole = protocol === "grpc" || own !== undefined ? url.href : `${url.href.replace(/\/$/, "")}/${path}`;
  return { url: whole, protocol, headers, timeoutMs, compression };
}

/** `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`, which wins, over what is known here. */
export function resourceAttributes(
  env: Env,
  known: { readonly version: string; readonly host: string },
): ResourceAttributes {
  const service = textOf(env.OTEL_SERVICE_NAME);
  return {
    "service.name": "tidemill",
    ...(known.version === "" ? {} : { "service.version": known.version }),
    "host.name": known.host,
    ...pairs(env.OTEL_RESOURCE_ATTRIBUTES),
    ...(service === undefined ? {} : { "service.name": service }),
  };
}

/** `a=1,b=2`, percent-encoded as in W3C Baggage; what is damaged is left out. */
function pairs(text: string | undefined): Record<string, string> {
  const found: [string, string][] = [];
  for (const part of (text ?? "").split(",")) {
    const at = part.indexOf("=");
    const name = at < 0 ? "" : part.slice(0, at).trim();
    if (name !== "") found.push([decoded(name), decoded(part.slice(at + 1).trim())]);
  }
  return Object.fromEntries(found);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function urlOf(endpoint: string, name: string): URL {
  // grpc endpoints are also written as HOST:PORT
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(endpoint) ? endpoint : `http://${endpoint}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw bad(`${name} is no http or https URL`);
  return url;
}

function isProtocol(text: string): text is OtlpProtocol {
  return protocols.includes(text);
}

function exporters(text: string | undefined): readonly string[] {
  return (textOf(text) ?? "otlp").split(",").map((one) => one.trim());
}

/** An empty variable is one that is not set. */
export function textOf(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === "" ? undefined : trimmed;
}

function isTrue(text: string | undefined): boolean {
  return text?.trim().toLowerCase() === "true";
}

function bad(message: string): TideError {
  return new TideError("OTLP_OPTIONS_BAD", message);
}
