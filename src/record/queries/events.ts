import { sql } from "kysely";
import { TideError } from "../../lib/errors.ts";
import { traceIdOf } from "../../lib/trace.ts";
import type { EventPage, EventQuery, History, RecordedEvent, RecordedFiring } from "../record.ts";
import { type AttemptRow, type EventRow, type FiringRow, nameText } from "../schema.ts";
import type { Builder, Rows } from "./query.ts";

const mostPerPage = 10_000;

/** Events by time, newest first. An event that is known only by name is not among them. */
export async function findEvents(rows: Rows, query: EventQuery): Promise<EventPage> {
  const limit = Math.min(Math.max(Math.trunc(query.limit), 1), mostPerPage);
  let select = rows.build
    .selectFrom("event")
    .selectAll()
    .where("source", "<>", "")
    .orderBy("received_us", "desc")
    .orderBy("no", "desc")
    .limit(limit + 1);
  if (query.fromUs !== undefined) select = select.where("received_us", ">=", query.fromUs);
  if (query.toUs !== undefined) select = select.where("received_us", "<", query.toUs);
  if (query.namespace !== undefined) select = select.where("namespace", "=", query.namespace);
  if (query.source !== undefined) {
    const slash = query.source.indexOf("/");
    select = select.where("source", "=", slash < 0 ? query.source : query.source.slice(0, slash));
    if (slash >= 0) select = select.where("subject", "=", query.source.slice(slash + 1));
  }
  if (query.receipt === "stored") select = select.where("receipt", "=", "stored");
  else if (query.receipt !== undefined) select = select.where(draftColumns[query.receipt], ">", 0);
  const { firing } = query;
  if (firing !== undefined)
    select = select.where((eb) =>
      eb.exists(
        eb
          .selectFrom("firing_event as pair")
          .innerJoin("firing", "firing.no", "pair.firing_no")
          .select(sql.lit(1).as("one"))
          .whereRef("pair.event_no", "=", "event.no")
          .where("firing.state", "=", firing),
      ),
    );
  if (query.cursor !== undefined) {
    const { receivedUs, no } = readCursor(query.cursor);
    select = select.where((eb) =>
      eb.or([eb("received_us", "<", receivedUs), eb.and([eb("received_us", "=", receivedUs), eb("no", "<", no)])]),
    );
  }
  const found = await rows.all(select);
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return {
    items: items.map(recordedEvent),
    ...(found.length > limit && last !== undefined ? { next: `${last.received_us}.${last.no}` } : {}),
  };
}

const draftColumns = {
  duplicate: "duplicates",
  filtered: "filtered_drafts",
  refused: "refused_drafts",
} as const;

function readCursor(cursor: string): { readonly receivedUs: number; readonly no: number } {
  const [, receivedUs, no] = /^(-?\d{1,16})\.(\d{1,16})$/.exec(cursor) ?? [];
  if (receivedUs === undefined || no === undefined)
    throw new TideError("RECORD_CURSOR", `${JSON.stringify(cursor.slice(0, 100))} is no place in a list of events`);
  return { receivedUs: Number(receivedUs), no: Number(no) };
}

/** The event of this id; the newest, where two buses have it. */
export async function findEvent(rows: Rows, id: string): Promise<RecordedEvent | undefined> {
  const select = rows.build
    .selectFrom("event")
    .selectAll()
    .where("id", "=", nameText(id))
    .orderBy("no", "desc")
    .limit(1);
  const [row] = await rows.all(select);
  return row === undefined ? undefined : recordedEvent(row);
}

export async function historyOf(rows: Rows, eventId: string): Promise<History> {
  const decisions = await rows.all(
    rows.build
      .selectFrom("decision")
      .innerJoin("event", "event.no", "decision.event_no")
      .leftJoin("firing", "firing.no", "decision.firing_no")
      .select([
        "decision.sensor",
        "decision.trigger_name",
        "decision.dependency",
        "decision.decision",
        "decision.reason",
        "decision.at_us",
        "firing.id as firing",
      ])
      .where("event.id", "=", nameText(eventId))
      .orderBy("decision.sensor")
      .orderBy("decision.trigger_name")
      .orderBy("decision.dependency"),
  );
  const firings = await rows.all(
    rows.build
      .selectFrom("firing")
      .selectAll()
      .where("no", "in", (eb) =>
        eb
          .selectFrom("firing_event as pair")
          .innerJoin("event", "event.no", "pair.event_no")
          .select("pair.firing_no")
          .where("event.id", "=", nameText(eventId)),
      )
      .orderBy("no"),
  );
  return {
    decisions: decisions.map((row) => ({
      sensor: row.sensor,
      trigger: row.trigger_name,
      dependency: row.dependency,
      decision: row.decision,
      reason: row.reason ?? undefined,
      firing: row.firing ?? undefined,
      atUs: row.at_us,
    })),
    firings: await Promise.all(firings.map((row) => wholeFiring(rows, row))),
  };
}

export async function findFiring(rows: Rows, id: string): Promise<RecordedFiring | undefined> {
  const [row] = await rows.all(rows.build.selectFrom("firing").selectAll().where("id", "=", nameText(id)));
  return row === undefined ? undefined : wholeFiring(rows, row);
}

async function wholeFiring(rows: Rows, row: FiringRow): Promise<RecordedFiring> {
  const events = await rows.all(eventsOf(rows.build, row.no));
  const attempts = await rows.all(
    rows.build.selectFrom("attempt").selectAll().where("firing_no", "=", row.no).orderBy("round").orderBy("n"),
  );
  return {
    id: row.id,
    namespace: row.namespace,
    bus: row.bus,
    sensor: row.sensor,
    trigger: row.trigger_name,
    revision: row.revision,
    state: row.state,
    dueUs: row.due_us,
    reason: row.reason ?? undefined,
    parent: row.parent ?? undefined,
    events,
    attempts: attempts.map(recordedAttempt),
  };
}

function eventsOf(build: Builder, firingNo: number) {
  return build
    .selectFrom("firing_event as pair")
    .innerJoin("event", "event.no", "pair.event_no")
    .select(["pair.dependency as dependency", "event.id as event"])
    .where("pair.firing_no", "=", firingNo)
    .orderBy("pair.dependency")
    .orderBy("pair.event_no");
}

export function recordedAttempt(row: AttemptRow): RecordedFiring["attempts"][number] {
  return {
    n: row.n,
    startedUs: row.started_us,
    endedUs: row.ended_us,
    outcome: row.outcome,
    code: row.code ?? undefined,
    error: row.error ?? undefined,
    status: row.status ?? undefined,
    batch: row.batch === null ? undefined : { id: row.batch, size: row.batch_size ?? 1 },
  };
}

export function recordedEvent(row: EventRow): RecordedEvent {
  return {
    id: row.id,
    namespace: row.namespace,
    bus: row.bus,
    seq: row.seq ?? undefined,
    source: row.source,
    subject: row.subject,
    type: row.type,
    receipt: row.receipt,
    reason: row.reason ?? undefined,
    duplicates: row.duplicates,
    sentUs: row.sent_us ?? undefined,
    receivedUs: row.received_us,
    storedUs: row.stored_us ?? undefined,
    decidedUs: row.decided_us ?? undefined,
    matched: row.matched ?? undefined,
    filtered: row.filtered ?? undefined,
    nowMs: row.now_ms ?? undefined,
    seed: row.seed ?? undefined,
    planSet: row.plan_set ?? undefined,
    bytes: row.bytes ?? undefined,
    traceId: row.trace_id ?? traceIdOf(row.id),
    parentSpan: row.parent_span ?? undefined,
    skewUs: row.skew_us ?? undefined,
    replayOf: row.replay_of ?? undefined,
  };
}
