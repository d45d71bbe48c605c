/**
 * One span of a trace as plain data, in the terms of OpenTelemetry. Made from facts, exported by OTLP and drawn by `trace`.
 * Ids are deterministic (`spanIdOf`): the same facts make the same spans, whoever reads them and however often.
 */
export interface Span {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** 16 hex digits; absent at the root of a trace. */
  readonly parentId?: string;
  readonly name: string;
  readonly kind: SpanKind;
  /** Unix microseconds; never after `endUs`. */
  readonly startUs: number;
  readonly endUs: number;
  /** Set where it failed: why, in a sentence. */
  readonly error?: string;
  readonly attributes: SpanAttributes;
  /** Spans of other traces that this one came of as well. */
  readonly links?: readonly SpanLink[];
}

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes?: SpanAttributes;
}
