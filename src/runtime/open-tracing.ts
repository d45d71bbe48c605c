import { hostname } from "node:os";
import { openSpanExporter } from "../telemetry/otlp-exporter.ts";
import { type Env, otlpOptions, resourceAttributes } from "../telemetry/otlp-options.ts";
import type { Redactor } from "../telemetry/redact.ts";
import { samplerOf } from "../telemetry/sampling-options.ts";
import type { Tracing } from "./export-spans.ts";
import { loadSdk } from "./sdk.ts";

/** Unless it is said otherwise, a trace with a span of this length is kept even if it is not sampled. */
export const defaultSlowMs = 1_000;

/**
 * How traces are exported, by the environment: undefined where no endpoint is set or nothing is sampled. Throws
 * OTLP_OPTIONS_BAD; the opening rejects with SDK_MISSING.
 */
export function tracingOf(
  env: Env,
  of: { readonly version: string; readonly redactor: Redactor; readonly slowMs: number | undefined },
): (() => Promise<Tracing & AsyncDisposable>) | undefined {
  const options = otlpOptions("TRACES", env, of.redactor);
  const sampler = samplerOf(env);
  if (options === undefined || sampler.off) return undefined;
  const { version, slowMs } = of;
  const resource = resourceAttributes(env, { version, host: hostname() });
  return async () => {
    const exporter = await openSpanExporter(options, { resource, version, sdk: loadSdk });
    return { exporter, sampler, slowMs, [Symbol.asyncDispose]: () => exporter[Symbol.asyncDispose]() };
  };
}
