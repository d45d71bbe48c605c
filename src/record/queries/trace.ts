import { placeOf, traceIdOf } from "../../lib/trace.ts";
import type { RecordedDecision, RecordedSpan, RecordedTrace, TracedRows, TraceQuery } from "../record.ts";
import { type AttemptRow, type EventRow, type FiringRow, nameText, type SpanRow } from "../schema.ts";
import { recordedAttempt, recordedEvent } from "./events.ts";
import type { Rows } from "./query.ts";

const mostEvents = 10_000;
/** Numbers that one question names: every database takes as many. */
const mostAtOnce = 500;

/** The trace of this id, or the one that the event of this id is in, with all that the record has of it. */
export async function findTrace(rows: Rows, query: TraceQuery): Promise<RecordedTrace | undefined> {
  const limit = Math.min(Math.max(Math.trunc(query.limit), 1), mostEvents);
  const asked = await askedFor(rows, query.id);
  if (asked === undefined) return undefined;
  const { traceId } = asked;
  const found = await eventsOf(rows, asked, limit + 1);
  if (found.length === 0) return undefined;
  const events = found.slice(0, limit);
  const nos = events.map(({ no }) => no);
  const firings = await firingsOf(rows, nos, limit + 1);
  const kept = firings.slice(0, limit);
  const parts = await partsOf(rows, kept, limit * 10 + 1);
  return {
    traceId,
    events: events.map(recordedEvent),
    decisions: await decisionsOf(rows, nos),
    firings: kept.map((row) => parts.whole(row)),
    truncated: found.length > limit || firings.length > limit || parts.truncated,
  };
}

interface Asked {
  readonly traceId: string;
  /** The event that begins the trace, unless it brought it: by the trace's id, and by its own in rows from before version 4. */
  readonly own: readonly string[];
}

/** What is no event's id may be that of a trace. */
async function askedFor(rows: Rows, id: string): Promise<Asked | undefined> {
  const [row] = await rows.all(
    rows.build
      .selectFrom("event")
      .select(["id", "trace_id"])
      .where("id", "=", nameText(id))
      .orderBy("no", "desc")
      .limit(1),
  );
  if (row !== undefined) {
    const traceId = row.trace_id ?? traceIdOf(row.id);
    return { traceId, own: [traceId, row.id] };
  }
  const traceId = placeOf(`00-${id.toLowerCase()}-${"1".repeat(16)}-01`)?.traceId;
  return traceId === undefined ? undefined : { traceId, own: [traceId] };
}

/** Two questions: one with OR would not use both indexes in every database. */
async function eventsOf(rows: Rows, { traceId, own: ids }: Asked, most: number): Promise<readonly EventRow[]> {
  const all = rows.build.selectFrom("event").selectAll().orderBy("received_us").orderBy("no").limit(most);
  const brought = await rows.all(all.where("trace_id", "=", traceId));
  const own = await rows.all(all.where("id", "in", ids).where("trace_id", "is", null));
  return [...own, ...brought].sort((a, b) => a.received_us - b.received_us || a.no - b.no).slice(0, most);
}

async function decisionsOf(rows: Rows, events: readonly number[]): Promise<RecordedTrace["decisions"]> {
  const found = await inTurns(events, (nos) =>
    rows.all(
      rows.build
        .selectFrom("decision")
        .innerJoin("event", "event.no", "decision.event_no")
        .select((eb) => [
          ...(["decision.sensor", "decision.trigger_name", "decision.dependency", "decision.decision"] as const),
          ...(["decision.reason", "decision.at_us"] as const),
          eb.ref("event.id").as("event"),
        ])
        .where("decision.event_no", "in", nos)
        .where("decision.decision", "<>", "fired")
        .orderBy("decision.at_us"),
    ),
  );
  return found.map((row) => ({
    event: row.event,
    sensor: row.sensor,
    trigger: row.trigger_name,
    dependency: row.dependency,
    decision: row.decision as RecordedDecision["decision"],
    reason: row.reason ?? undefined,
    firing: undefined,
    atUs: row.at_us,
  }));
}

async function firingsOf(rows: Rows, events: readonly number[], most: number): Promise<readonly FiringRow[]> {
  const found = await inTurns(events, (nos) =>
    rows.all(
      rows.build
        .selectFrom("firing")
        .selectAll()
        .where("no", "in", (eb) => eb.selectFrom("firing_event").select("firing_no").where("event_no", "in", nos))
        .orderBy("no")
        .limit(most),
    ),
  );
  // one that two of the events satisfied may come in two turns
  const once = new Map(found.map((row) => [row.no, row]));
  return [...once.values()].sort((a, b) => a.no - b.no).slice(0, most);
}

/** What belongs to firings. */
async function partsOf(rows: Rows, firings: readonly FiringRow[], most: number) {
  const nos = firings.map(({ no }) => no);
  const pairs = await inTurns(nos, (some) =>
    rows.all(
      rows.build
        .selectFrom("firing_event as pair")
        .innerJoin("event", "event.no", "pair.event_no")
        .select(["pair.firing_no as firing_no", "pair.dependency as dependency", "event.id as event"])
        .select(["event.seq as seq", "event.trace_id as trace_id", "event.parent_span as parent_span"])
        .where("pair.firing_no", "in", some),
    ),
  );
  const attempts = await inTurns(nos, (some) =>
    rows.all(rows.build.selectFrom("attempt").selectAll().where("firing_no", "in", some).orderBy("round").orderBy("n")),
  );
  const spans = await inTurns(nos, (some) =>
    rows.all(
      rows.build
        .selectFrom("span")
        .selectAll()
        .where("firing_no", "in", some)
        .orderBy("start_us")
        .orderBy("end_us", "desc")
        .limit(most),
    ),
  );
  const [pairsBy, attemptsBy, spansBy] = [byFiring(pairs), byFiring(attempts), byFiring(spans.slice(0, most))];
  const whole = (row: FiringRow): TracedRows => ({
    id: row.id,
    namespace: row.namespace,
    bus: row.bus,
    sensor: row.sensor,
    trigger: row.trigger_name,
    revision: row.revision,
    state: row.state,
    reason: row.reason ?? undefined,
    dueUs: row.due_us,
    firedUs: row.fired_us,
    parent: row.parent ?? undefined,
    round: row.round,
    events: (pairsBy.get(row.no) ?? [])
      .toSorted((a, b) => (a.seq ?? 0) - (b.seq ?? 0))
      .map(({ dependency, event, trace_id, parent_span }) => ({
        dependency,
        event,
        traceId: trace_id ?? traceIdOf(event),
        parentSpan: parent_span ?? undefined,
      })),
    attempts: (attemptsBy.get(row.no) ?? []).map(tracedAttempt),
    spans: (spansBy.get(row.no) ?? []).map(recordedSpan),
  });
  return { whole, truncated: spans.length >= most };
}

function tracedAttempt(row: AttemptRow): TracedRows["attempts"][number] {
  return { ...recordedAttempt(row), round: row.round };
}

function recordedSpan(row: SpanRow): RecordedSpan {
  return {
    round: row.round,
    n: row.n,
    spanId: row.span_id,
    parentId: row.parent_span ?? undefined,
    name: row.name,
    startUs: row.start_us,
    endUs: row.end_us,
    error: row.error ?? undefined,
    attributes: row.attributes === null ? {} : (JSON.parse(row.attributes) as RecordedSpan["attributes"]),
  };
}

function byFiring<Row extends { readonly firing_no: number }>(found: readonly Row[]): ReadonlyMap<number, Row[]> {
  const groups = new Map<number, Row[]>();
  for (const row of found) {
    const group = groups.get(row.firing_no);
    if (group === undefined) groups.set(row.firing_no, [row]);
    else group.push(row);
  }
  return groups;
}

async function inTurns<Row>(
  nos: readonly number[],
  ask: (some: readonly number[]) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const found: Row[] = [];
  for (let at = 0; at < nos.length; at += mostAtOnce) {
    for (const row of await ask(nos.slice(at, at + mostAtOnce))) found.push(row);
  }
  return found;
}
