import { sayDuration } from "../lib/duration.ts";
import { TideError } from "../lib/errors.ts";
import type { EventRecord, RecordedTrace } from "../record/record.ts";
import type { SpanAttributes, SpanKind, SpanLink } from "../telemetry/spans.ts";
import { rfc3339 } from "./event-answer.ts";
import { triggerOf } from "./plan-store.ts";
import type { Runtime } from "./runtime.ts";
import { spansOfTrace, type TraceSpan } from "./spans-of-trace.ts";

/** One trace as far as the record knows it: the answer of `tidemill trace`. Times are RFC 3339 UTC with microseconds. */
export interface TraceAnswer {
  readonly traceId: string;
  /** By the time of their receipt. */
  readonly events: readonly {
    readonly id: string;
    readonly namespace: string;
    readonly bus: string;
    readonly source: string;
    readonly subject: string;
    readonly receivedAt: string;
  }[];
  /** By the time of their start; a tree by `parentId`. */
  readonly spans: readonly AnsweredSpan[];
  /** What limits the answer, or leads out of it. */
  readonly notes: readonly string[];
  readonly truncated: boolean;
}

export interface AnsweredSpan {
  readonly spanId: string;
  readonly parentId?: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startedAt: string;
  /** Of one that still runs, the moment of asking. */
  readonly endedAt: string;
  readonly durationMs: number;
  readonly running?: true | undefined;
  readonly error?: string | undefined;
  readonly attributes: SpanAttributes;
  readonly links?: readonly SpanLink[] | undefined;
}

export interface TraceAsked {
  /** Of a trace or of one of its events. */
  readonly id: string;
  readonly limit: number;
  readonly nowUs: number;
}

/** From the record alone, of a tidemill that may not run. Rejects with TRACE_UNKNOWN. */
export async function recordedTrace(record: EventRecord, { id, limit, nowUs }: TraceAsked): Promise<TraceAnswer> {
  const recorded = await demandTrace(record, { id, limit });
  return answerOf(recorded, spansOfTrace(recorded, { nowUs, kinds: new Map() }));
}

/** From the record and the plans of a tidemill that runs. Rejects with RECORD_OFF and TRACE_UNKNOWN. */
export async function trace(
  { record, buses }: Pick<Runtime, "record" | "buses">,
  { id, limit, nowUs }: TraceAsked,
): Promise<TraceAnswer> {
  if (record === undefined) throw new TideError("RECORD_OFF", "a trace is made from the record");
  const recorded = await demandTrace(record, { id, limit });
  const kinds = new Map<string, string>();
  for (const firing of recorded.firings) {
    const bus = buses.find(({ namespace, name }) => namespace === firing.namespace && name === firing.bus);
    const plan = await bus?.plans.plan(firing.sensor, firing.revision);
    if (plan === undefined) continue;
    const trigger =
      triggerOf(plan, firing.trigger, firing.parent !== undefined) ?? triggerOf(plan, firing.trigger, false);
    if (trigger !== undefined) kinds.set(firing.id, trigger.kind);
  }
  return answerOf(recorded, spansOfTrace(recorded, { nowUs, kinds }));
}

async function demandTrace(record: EventRecord, asked: Omit<TraceAsked, "nowUs">): Promise<RecordedTrace> {
  const recorded = await record.trace(asked);
  if (recorded === undefined)
    throw new TideError("TRACE_UNKNOWN", `there is no event and no trace ${asked.id.slice(0, 100)} in the record`);
  return recorded;
}

function answerOf(recorded: RecordedTrace, spans: readonly TraceSpan[]): TraceAnswer {
  return {
    traceId: recorded.traceId,
    events: recorded.events.map(({ id, namespace, bus, source, subject, receivedUs }) => ({
      ...{ id, namespace, bus, source, subject },
      receivedAt: rfc3339(receivedUs),
    })),
    spans: spans.map(answeredSpan),
    notes: notesOf(recorded, spans),
    truncated: recorded.truncated,
  };
}

function answeredSpan(span: TraceSpan): AnsweredSpan {
  const { spanId, parentId, name, kind, startUs, endUs, running, error, attributes, links } = span;
  return {
    spanId,
    parentId,
    name,
    kind,
    startedAt: rfc3339(startUs),
    endedAt: rfc3339(endUs),
    durationMs: (endUs - startUs) / 1000,
    running,
    error,
    attributes,
    links,
  };
}

function notesOf({ traceId, events, firings, truncated }: RecordedTrace, spans: readonly TraceSpan[]): string[] {
  const notes: string[] = [];
  const known = new Set(spans.map(({ spanId }) => spanId));
  const outside = new Set(
    spans.flatMap(({ parentId }) => (parentId === undefined || known.has(parentId) ? [] : [parentId])),
  );
  for (const parent of outside)
    notes.push(`what hangs below span ${parent} came from outside, or from what this record does not keep`);
  for (const { id, source } of events)
    if (source === "") notes.push(`event ${id} is known only by its name: its arrival is not in this record`);
  for (const [source, skewUs] of skews(events))
    notes.push(
      `the clock of the sender of ${source} is ${sayDuration(skewUs / 1000)} ahead: times of sending are corrected by it`,
    );
  for (const firing of firings) {
    const newest = firing.events.at(-1);
    const way = `${firing.sensor}/${firing.trigger}`;
    if (newest !== undefined && newest.traceId !== traceId)
      notes.push(`firing ${firing.id} of ${way} is in the trace ${newest.traceId} of its newest event`);
    for (const other of firing.events.slice(0, -1))
      if (newest?.traceId === traceId && other.traceId !== traceId)
        notes.push(`firing ${firing.id} of ${way} came of event ${other.event} as well, of trace ${other.traceId}`);
    if (firing.round > 0)
      notes.push(
        `firing ${firing.id} of ${way} was a dead letter and was tried again: it is in round ${firing.round + 1}, and its attempts count anew in each`,
      );
  }
  if (truncated) notes.push("there is more of this trace: add --limit");
  return notes;
}

/** The most that each sender's clock was ahead. */
function skews(events: RecordedTrace["events"]): ReadonlyMap<string, number> {
  const most = new Map<string, number>();
  for (const { source, subject, skewUs = 0 } of events) {
    const name = `${source}/${subject}`;
    if (skewUs > (most.get(name) ?? 0)) most.set(name, skewUs);
  }
  return most;
}
