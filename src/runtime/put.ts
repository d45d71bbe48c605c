import { hash } from "node:crypto";
import type { Bus, Claimed, NewEvent } from "../bus/bus.ts";
import type { NewDraft } from "../kit/trigger.ts";
import { type Clock, nowUs } from "../lib/clock.ts";
import { TideError } from "../lib/errors.ts";
import type { Event, Receipt } from "../lib/event.ts";
import type { TraceContext } from "../lib/trace.ts";

/** Events that came of firings that came of events, this many times over, are taken for a loop. */
export const maxHops = 16;

export interface PutParts {
  readonly namespace: string;
  readonly bus: Bus;
  readonly clock: Clock;
}

/** The word in `context.type` of an event that a trigger put on the bus. */
export const putType = "tidemill";

/**
 * Puts the events that a firing made on its own bus. Their ids come from the firing's, so that an attempt that is repeated
 * makes duplicates and not new events. Lineage is in their extensions: `causationid` (the event that fired),
 * `correlationid` (the first of the line) and `hops`. Rejects with LOOP_GUARD, or as `Bus.publish` does.
 */
export async function put(
  { namespace, bus, clock }: PutParts,
  of: { readonly firing: Claimed; readonly trace: TraceContext; readonly signal: AbortSignal },
  drafts: readonly NewDraft[],
): Promise<readonly Receipt[]> {
  const cause = of.firing.loaded.at(-1)?.event;
  const hops = Math.max(0, ...of.firing.loaded.map(({ event }) => Number(event.extensions.hops ?? 0) || 0)) + 1;
  if (hops > maxHops)
    throw new TideError("LOOP_GUARD", `event ${cause?.id ?? ""} came of ${maxHops} others, one of the other`);
  const receivedUs = nowUs(clock);
  const time = new Date(receivedUs / 1000).toISOString();
  const lineage = {
    ...(cause === undefined
      ? {}
      : { causationid: cause.id, correlationid: cause.extensions.correlationid ?? cause.id }),
    hops: String(hops),
    ...of.trace,
  };
  const events = drafts.map((draft, at): NewEvent => {
    const named = JSON.stringify([namespace, draft.source, draft.subject, of.firing.id, draft.id ?? at]);
    const event: Event = {
      id: hash("sha256", named).slice(0, 32),
      source: draft.source,
      type: putType,
      subject: draft.subject,
      time,
      datacontenttype: "application/json",
      data: draft.data,
      extensions: { ...draft.extensions, ...lineage },
    };
    return { event, receivedUs, dedup: true };
  });
  return bus.publish({ events }, of.signal);
}
