import type { LogEntry, NewEvent } from "../bus/bus.ts";
import { digest } from "../lib/digest.ts";
import type { Event } from "../lib/event.ts";
import { placeOf, traceIdOf, traceparentOf } from "../lib/trace.ts";
import { replayExtension } from "../sensors/firing-of.ts";
import type { TriggerPlan } from "../sensors/plan.ts";
import { firesAtOnce, replayPlanExtension, replayTargetOf, replayToExtension } from "../sensors/replay-target.ts";
import { wasReceived } from "../telemetry/span-of-event.ts";
import { spanIds } from "../telemetry/span-place.ts";

/** The extension of a replayed event that names the one it was made of. */
const originalIdExtension = "originalid";
/** Its place in the trace of the original: the new trace links to it. */
const originalTraceExtension = "originaltraceparent";

/** How events are put again. */
export interface ReplayMark {
  readonly namespace: string;
  readonly bus: string;
  /** What makes them new occurrences: the same twice makes duplicates. */
  readonly replayId: string;
  /** `SENSOR/TRIGGER`: it reaches this one alone. */
  readonly toTrigger?: string | undefined;
}

/** Of the original and not of the occurrence: the trace is a new one, and when it was sent says nothing of today's delay. */
const ofTheOriginal: ReadonlySet<string> = new Set(["traceparent", "tracestate", "senttime"]);

/**
 * The event again, as a new occurrence: same data, same `time` (filters on time and templates see when it happened), an id of
 * its own that is the same at each run of the same replay.
 */
export function replayOf(
  { event }: Pick<LogEntry, "event">,
  mark: ReplayMark,
  now: { readonly receivedUs: number; readonly planSet?: string | undefined },
): NewEvent {
  const named = JSON.stringify(["replay", mark.namespace, mark.bus, mark.replayId, event.id]);
  const kept = Object.entries(event.extensions).filter(([name]) => !ofTheOriginal.has(name) && !ours.has(name));
  const again: Event = {
    ...event,
    id: digest(named),
    extensions: {
      ...Object.fromEntries(kept),
      [replayExtension]: mark.replayId,
      [originalIdExtension]: event.id,
      [originalTraceExtension]: placeOfOriginal(event),
      ...(mark.toTrigger === undefined ? {} : { [replayToExtension]: mark.toTrigger }),
      ...(now.planSet === undefined ? {} : { [replayPlanExtension]: now.planSet }),
    },
  };
  const reason = `replay ${mark.replayId} of ${event.id}`;
  return { event: again, receivedUs: now.receivedUs, dedup: true, reason };
}

/** Of a replay of a replay, the marks of the first one go. */
const ours: ReadonlySet<string> = new Set([
  ...[replayExtension, originalIdExtension, originalTraceExtension],
  ...[replayToExtension, replayPlanExtension],
]);

/** The original's first span, in the trace that it brought or began: what a trigger or a replay put was not received. */
function placeOfOriginal({ id, type, extensions }: Event): string {
  const { traceId, sampled } = placeOf(extensions.traceparent ?? "") ?? { traceId: traceIdOf(id), sampled: true };
  const received = wasReceived({ type, replayOf: extensions[originalTraceExtension] });
  return traceparentOf({ traceId, spanId: received ? spanIds.receive(id) : spanIds.send(id), sampled });
}

/** What an event says of the replay that put it there; undefined: none did. */
export interface ReplayedAs {
  readonly id: string;
  /** The event that it was made of. */
  readonly of: string;
  readonly to?: string | undefined;
}

export function replayedAs({ extensions }: Pick<Event, "extensions">): ReplayedAs | undefined {
  const id = extensions[replayExtension];
  if (id === undefined) return undefined;
  return { id, of: extensions[originalIdExtension] ?? "", to: extensions[replayToExtension] };
}

/** Why a replayed event could not reach a trigger, whatever its filters say; undefined: it could. */
export function notReplayedTo(event: Event, sensor: string, trigger: TriggerPlan): string | undefined {
  const target = replayTargetOf(event);
  if (target !== undefined && (target.sensor !== sensor || target.trigger !== trigger.name))
    return `the replay is for ${target.sensor}/${target.trigger} alone`;
  return event.extensions[replayPlanExtension] === undefined || firesAtOnce(trigger)
    ? undefined
    : "a replay with the plans of then reaches triggers that fire by one event, at once";
}
