/** What brings a record from one version to the next: entry 0 makes version 1. Never edited once released. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE record_meta (version INTEGER NOT NULL);
  CREATE TABLE place (
    namespace TEXT NOT NULL, bus TEXT NOT NULL, seq INTEGER NOT NULL, first_seq INTEGER,
    retained_seq INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (namespace, bus)) WITHOUT ROWID;
  CREATE TABLE event (
    no INTEGER PRIMARY KEY, namespace TEXT NOT NULL, bus TEXT NOT NULL, seq INTEGER, id TEXT NOT NULL,
    source TEXT NOT NULL, subject TEXT NOT NULL, type TEXT NOT NULL, receipt TEXT NOT NULL, reason TEXT,
    duplicates INTEGER NOT NULL, filtered_drafts INTEGER NOT NULL, refused_drafts INTEGER NOT NULL,
    sent_us INTEGER, received_us INTEGER NOT NULL, stored_us INTEGER, decided_us INTEGER, now_ms REAL, seed INTEGER,
    plan_set TEXT, matched INTEGER, filtered INTEGER, bytes INTEGER);
  CREATE INDEX event_by_id ON event (id);
  CREATE INDEX event_by_time ON event (received_us);
  CREATE TABLE catch_up (
    event_no INTEGER NOT NULL, sensor TEXT NOT NULL, matched INTEGER NOT NULL, filtered INTEGER NOT NULL,
    PRIMARY KEY (event_no, sensor)) WITHOUT ROWID;
  CREATE TABLE decision (
    event_no INTEGER NOT NULL, sensor TEXT NOT NULL, trigger_name TEXT NOT NULL, dependency TEXT NOT NULL,
    decision TEXT NOT NULL, reason TEXT, firing_no INTEGER, at_us INTEGER NOT NULL,
    PRIMARY KEY (event_no, sensor, trigger_name, dependency)) WITHOUT ROWID;
  CREATE TABLE firing (
    no INTEGER PRIMARY KEY, namespace TEXT NOT NULL, bus TEXT NOT NULL, id TEXT NOT NULL, sensor TEXT NOT NULL,
    trigger_name TEXT NOT NULL, revision TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, due_us INTEGER NOT NULL,
    fired_us INTEGER NOT NULL, done_us INTEGER, parent TEXT, round INTEGER NOT NULL);
  CREATE UNIQUE INDEX firing_by_id ON firing (id);
  CREATE INDEX firing_unknown ON firing (fired_us) WHERE sensor = '';
  CREATE TABLE firing_event (
    firing_no INTEGER NOT NULL, dependency TEXT NOT NULL, event_no INTEGER NOT NULL,
    PRIMARY KEY (firing_no, dependency, event_no)) WITHOUT ROWID;
  CREATE INDEX firing_by_event ON firing_event (event_no);
  CREATE TABLE attempt (
    firing_no INTEGER NOT NULL, round INTEGER NOT NULL, n INTEGER NOT NULL, started_us INTEGER NOT NULL,
    ended_us INTEGER NOT NULL, outcome TEXT NOT NULL, code TEXT, error TEXT, status TEXT,
    PRIMARY KEY (firing_no, round, n)) WITHOUT ROWID;
  `,
];
