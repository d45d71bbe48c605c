import { attemptName, inRound, placeOf, spanIdOf, traceIdOf } from "../lib/trace.ts";
import type { SpanLink } from "./span.ts";

/** Where the spans of one event hang. */
export interface EventPlace {
  /** Of the context that the event brought, else made of its id. */
  readonly traceId: string;
  /** The span that sent the event, in another process or an attempt of this one; absent: the event is the root. */
  readonly parentId?: string;
  /** Whether whoever began the trace wants it kept; undefined where the event began it. */
  readonly sampled?: boolean;
}

/** The place of an event, by the `traceparent` it brought. */
export function placeOfEvent(eventId: string, traceparent: string | undefined): EventPlace {
  const brought = traceparent === undefined ? undefined : placeOf(traceparent);
  if (brought === undefined) return { traceId: traceIdOf(eventId) };
  return { traceId: brought.traceId, parentId: brought.spanId, sampled: brought.sampled };
}

/**
 * The ids of all spans. What a span hangs below can be named from what is known where it is made, without remembering:
 * an attempt hangs below `fired` of its firing, which hangs below `send` of the firing's newest event. A dead letter that is
 * tried again is in a new round, of which the first is 0: all rounds hang below the one `fired`.
 */
export const spanIds = {
  /** The time between sent and received. */
  queue: (event: string) => spanIdOf("queue", event),
  receive: (event: string) => spanIdOf("receive", event),
  /** A draft that did not become a new event: there may be several under one event's id. */
  turnedDown: (event: string, receivedUs: number) => spanIdOf("receive", `${event}/${receivedUs}`),
  send: (event: string) => spanIdOf("send", event),
  /** What one subscription made of an event, where that was no firing. */
  decided: (event: string, { sensor, trigger, dependency }: Subscription) =>
    spanIdOf("process", JSON.stringify([event, sensor, trigger, dependency])),
  fired: (firing: string) => spanIdOf("process", firing),
  /** The time before an attempt. */
  wait: (firing: string, n: number, round?: number) => spanIdOf("wait", attemptName(firing, n, round)),
  /** As `src/runtime/trace-of-call.ts` hands it on. */
  attempt: (firing: string, n: number, round?: number) => spanIdOf("attempt", attemptName(firing, n, round)),
  settle: (firing: string, round = 0) => spanIdOf("settle", inRound(firing, round)),
} as const;

export interface Subscription {
  readonly sensor: string;
  readonly trigger: string;
  readonly dependency: string;
}

/** The link to a place in another trace; undefined where the text is no `traceparent`. */
export function linkTo(traceparent: string | undefined): SpanLink | undefined {
  const place = traceparent === undefined ? undefined : placeOf(traceparent);
  return place === undefined ? undefined : { traceId: place.traceId, spanId: place.spanId };
}
