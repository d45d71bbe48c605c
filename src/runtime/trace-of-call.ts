import type { Claimed, Firing } from "../bus/bus.ts";
import type { Event } from "../lib/event.ts";
import type { FiringOrigin } from "../lib/facts.ts";
import { attemptName, placeOf, spanIdOf, type TraceContext, traceIdOf, traceparentOf } from "../lib/trace.ts";
import { newestOf } from "../sensors/firing-of.ts";
import type { Sampler } from "../telemetry/sampling.ts";

/**
 * The place of one attempt, to be handed on: in the trace of the firing's newest event, which completed its condition. With a
 * sampler, its answer is handed on; without, what the event brought, and that a trace which begins here is kept.
 */
export function contextOfCall(firing: Claimed, attempt: number, sampler?: Sampler): TraceContext {
  const spanId = spanIdOf("attempt", attemptName(firing.id, attempt, roundOf(firing)));
  const { id, event } = newestEvent(firing);
  const brought = placeOf(event?.extensions.traceparent ?? "");
  const place = brought ?? { traceId: traceIdOf(id) };
  const sampled = sampler?.keeps(place) ?? brought?.sampled ?? true;
  const tracestate = brought === undefined ? undefined : event?.extensions.tracestate;
  const traceparent = traceparentOf({ traceId: place.traceId, spanId, sampled });
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
}

/** How often the firing was a dead letter before: its attempts count from 1 in each round. */
export function roundOf({ retried }: Pick<Firing, "retried">): number {
  return retried?.rounds ?? 0;
}

/** The round as facts and calls have it: the first one is not said. */
export function saidRound(firing: Pick<Firing, "retried">): { readonly round?: number } {
  const round = roundOf(firing);
  return round === 0 ? {} : { round };
}

/** What the facts of its attempts say of a firing. */
export function originOf(firing: Claimed): FiringOrigin {
  const { sensor, trigger, parent } = firing;
  const { id, event } = newestEvent(firing);
  const trace = event?.extensions.traceparent;
  return {
    sensor,
    trigger,
    event: id,
    ...(trace === undefined ? {} : { trace }),
    ...(parent === undefined ? {} : { parent }),
  };
}

/** `event` is undefined where retention took it. */
function newestEvent({ id, events, loaded }: Claimed): { readonly id: string; readonly event: Event | undefined } {
  const newest = newestOf(events);
  if (newest === undefined) return { id, event: undefined };
  return { id: newest.id, event: loaded.find(({ dependency }) => dependency === newest.dependency)?.event };
}
