import type { Bus, Claimed, NewEvent } from "../bus/bus.ts";
import type { NewDraft } from "../kit/trigger.ts";
import { type Clock, nowUs } from "../lib/clock.ts";
import { digest } from "../lib/digest.ts";
import { TideError } from "../lib/errors.ts";
import type { Event, Receipt } from "../lib/event.ts";
import type { TraceContext } from "../lib/trace.ts";
import { withoutSteering } from "../sensors/replay-target.ts";

/** Events that came of firings that came of events, this many times over, are taken for a loop. */
export const maxHops = 16;

export interface PutParts {
  readonly namespace: string;
  readonly bus: Bus;
  readonly clock: Clock;
}

/** The word in `context.type` of an event that a trigger put on the bus. */
const putType = "tidemill";

/** A firing that puts events: one, or an item of a batch. */
export interface Cause {
  /** The firing's id. */
  readonly id: string;
  /** What it is for; the newest is the last. */
  readonly events: readonly Event[];
  /** Its attempt's place: what it puts hangs below. */
  readonly trace: TraceContext;
}

export interface PutFor {
  /** The firing of the call; of a batch all of them, in their order. */
  readonly causes: readonly [Cause, ...Cause[]];
  readonly signal: AbortSignal;
}

/**
 * Puts the events that a firing made on its own bus. Their ids come from the firing's, so that an attempt that is repeated
 * makes duplicates and not new events. Lineage is in their extensions: `causationid` (the event that fired),
 * `correlationid` (the first of the line) and `hops`. Rejects with LOOP_GUARD, or as `Bus.publish` does: then none is there.
 */
export async function put(
  { namespace, bus, clock }: PutParts,
  { causes, signal }: PutFor,
  drafts: readonly NewDraft[],
): Promise<readonly Receipt[]> {
  if (drafts.length === 0) return [];
  const receivedUs = nowUs(clock);
  const time = new Date(receivedUs / 1000).toISOString();
  const lineages = new Map<Cause, Readonly<Record<string, string>>>();
  const events = drafts.map((draft, at): NewEvent => {
    const cause = causes.find(({ id }) => id === draft.item) ?? causes[0];
    const lineage = lineages.get(cause) ?? lineageOf(cause);
    lineages.set(cause, lineage);
    const named = JSON.stringify([namespace, draft.source, draft.subject, cause.id, draft.id ?? at]);
    const event: Event = {
      id: digest(named),
      source: draft.source,
      type: putType,
      subject: draft.subject,
      time,
      datacontenttype: "application/json",
      data: draft.data,
      extensions: { ...withoutSteering(draft.extensions ?? {}), ...lineage, ...cause.trace },
    };
    return { event, receivedUs, dedup: true };
  });
  return bus.publish({ events }, signal);
}

/** What a firing of the bus is as a cause; an event of it that retention took is not known any more. */
export function causeOf({ id, events, loaded }: Claimed, trace: TraceContext): Cause {
  const seqs = new Map(events.map(({ dependency, seq }) => [dependency, seq]));
  const seqOf = (dependency: string): number => seqs.get(dependency) ?? 0;
  const inOrder = loaded.toSorted((a, b) => seqOf(a.dependency) - seqOf(b.dependency));
  return { id, events: inOrder.map(({ event }) => event), trace };
}

function lineageOf({ events }: Cause): Readonly<Record<string, string>> {
  const cause = events.at(-1);
  const hops = Math.max(0, ...events.map(({ extensions }) => hopsOf(extensions.hops))) + 1;
  if (hops > maxHops)
    throw new TideError("LOOP_GUARD", `event ${cause?.id ?? ""} came of ${maxHops} others, one of the other`);
  if (cause === undefined) return { hops: String(hops) };
  const correlationid = cause.extensions.correlationid ?? cause.id;
  return { causationid: cause.id, correlationid, hops: String(hops) };
}

/** Whoever sends an event may have given it an extension of this name that is no number of ours. */
function hopsOf(extension: string | undefined): number {
  return extension !== undefined && /^\d{1,6}$/.test(extension) ? Number(extension) : 0;
}
