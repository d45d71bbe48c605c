import type { Span } from "./span.ts";
import {
  busAttributes,
  eventAttributes,
  given,
  linksOf,
  processAttributes,
  sourceAttributes,
} from "./span-attributes.ts";
import { httpTypes } from "./span-kinds.ts";
import { type EventPlace, linkTo, type Subscription, spanIds } from "./span-place.ts";

/** An event as the spans need it. Times are Unix microseconds. */
export interface TracedEvent {
  readonly id: string;
  readonly namespace: string;
  readonly bus: string;
  readonly source: string;
  readonly subject: string;
  readonly type: string;
  readonly place: EventPlace;
  readonly sentUs?: number | undefined;
  /** How far the sender's clock is ahead of ours, as far as it was measured. */
  readonly skewUs?: number | undefined;
  readonly receivedUs: number;
  /** When it was durable; unknown where it was decided only after a restart. */
  readonly storedUs?: number | undefined;
  /** Bytes of data. */
  readonly bytes?: number | undefined;
  /** Subscriptions that its name matched, and those of them whose filters said no. */
  readonly matched?: number | undefined;
  readonly filtered?: number | undefined;
  /** The place of the event that this one repeats, as a `traceparent`: a replay was not received from outside. */
  readonly replayOf?: string | undefined;
}

/** The type of events that a trigger put on the own bus: they were not received from outside. */
const putType = "tidemill";

/** Whether it came by a source: it has a span `receive` then, else its first one is `send`. */
export function wasReceived({ type, replayOf }: Pick<TracedEvent, "type" | "replayOf">): boolean {
  return type !== putType && replayOf === undefined;
}

/**
 * The time in the sender's queue (where its clock is known), the arrival, and the write to the bus. To be built when the event is
 * decided: what all sensors made of it is told here.
 */
export function eventSpans(event: TracedEvent): readonly Span[] {
  const storedUs = Math.max(event.receivedUs, event.storedUs ?? event.receivedUs);
  const { traceId, parentId } = event.place;
  const fromOutside = wasReceived(event);
  const queue = fromOutside ? queueSpan(event) : undefined;
  const receive = fromOutside ? receiveSpan(event, { queue, endUs: storedUs }) : undefined;
  const below = receive?.spanId ?? parentId;
  const send: Span = {
    traceId,
    spanId: spanIds.send(event.id),
    ...(below === undefined ? {} : { parentId: below }),
    name: `send ${event.bus}`,
    kind: "producer",
    startUs: event.receivedUs,
    endUs: storedUs,
    attributes: {
      ...busAttributes(event),
      "messaging.operation.type": "send",
      "messaging.operation.name": "send",
      ...eventAttributes(event),
      ...given("messaging.message.body.size", event.bytes),
      ...given("tidemill.matched", event.matched),
      ...given("tidemill.filtered", event.filtered),
    },
    ...linksOf(linkTo(event.replayOf)),
  };
  return [queue, receive, send].filter((span) => span !== undefined);
}

/** A draft that did not become an event: filtered by its source, refused, or one that the bus has already. */
export function turnedDownSpan(
  event: TracedEvent,
  receipt: { readonly outcome: string; readonly reason?: string | null | undefined },
): Span {
  const { parentId: below, ...receive } = receiveSpan(event, { queue: undefined, endUs: event.receivedUs });
  // a duplicate hangs in the trace of its original, which has the same id
  const parentId = below ?? (receipt.outcome === "duplicate" ? spanIds.receive(event.id) : undefined);
  return {
    ...receive,
    spanId: spanIds.turnedDown(event.id, event.receivedUs),
    ...(parentId === undefined ? {} : { parentId }),
    ...(receipt.outcome === "refused" ? { error: receipt.reason ?? "refused" } : {}),
    attributes: {
      ...receive.attributes,
      "tidemill.receipt": receipt.outcome,
      ...given("tidemill.reason", receipt.reason ?? undefined),
      ...(receipt.outcome === "refused" ? { "error.type": "refused" } : {}),
    },
  };
}

function queueSpan(event: TracedEvent): Span | undefined {
  if (event.sentUs === undefined) return undefined;
  const { traceId, parentId } = event.place;
  // what was sent after it came was sent by a clock that is ahead by that much at least
  const startUs = Math.min(event.receivedUs, event.sentUs - (event.skewUs ?? 0));
  const corrected = event.sentUs - startUs;
  return {
    traceId,
    spanId: spanIds.queue(event.id),
    ...(parentId === undefined ? {} : { parentId }),
    name: `queue ${event.subject}`,
    kind: "internal",
    startUs,
    endUs: event.receivedUs,
    attributes: { ...sourceAttributes(event), ...(corrected === 0 ? {} : { "tidemill.clock.skew_us": corrected }) },
  };
}

function receiveSpan(event: TracedEvent, at: { readonly queue: Span | undefined; readonly endUs: number }): Span {
  const { traceId, parentId } = event.place;
  const below = parentId ?? at.queue?.spanId;
  const http = httpTypes.has(event.type);
  return {
    traceId,
    spanId: spanIds.receive(event.id),
    ...(below === undefined ? {} : { parentId: below }),
    name: `receive ${event.subject}`,
    kind: http ? "server" : "consumer",
    startUs: event.receivedUs,
    endUs: at.endUs,
    attributes: {
      ...sourceAttributes(event),
      ...(http ? {} : { "messaging.operation.type": "receive", "messaging.operation.name": "receive" }),
      ...eventAttributes(event),
    },
  };
}

/** What one subscription made of an event, where it was neither filtered nor a firing: waiting, superseded, reset, expired. */
export function decisionSpan(
  event: Pick<TracedEvent, "id" | "place" | "namespace" | "bus">,
  of: Subscription & {
    readonly decision: string;
    readonly reason?: string | null | undefined;
    /** When the event was durable; the moment of the decision where that is not known. */
    readonly storedUs?: number | undefined;
    readonly atUs: number;
  },
): Span {
  return {
    traceId: event.place.traceId,
    spanId: spanIds.decided(event.id, of),
    parentId: spanIds.send(event.id),
    name: `process ${of.sensor}`,
    kind: "consumer",
    startUs: Math.min(of.storedUs ?? of.atUs, of.atUs),
    endUs: of.atUs,
    attributes: {
      ...processAttributes(event, of),
      "messaging.message.id": event.id,
      "tidemill.dependency": of.dependency,
      "tidemill.decision": of.decision,
      ...given("tidemill.reason", of.reason ?? undefined),
    },
  };
}
