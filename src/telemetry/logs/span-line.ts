import type { Span } from "../span.ts";
import type { LogLine } from "./log-store.ts";

/**
 * What happened to an event, as a log line: the same as its span in a trace, so that a log system tells a job's whole
 * story too. Its id is the span's: the line is there once, however often its fact is read. Waiting alone is no line.
 */
export function lineOfSpan(
  span: Span,
  service: { readonly name: string; readonly version: string },
): LogLine | undefined {
  const { traceId, spanId, parentId, name, attributes, error } = span;
  if (name.startsWith("wait ")) return undefined;
  const line = {
    "@timestamp": timeOf(span.endUs),
    "log.level": error === undefined ? "info" : "error",
    message: error === undefined ? name : `${name}: ${error}`,
    "ecs.version": "8.10.0",
    service,
    event: {
      dataset: "tidemill.events",
      kind: "event",
      action: name,
      outcome: error === undefined ? "success" : "failure",
      ...(attributes["messaging.message.id"] === undefined ? {} : { id: attributes["messaging.message.id"] }),
      start: timeOf(span.startUs),
      end: timeOf(span.endUs),
      // nanoseconds, as ECS has it
      duration: Math.max(0, span.endUs - span.startUs) * 1_000,
    },
    trace: { id: traceId },
    span: { id: spanId },
    ...(parentId === undefined ? {} : { parent: { id: parentId } }),
    labels: labelsOf(span),
    ...(error === undefined ? {} : { error: { message: error, ...codeOf(attributes["error.type"]) } }),
  };
  return { id: `${traceId}-${spanId}`, json: JSON.stringify(line) };
}

/** A label's name has no dots: they would be read as objects. */
function labelsOf({ attributes }: Span): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name.replace(/^tidemill\./, "").replaceAll(".", "_"),
      String(value),
    ]),
  );
}

function codeOf(type: string | number | boolean | undefined): { readonly code?: string } {
  return type === undefined ? {} : { code: String(type) };
}

function timeOf(us: number): string {
  return `${new Date(Math.floor(us / 1_000)).toISOString().slice(0, -1)}${String(us % 1_000).padStart(3, "0")}Z`;
}
