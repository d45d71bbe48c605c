import { traceparentOf } from "../lib/trace.ts";
import type { RecordedEvent, RecordedTrace, TracedRows } from "../record/record.ts";
import {
  attemptSpan,
  createdSpan,
  decisionSpan,
  eventSpans,
  firedSpan,
  partSpan,
  type Span,
  settleSpan,
  type TracedEvent,
  type TracedFiring,
  turnedDownSpan,
  waitSpan,
} from "../telemetry/spans.ts";

/** A span, and whether it has no end yet: `endUs` is then the moment of asking. */
export interface TraceSpan extends Span {
  readonly running?: true;
}

export interface TraceContextOf {
  /** The moment of asking. */
  readonly nowUs: number;
  /** Trigger types, by firing, where the plans are at hand: names and kinds of attempts are made of them. */
  readonly kinds: ReadonlyMap<string, string>;
}

/** Of a part `started`: the span that is told once it has ended. */
const startsAttribute = "tidemill.starts";

/** The spans of all rows of a trace, by the time of their start: those that are exported, and those that still run. */
export function spansOfTrace(recorded: RecordedTrace, cx: TraceContextOf): readonly TraceSpan[] {
  const events = new Map(recorded.events.map((event) => [event.id, event]));
  const spans: TraceSpan[] = [];
  for (const event of recorded.events) spans.push(...arrivalSpans(event));
  for (const { event, ...decision } of recorded.decisions) {
    const of = events.get(event);
    if (of !== undefined && of.source !== "")
      spans.push(decisionSpan(tracedEvent(of), { ...decision, storedUs: of.storedUs }));
  }
  for (const firing of recorded.firings) {
    if (firing.events.at(-1)?.traceId === recorded.traceId) spans.push(...firingSpans(firing, { ...cx, events }));
  }
  return spans.sort((a, b) => a.startUs - b.startUs || b.endUs - a.endUs);
}

/** Of an event that is known only by name, nothing. */
function arrivalSpans(event: RecordedEvent): readonly Span[] {
  if (event.source === "") return [];
  const traced = tracedEvent(event);
  if (event.receipt === "stored" || event.seq !== undefined) return eventSpans(traced);
  return [turnedDownSpan(traced, { outcome: event.receipt, reason: event.reason })];
}

function tracedEvent(event: RecordedEvent): TracedEvent {
  const { traceId, parentSpan } = event;
  return { ...event, place: parentSpan === undefined ? { traceId } : { traceId, parentId: parentSpan } };
}

function firingSpans(
  row: TracedRows,
  cx: TraceContextOf & { readonly events: ReadonlyMap<string, RecordedEvent> },
): readonly TraceSpan[] {
  const newest = row.events.at(-1);
  if (newest === undefined) return [];
  const { traceId, parentSpan } = newest;
  const firing: TracedFiring = {
    ...row,
    event: newest.event,
    place: parentSpan === undefined ? { traceId } : { traceId, parentId: parentSpan },
    kind: cx.kinds.get(row.id),
  };
  const made =
    row.parent === undefined
      ? firedSpan(firing, {
          dependency: newest.dependency,
          storedUs: cx.events.get(newest.event)?.storedUs,
          atUs: row.firedUs,
          others: row.events.slice(0, -1).map(({ event, ...other }) => ({ event, trace: traceparent(other) })),
        })
      : createdSpan(firing, { atUs: row.firedUs, reason: row.reason });
  return [made, ...attemptSpans(row, firing, cx), ...openSpans(row, firing, cx)];
}

function traceparent({ traceId, parentSpan }: Pick<RecordedEvent, "traceId" | "parentSpan">): string | undefined {
  return parentSpan === undefined ? undefined : traceparentOf({ traceId, spanId: parentSpan, sampled: true });
}

/** Attempts that ended, each after its wait and with its parts, and the firing's last word. */
function attemptSpans(row: TracedRows, firing: TracedFiring, { nowUs }: TraceContextOf): readonly TraceSpan[] {
  const spans: (TraceSpan | undefined)[] = [];
  for (const [at, attempt] of row.attempts.entries()) {
    const fromUs = waitedFrom(row, at);
    if (fromUs !== undefined) spans.push(waitSpan(firing, { ...attempt, fromUs, untilUs: attempt.startedUs }));
    spans.push(attemptSpan(firing, attempt));
    const state = endOf(row, at);
    if (state !== undefined) spans.push(settleSpan(firing, { ...attempt, state, atUs: attempt.endedUs }));
  }
  const parts = partsOf(row);
  const told = new Set(parts.map(({ spanId }) => spanId));
  for (const part of parts) {
    spans.push(partSpan(firing, { ...part, endUs: Math.min(part.endUs, nowUs) }));
    const starts = part.attributes[startsAttribute];
    // what an attempt has started and not waited for, such as a Job
    if (typeof starts === "string" && !told.has(starts)) {
      const open = { ...part, spanId: starts, name: String(part.attributes["k8s.job.name"] ?? "job"), endUs: nowUs };
      spans.push({ ...partSpan(firing, open), running: true });
    }
  }
  return spans.filter((span) => span !== undefined);
}

/**
 * Since when an attempt could be made: the firing's decision, or the end of the attempt before. Since when a dead letter is
 * tried again is known of its newest round; what it waited in those between is not told.
 */
function waitedFrom({ attempts, firedUs, dueUs }: TracedRows, at: number): number | undefined {
  const [before, attempt] = [attempts[at - 1], attempts[at]];
  if (before === undefined || attempt === undefined) return firedUs;
  if (before.round === attempt.round) return before.endedUs;
  return dueUs >= before.endedUs && dueUs <= attempt.startedUs ? dueUs : undefined;
}

/** What the firing, or its round, came to by this attempt; undefined where it went on. */
function endOf({ attempts, round, state }: TracedRows, at: number): string | undefined {
  const [attempt, after] = [attempts[at], attempts[at + 1]];
  if (attempt === undefined || after?.round === attempt.round) return undefined;
  if (attempt.round < round) return attempt.outcome === "done" ? "done" : "dead";
  return state === "pending" || state === "running" ? undefined : state;
}

/**
 * Parts by the time of their start. One that came again, because its attempt was repeated after a crash, is there once: as
 * it was at last, but for `started`, which is from the first time.
 */
function partsOf(row: TracedRows): TracedRows["spans"] {
  const once = new Map<string, TracedRows["spans"][number]>();
  for (const part of row.spans) {
    const key = `${part.round} ${part.n} ${part.spanId}`;
    if (part.startUs !== part.endUs || !once.has(key)) once.set(key, part);
  }
  return [...once.values()];
}

/** What has no end yet: the attempt that told of itself and was not settled, or the wait for the next one. */
function openSpans(row: TracedRows, firing: TracedFiring, { nowUs }: TraceContextOf): readonly TraceSpan[] {
  if (row.state !== "pending" && row.state !== "running") return [];
  // of an earlier round: it died of that one
  const last = row.attempts.findLast(({ round }) => round === row.round);
  const { round } = row;
  const fromUs = last?.endedUs ?? (round === 0 ? row.firedUs : row.dueUs);
  const next = row.spans.filter(({ round, n }) => !row.attempts.some((one) => one.round === round && one.n === n));
  const begun = next.at(0);
  if (begun !== undefined) {
    const { n, startUs } = begun;
    const attempt = { n, round: begun.round, startedUs: startUs, endedUs: nowUs, outcome: "done" } as const;
    const wait = waitSpan(firing, { n, round: begun.round, fromUs, untilUs: startUs });
    const open = { ...attemptSpan(firing, attempt), running: true } as const;
    return wait === undefined ? [open] : [wait, open];
  }
  const wait = waitSpan(firing, { n: (last?.n ?? 0) + 1, round, fromUs, untilUs: nowUs, dueUs: row.dueUs });
  return wait === undefined ? [] : [{ ...wait, running: true }];
}
