import { TideError } from "../../lib/errors.ts";
import { recordVersion } from "../schema.ts";
import type { Dialect } from "./dialect.ts";
import type { Session } from "./store.ts";

/** What brings a record from one version to the next: entry 0 makes version 1. Never edited once released. */
const migrations: readonly ((dialect: Dialect) => readonly string[])[] = [
  ({ types: { int, real, word, name, text }, tableOptions: { clustered, plain }, partialIndex }) => [
    `CREATE TABLE place (
      namespace ${name} NOT NULL, bus ${name} NOT NULL, seq ${int} NOT NULL, first_seq ${int},
      retained_seq ${int} DEFAULT 0 NOT NULL, PRIMARY KEY (namespace, bus))${clustered}`,
    `CREATE TABLE event (
      no ${int} PRIMARY KEY, namespace ${name} NOT NULL, bus ${name} NOT NULL, seq ${int}, id ${name} NOT NULL,
      source ${name} NOT NULL, subject ${name} NOT NULL, type ${name} NOT NULL, receipt ${word} NOT NULL, reason ${text},
      duplicates ${int} NOT NULL, filtered_drafts ${int} NOT NULL, refused_drafts ${int} NOT NULL,
      sent_us ${int}, received_us ${int} NOT NULL, stored_us ${int}, decided_us ${int}, now_ms ${real}, seed ${int},
      plan_set ${name}, matched ${int}, filtered ${int}, bytes ${int})${plain}`,
    "CREATE INDEX event_by_id ON event (id)",
    "CREATE INDEX event_by_time ON event (received_us)",
    `CREATE TABLE catch_up (
      event_no ${int} NOT NULL, sensor ${name} NOT NULL, matched ${int} NOT NULL, filtered ${int} NOT NULL,
      PRIMARY KEY (event_no, sensor))${clustered}`,
    `CREATE TABLE decision (
      event_no ${int} NOT NULL, sensor ${name} NOT NULL, trigger_name ${name} NOT NULL, dependency ${name} NOT NULL,
      decision ${word} NOT NULL, reason ${text}, firing_no ${int}, at_us ${int} NOT NULL,
      PRIMARY KEY (event_no, sensor, trigger_name, dependency))${clustered}`,
    `CREATE TABLE firing (
      no ${int} PRIMARY KEY, namespace ${name} NOT NULL, bus ${name} NOT NULL, id ${name} NOT NULL, sensor ${name} NOT NULL,
      trigger_name ${name} NOT NULL, revision ${name} NOT NULL, state ${word} NOT NULL, reason ${text},
      due_us ${int} NOT NULL, fired_us ${int} NOT NULL, done_us ${int}, parent ${name}, round ${int} NOT NULL)${plain}`,
    "CREATE UNIQUE INDEX firing_by_id ON firing (id)",
    // rows come in the order of their time: even without a condition it costs little
    `CREATE INDEX firing_unknown ON firing (fired_us)${partialIndex ? " WHERE sensor = ''" : ""}`,
    `CREATE TABLE firing_event (
      firing_no ${int} NOT NULL, dependency ${name} NOT NULL, event_no ${int} NOT NULL,
      PRIMARY KEY (firing_no, dependency, event_no))${clustered}`,
    "CREATE INDEX firing_by_event ON firing_event (event_no)",
    `CREATE TABLE attempt (
      firing_no ${int} NOT NULL, round ${int} NOT NULL, n ${int} NOT NULL, started_us ${int} NOT NULL,
      ended_us ${int} NOT NULL, outcome ${word} NOT NULL, code ${word}, error ${text}, status ${text},
      PRIMARY KEY (firing_no, round, n))${clustered}`,
  ],
  ({ types: { int, name } }) => [
    `ALTER TABLE attempt ADD COLUMN batch ${name}`,
    `ALTER TABLE attempt ADD COLUMN batch_size ${int}`,
  ],
  ({ types: { name } }) => [`ALTER TABLE place ADD COLUMN log ${name}`],
  ({ types: { int, name, text }, tableOptions: { clustered }, partialIndex }) => [
    `ALTER TABLE event ADD COLUMN trace_id ${name}`,
    `ALTER TABLE event ADD COLUMN parent_span ${name}`,
    `ALTER TABLE event ADD COLUMN skew_us ${int}`,
    // most events bring none: those cost nothing here
    `CREATE INDEX event_by_trace ON event (trace_id)${partialIndex ? " WHERE trace_id IS NOT NULL" : ""}`,
    `CREATE TABLE span (
      firing_no ${int} NOT NULL, round ${int} NOT NULL, n ${int} NOT NULL, span_id ${name} NOT NULL,
      start_us ${int} NOT NULL, end_us ${int} NOT NULL, name ${text} NOT NULL, parent_span ${name}, error ${text},
      attributes ${text}, PRIMARY KEY (firing_no, round, n, span_id, start_us))${clustered}`,
  ],
  ({ types: { name } }) => [`ALTER TABLE event ADD COLUMN replay_of ${name}`],
];

/** Names that a record takes in a database that it may share with others. */
export const tableNames = [
  "record_meta",
  ...["place", "event", "catch_up", "decision", "firing", "firing_event", "attempt", "span"],
];

/** The version of a record that is there. Throws RECORD_DAMAGED when it does not say it, RECORD_NEWER. */
export async function versionIn(session: Session, where: string, lock = ""): Promise<number> {
  const [row] = await session.all<{ version: unknown }>(`SELECT version FROM record_meta${lock}`);
  if (typeof row?.version !== "number")
    throw new TideError("RECORD_DAMAGED", `the record ${where} does not say its version`);
  if (row.version > recordVersion)
    throw new TideError(
      "RECORD_NEWER",
      `the record ${where} has version ${row.version}, this tidemill reads up to ${recordVersion}`,
    );
  return row.version;
}

/** For who may not change anything: the version must be this one. `version` is undefined where there is no record. */
export function demandVersion(version: number | undefined, where: string): void {
  if (version === undefined) throw new TideError("RECORD_MISSING", `${where} holds no record`);
  if (version !== recordVersion)
    throw new TideError("RECORD_UNWRITABLE", `the record ${where} has the old version ${version}, and is read-only`);
}

/**
 * Makes the tables or brings them to this version; the caller holds a lock that no other process passes. Where statements
 * of this kind cannot be undone (MySQL), a crash leaves some of them done: `again` runs one that may have been.
 */
export async function bringUp(
  session: Session,
  { version, again }: { readonly version: number | undefined; again(text: string): Promise<void> },
): Promise<void> {
  const { dialect } = session;
  let from = version;
  if (from === undefined) {
    await again(`CREATE TABLE record_meta (version ${dialect.types.int} PRIMARY KEY)${dialect.tableOptions.plain}`);
    await session.run("INSERT INTO record_meta (version) VALUES (0)");
    from = 0;
  }
  for (let next = from; next < recordVersion; next++) {
    for (const text of migrations[next]?.(dialect) ?? []) await again(text);
    await session.run("UPDATE record_meta SET version = ?", [next + 1]);
  }
}
