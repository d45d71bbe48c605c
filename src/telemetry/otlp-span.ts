import type { HrTime, Link, SpanContext } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Span, SpanKind } from "./span.ts";

/** The numbers of `SpanKind`, `StatusCode` and `TraceFlags` in @opentelemetry/api. */
const kinds: Readonly<Record<SpanKind, ReadableSpan["kind"]>> = {
  internal: 0,
  server: 1,
  client: 2,
  producer: 3,
  consumer: 4,
};
const unset = 0;
const failed = 2;
const sampled = 1;

const scope = { name: "tidemill", schemaUrl: "https://opentelemetry.io/schemas/1.45.0" };

/** A span as the official exporters take it. */
export function readableSpan(span: Span, resource: Resource, version: string): ReadableSpan {
  const { traceId, parentId, error } = span;
  const context = contextOf(traceId, span.spanId);
  return {
    name: span.name,
    kind: kinds[span.kind],
    spanContext: () => context,
    ...(parentId === undefined ? {} : { parentSpanContext: contextOf(traceId, parentId) }),
    startTime: hrTime(span.startUs),
    endTime: hrTime(span.endUs),
    duration: hrTime(span.endUs - span.startUs),
    status: error === undefined ? { code: unset } : { code: failed, message: error },
    attributes: span.attributes,
    links: (span.links ?? []).map(
      (link): Link => ({
        context: contextOf(link.traceId, link.spanId),
        ...(link.attributes === undefined ? {} : { attributes: link.attributes }),
      }),
    ),
    events: [],
    ended: true,
    resource,
    instrumentationScope: { ...scope, version },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function contextOf(traceId: string, spanId: string): SpanContext {
  return { traceId, spanId, traceFlags: sampled };
}

function hrTime(us: number): HrTime {
  const seconds = Math.floor(us / 1e6);
  return [seconds, (us - seconds * 1e6) * 1000];
}
