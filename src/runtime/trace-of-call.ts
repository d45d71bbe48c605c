import type { Claimed } from "../bus/bus.ts";
import type { CallTrace } from "../kit/trigger.ts";
import { placeOf, spanIdOf, traceIdOf, traceparentOf } from "../lib/trace.ts";

/** The place of one attempt: in the trace of the firing's last event, which completed its condition. */
export function traceOfCall(firing: Claimed, attempt: number): CallTrace {
  const spanId = spanIdOf("attempt", `${firing.id}/${attempt}`);
  const event = firing.loaded.at(-1)?.event;
  const brought = placeOf(event?.extensions.traceparent ?? "");
  const { traceId, sampled } = brought ?? { traceId: traceIdOf(event?.id ?? firing.id), sampled: true };
  const tracestate = brought === undefined ? undefined : event?.extensions.tracestate;
  const traceparent = traceparentOf({ traceId, spanId, sampled });
  return { context: tracestate === undefined ? { traceparent } : { traceparent, tracestate }, span: () => undefined };
}
