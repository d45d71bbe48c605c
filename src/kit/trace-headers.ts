import { type TraceContext, traceFrom, traceFromAws } from "../lib/trace.ts";
import { headerOf } from "./headers.ts";

/** The trace that an HTTP request brought: `traceparent` and `tracestate`, else X-Ray's `X-Amzn-Trace-Id`. */
export function traceOfHeaders(rawHeaders: readonly string[]): TraceContext | undefined {
  const w3c = traceFrom((name) => headerOf(rawHeaders, name));
  if (w3c !== undefined) return w3c;
  const aws = headerOf(rawHeaders, "x-amzn-trace-id");
  return aws === undefined ? undefined : traceFromAws(aws);
}
