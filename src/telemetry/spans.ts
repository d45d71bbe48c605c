/**
 * The spans of an event's way, built from what facts and the record's rows know alike. Pure. Names and attributes are
 * those of the OpenTelemetry semantic conventions 1.45 (messaging, cloudevents, http), with our own under `tidemill.`.
 * No span ends before it starts, however wrong the clocks are.
 */
export type { Span, SpanAttributes, SpanKind, SpanLink } from "./span.ts";
export { decisionSpan, eventSpans, type TracedEvent, turnedDownSpan } from "./span-of-event.ts";
export {
  attemptSpan,
  createdSpan,
  firedSpan,
  partSpan,
  settleSpan,
  type TracedFiring,
  waitSpan,
} from "./span-of-firing.ts";
export { placeOfEvent, spanIds } from "./span-place.ts";
