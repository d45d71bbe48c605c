import type { Span, SpanAttributes, SpanLink } from "./span.ts";
import { given, linksOf, processAttributes } from "./span-attributes.ts";
import { attemptKind } from "./span-kinds.ts";
import { type EventPlace, placeOfEvent, spanIds } from "./span-place.ts";

/** A firing as the spans need it: as `FiringOrigin` tells of it. */
export interface TracedFiring {
  readonly id: string;
  readonly namespace: string;
  readonly bus: string;
  readonly sensor: string;
  readonly trigger: string;
  /** Its newest event, in whose trace it is. */
  readonly event: string;
  /** The place of that event. */
  readonly place: EventPlace;
  /** The firing whose death made it (`dlqTrigger`). */
  readonly parent?: string | null | undefined;
  /** The trigger type, where it is known. */
  readonly kind?: string | undefined;
  /** The method of an http trigger, where it is known. */
  readonly method?: string | undefined;
}

/** The decision that made a firing, in the trace of its newest event, with links to the other events of its condition. */
export function firedSpan(
  firing: TracedFiring,
  of: {
    readonly dependency: string;
    /** When the newest event was durable; the moment of the decision where that is not known. */
    readonly storedUs?: number | undefined;
    readonly atUs: number;
    readonly dueUs?: number | undefined;
    readonly reason?: string | null | undefined;
    /** The other events of the condition, with the `traceparent` each brought. */
    readonly others?: readonly { readonly event: string; readonly trace?: string | undefined }[];
  },
): Span {
  const others = new Map(
    (of.others ?? []).filter(({ event }) => event !== firing.event).map((one) => [one.event, one]),
  );
  const links = Array.from(others.values(), ({ event, trace }): SpanLink => {
    const { traceId } = placeOfEvent(event, trace);
    return { traceId, spanId: spanIds.send(event), attributes: { "messaging.message.id": event } };
  });
  return {
    traceId: firing.place.traceId,
    spanId: spanIds.fired(firing.id),
    parentId: spanIds.send(firing.event),
    name: `process ${firing.sensor}`,
    kind: "consumer",
    startUs: Math.min(of.storedUs ?? of.atUs, of.atUs),
    endUs: of.atUs,
    attributes: {
      ...processAttributes(firing, firing),
      "messaging.message.id": firing.event,
      ...(others.size > 0 ? { "messaging.batch.message_count": others.size + 1 } : {}),
      "tidemill.dependency": of.dependency,
      "tidemill.decision": "fired",
      "tidemill.firing": firing.id,
      ...given("tidemill.due_us", of.dueUs === undefined || of.dueUs <= of.atUs ? undefined : of.dueUs),
      ...given("tidemill.reason", of.reason ?? undefined),
    },
    ...linksOf(...links),
  };
}

/**
 * A firing that no event made: one that died did (`dlqTrigger`), or a person or a notification. A moment, below which its
 * attempts hang.
 */
export function createdSpan(
  firing: TracedFiring,
  of: { readonly atUs: number; readonly reason?: string | null | undefined },
): Span {
  const parent = firing.parent === "" ? undefined : (firing.parent ?? undefined);
  return {
    traceId: firing.place.traceId,
    spanId: spanIds.fired(firing.id),
    parentId: parent === undefined ? spanIds.send(firing.event) : spanIds.fired(parent),
    name: `${parent !== undefined && firing.id.startsWith(`${parent}/dlq`) ? "dead letter" : "fire"} ${firing.trigger}`,
    kind: "internal",
    startUs: of.atUs,
    endUs: of.atUs,
    attributes: {
      ...firingAttributes(firing),
      ...given("tidemill.parent", parent),
      ...given("tidemill.reason", of.reason ?? undefined),
    },
  };
}

/** One try, as fact and row have it. */
export interface TracedAttempt {
  readonly n: number;
  /** How often the firing was a dead letter before; 0 unless given. */
  readonly round?: number | undefined;
  readonly startedUs: number;
  readonly endedUs: number;
  readonly outcome: "done" | "failed";
  readonly code?: string | null | undefined;
  readonly error?: string | null | undefined;
  readonly status?: string | null | undefined;
  readonly batch?: { readonly id: string; readonly size: number } | null | undefined;
}

/** One try; what its target does hangs below it. */
export function attemptSpan(firing: TracedFiring, attempt: TracedAttempt): Span {
  const { kind: type = "", method } = firing;
  const failed = attempt.outcome === "failed";
  const status = Number(attempt.status ?? Number.NaN);
  const http = type === "http" && Number.isInteger(status);
  return {
    traceId: firing.place.traceId,
    spanId: spanIds.attempt(firing.id, attempt.n, attempt.round),
    parentId: spanIds.fired(firing.id),
    name: nameOf(firing),
    kind: attemptKind(type),
    startUs: attempt.startedUs,
    endUs: Math.max(attempt.startedUs, attempt.endedUs),
    ...(failed ? { error: attempt.error ?? attempt.code ?? "failed" } : {}),
    attributes: {
      ...firingAttributes(firing),
      "tidemill.attempt": attempt.n,
      ...roundAttribute(attempt),
      ...given("http.request.method", type === "http" ? method : undefined),
      ...(http ? { "http.response.status_code": status } : given("tidemill.status", attempt.status ?? undefined)),
      ...(attempt.n > 1 && type === "http" ? { "http.request.resend_count": attempt.n - 1 } : {}),
      ...(failed ? { "error.type": attempt.code ?? "_OTHER" } : {}),
      ...(attempt.batch == null
        ? {}
        : { "messaging.batch.message_count": attempt.batch.size, "tidemill.batch": attempt.batch.id }),
    },
  };
}

/** The time before a try: since the decision, or since the try before. Undefined where it did not wait. */
export function waitSpan(
  firing: TracedFiring,
  of: {
    readonly n: number;
    readonly round?: number | undefined;
    readonly fromUs: number;
    readonly untilUs: number;
    /** From when on it could have been made; what is after is time in the queue. */
    readonly dueUs?: number | undefined;
  },
): Span | undefined {
  if (of.untilUs <= of.fromUs) return undefined;
  return {
    traceId: firing.place.traceId,
    spanId: spanIds.wait(firing.id, of.n, of.round),
    parentId: spanIds.fired(firing.id),
    name: `wait ${firing.trigger}`,
    kind: "internal",
    startUs: of.fromUs,
    endUs: of.untilUs,
    attributes: {
      ...firingAttributes(firing),
      "tidemill.attempt": of.n,
      ...roundAttribute(of),
      "tidemill.wait": of.n === 1 ? "queue" : "retry",
      ...given("tidemill.due_us", of.dueUs === undefined || of.dueUs <= of.fromUs ? undefined : of.dueUs),
    },
  };
}

/** The last word of a firing, or of one of its rounds: a moment. */
export function settleSpan(
  firing: TracedFiring,
  of: {
    readonly state: string;
    readonly atUs: number;
    readonly round?: number | undefined;
    readonly code?: string | null | undefined;
  },
): Span {
  const dead = of.state === "dead";
  return {
    traceId: firing.place.traceId,
    spanId: spanIds.settle(firing.id, of.round),
    parentId: spanIds.fired(firing.id),
    name: `settle ${firing.trigger}`,
    kind: "internal",
    startUs: of.atUs,
    endUs: of.atUs,
    ...(dead ? { error: "it is a dead letter" } : {}),
    attributes: {
      ...firingAttributes(firing),
      "messaging.operation.type": "settle",
      "messaging.operation.name": "settle",
      "tidemill.state": of.state,
      ...roundAttribute(of),
      ...(dead ? { "error.type": of.code ?? "_OTHER" } : {}),
    },
  };
}

/** A part of an attempt, as a call told it (`CallTrace.span`). */
export interface TracedPart {
  readonly spanId: string;
  /** The span that it is a part of; the attempt unless given. */
  readonly parentId?: string | null | undefined;
  readonly n: number;
  readonly round?: number | undefined;
  readonly name: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly error?: string | null | undefined;
  readonly attributes?: SpanAttributes | undefined;
}

export function partSpan(firing: Pick<TracedFiring, "id" | "place">, part: TracedPart): Span {
  return {
    traceId: firing.place.traceId,
    spanId: part.spanId,
    parentId: part.parentId ?? spanIds.attempt(firing.id, part.n, part.round),
    name: part.name,
    kind: "internal",
    startUs: part.startUs,
    endUs: Math.max(part.startUs, part.endUs),
    ...(part.error == null ? {} : { error: part.error }),
    attributes: {
      ...part.attributes,
      "tidemill.firing": firing.id,
      "tidemill.attempt": part.n,
      ...roundAttribute(part),
    },
  };
}

/** As people count: the first round after the first death is the second, and of the first one nothing is said. */
function roundAttribute({ round = 0 }: { readonly round?: number | undefined }): SpanAttributes {
  return round === 0 ? {} : { "tidemill.round": round + 1 };
}

function nameOf({ kind = "", method, trigger }: TracedFiring): string {
  if (kind === "http") return method ?? "HTTP";
  if (attemptKind(kind) === "producer") return `send ${trigger}`;
  return kind === "" ? `attempt ${trigger}` : kind;
}

function firingAttributes(firing: TracedFiring): SpanAttributes {
  return {
    "tidemill.namespace": firing.namespace,
    "tidemill.sensor": firing.sensor,
    "tidemill.trigger": firing.trigger,
    "tidemill.firing": firing.id,
    ...given("tidemill.trigger.kind", firing.kind),
  };
}
