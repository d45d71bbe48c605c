import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { FactChunk } from "../../bus/bus.ts";
import { TideError } from "../../lib/errors.ts";
import { Changes, type Known } from "../changes.ts";
import { foldFacts, mentioned, readFacts } from "../fold.ts";
import type { RecordedBus } from "../record.ts";
import type { CatchUpRow, EventRow, FiringRow, Tables } from "../schema.ts";
import { transact } from "./database.ts";

/** Puts facts into the tables, on the one connection that writes. */
export interface RecordWriter {
  place(bus: RecordedBus): number;
  apply(bus: RecordedBus, chunks: readonly FactChunk[]): void;
}

export function createWriter(database: DatabaseSync): RecordWriter {
  const statements = prepare(database);
  const place = (bus: RecordedBus): number => {
    const seq = statements.place.get(bus.namespace, bus.bus)?.seq;
    return typeof seq === "number" ? seq : 0;
  };
  return {
    place,
    apply(bus, chunks) {
      const lastSeq = chunks.at(-1)?.seq;
      if (lastSeq === undefined) return;
      transact(database, () => {
        const before = place(bus);
        const facts = readFacts(chunks.filter((chunk) => chunk.seq > before));
        if (lastSeq <= before) return;
        const changes = new Changes(bus, known(statements, bus, mentioned(facts)));
        foldFacts(changes, facts);
        write(statements, changes);
        statements.setPlace.run(bus.namespace, bus.bus, lastSeq, changes.firstStoredSeq ?? null);
      });
    },
  };
}

type Statements = ReturnType<typeof prepare>;

function prepare(database: DatabaseSync) {
  return {
    place: database.prepare("SELECT seq FROM place WHERE namespace = ? AND bus = ?"),
    setPlace: database.prepare(
      `INSERT INTO place (namespace, bus, seq, first_seq) VALUES (?, ?, ?, ?) ON CONFLICT (namespace, bus)
       DO UPDATE SET seq = excluded.seq, first_seq = coalesce(first_seq, excluded.first_seq)`,
    ),
    nextNos: database.prepare(
      `SELECT coalesce((SELECT max(no) FROM event), 0) + 1 AS event_no,
              coalesce((SELECT max(no) FROM firing), 0) + 1 AS firing_no`,
    ),
    // one look-up for all ids of a transaction: an id that is not there costs a probe, no call
    events: database.prepare(
      `SELECT event.* FROM json_each(?) AS wanted CROSS JOIN event
       ON event.id = wanted.value AND event.namespace = ? AND event.bus = ?`,
    ),
    firings: database.prepare(
      "SELECT firing.* FROM json_each(?) AS wanted CROSS JOIN firing ON firing.id = wanted.value",
    ),
    catchUps: database.prepare(
      "SELECT catch_up.* FROM json_each(?) AS wanted CROSS JOIN catch_up ON catch_up.event_no = wanted.value",
    ),
    insertEvent: inserting(database, "event", eventColumns),
    updateEvent: updating(database, "event", eventColumns),
    insertFiring: inserting(database, "firing", firingColumns),
    updateFiring: updating(database, "firing", firingColumns),
    decision: inserting(database, "decision", decisionColumns, ["event_no", "sensor", "trigger_name", "dependency"]),
    pair: inserting(database, "firing_event", pairColumns, pairColumns),
    attempt: inserting(database, "attempt", attemptColumns, ["firing_no", "round", "n"]),
    catchUp: inserting(database, "catch_up", catchUpColumns, ["event_no", "sensor"]),
  };
}

/** Ids by `JSON.stringify` as one parameter. The rows are what `schema.ts` says, because only this file writes them. */
function known(
  statements: Statements,
  bus: RecordedBus,
  wanted: { readonly events: ReadonlySet<string>; readonly firings: ReadonlySet<string> },
): Known {
  const nos = statements.nextNos.get() as { event_no: number; firing_no: number };
  const events = statements.events.all(JSON.stringify([...wanted.events]), bus.namespace, bus.bus);
  const firings = wanted.firings.size === 0 ? [] : statements.firings.all(JSON.stringify([...wanted.firings]));
  const catchUps = events.length === 0 ? [] : statements.catchUps.all(JSON.stringify(events.map(({ no }) => no)));
  return {
    events: events as unknown as readonly EventRow[],
    firings: firings as unknown as readonly FiringRow[],
    catchUps: catchUps as unknown as readonly CatchUpRow[],
    nextEventNo: nos.event_no,
    nextFiringNo: nos.firing_no,
  };
}

function write(statements: Statements, changes: Changes): void {
  for (const event of changes.events) {
    if (event.fresh) statements.insertEvent(event.row);
    else if (event.changed) statements.updateEvent(event.row);
    for (const decision of event.decisions) statements.decision(decision);
  }
  for (const firing of changes.firings) {
    if (firing.fresh) statements.insertFiring(firing.row);
    else if (firing.changed) statements.updateFiring(firing.row);
    for (const pair of firing.pairs) statements.pair(pair);
    for (const attempt of firing.attempts) statements.attempt(attempt);
  }
  for (const row of changes.catchUps()) statements.catchUp(row);
}

type Columns<Row> = readonly (keyof Row & string)[];

/** Inserts one row. With `key`, a row of that key is replaced. */
function inserting<Name extends keyof Tables>(
  database: DatabaseSync,
  table: Name,
  columns: Columns<Tables[Name]>,
  key: Columns<Tables[Name]> = [],
): (row: Tables[Name]) => void {
  const rest = columns.filter((column) => !key.includes(column)).map((column) => `${column} = excluded.${column}`);
  const conflict =
    key.length === 0 ? "" : ` ON CONFLICT (${key}) DO ${rest.length === 0 ? "NOTHING" : `UPDATE SET ${rest}`}`;
  const marks = columns.map(() => "?");
  return running(database.prepare(`INSERT INTO ${table} (${columns}) VALUES (${marks})${conflict}`), columns);
}

/** Writes all columns of the row with this `no`. */
function updating<Name extends "event" | "firing">(
  database: DatabaseSync,
  table: Name,
  columns: Columns<Tables[Name]>,
): (row: Tables[Name]) => void {
  const sets = columns.map((column) => `${column} = ?`);
  const run = running<Tables[Name]>(database.prepare(`UPDATE ${table} SET ${sets} WHERE no = ?`), [
    ...columns,
    "no" as keyof Tables[Name] & string,
  ]);
  return run;
}

function running<Row>(statement: StatementSync, columns: Columns<Row>): (row: Row) => void {
  const values = new Array<SQLInputValue>(columns.length).fill(null);
  return (row) => {
    for (let at = 0; at < columns.length; at++) {
      const value: unknown = row[columns[at] as keyof Row];
      // a fact without one of its fields: not a failure of the database
      if (value !== null && typeof value !== "string" && typeof value !== "number")
        throw new TideError("RECORD_FACTS_BAD", `a fact has ${typeof value} as ${columns[at]}`);
      values[at] = value;
    }
    statement.run(...values);
  };
}

const eventColumns: Columns<Tables["event"]> = [
  "no",
  "namespace",
  "bus",
  "seq",
  "id",
  "source",
  "subject",
  "type",
  "receipt",
  "reason",
  "duplicates",
  "filtered_drafts",
  "refused_drafts",
  "sent_us",
  "received_us",
  "stored_us",
  "decided_us",
  "now_ms",
  "seed",
  "plan_set",
  "matched",
  "filtered",
  "bytes",
];
const firingColumns: Columns<Tables["firing"]> = [
  "no",
  "namespace",
  "bus",
  "id",
  "sensor",
  "trigger_name",
  "revision",
  "state",
  "reason",
  "due_us",
  "fired_us",
  "done_us",
  "parent",
  "round",
];
const decisionColumns: Columns<Tables["decision"]> = [
  "event_no",
  "sensor",
  "trigger_name",
  "dependency",
  "decision",
  "reason",
  "firing_no",
  "at_us",
];
const pairColumns: Columns<Tables["firing_event"]> = ["firing_no", "dependency", "event_no"];
const attemptColumns: Columns<Tables["attempt"]> = [
  "firing_no",
  "round",
  "n",
  "started_us",
  "ended_us",
  "outcome",
  "code",
  "error",
  "status",
];
const catchUpColumns: Columns<Tables["catch_up"]> = ["event_no", "sensor", "matched", "filtered"];
