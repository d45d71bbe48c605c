import type { DatabaseSync } from "node:sqlite";
import { transact } from "./database.ts";

/** Where a walk over old events is: after this one. */
export interface RetainCursor {
  readonly receivedUs: number;
  readonly no: number;
}

export interface Retained {
  readonly removed: number;
  /** Where to go on; undefined when there is nothing older any more. */
  readonly next: RetainCursor | undefined;
}

const eventsPerBatch = 500;

const finished = `
  (e.source = '' OR e.receipt <> 'stored' OR e.decided_us IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.event_no = e.no AND d.decision = 'waiting')
  AND NOT EXISTS (SELECT 1 FROM firing_event p JOIN firing f ON f.no = p.firing_no
                  WHERE p.event_no = e.no AND f.state NOT IN ('done', 'dropped'))`;

/**
 * Deletes one batch of events received before `olderThanUs`, with what belongs to them. An event stays while it is
 * undecided, waits, or has a firing that may still run (a dead letter too: it can be retried). A firing goes with the
 * last of its events. The file keeps its size: its pages are used again.
 */
export function retainBatch(database: DatabaseSync, olderThanUs: number, after: RetainCursor | undefined): Retained {
  const from = after ?? { receivedUs: Number.MIN_SAFE_INTEGER, no: 0 };
  return transact(database, () => {
    const seen = database
      .prepare(
        `SELECT e.no AS no, e.received_us AS received_us, ${finished} AS finished FROM event e
         WHERE e.received_us < ? AND (e.received_us, e.no) > (?, ?) ORDER BY e.received_us, e.no LIMIT ?`,
      )
      .all(olderThanUs, from.receivedUs, from.no, eventsPerBatch);
    const last = seen.at(-1);
    const old = seen.filter((row) => row.finished === 1).map((row) => Number(row.no));
    if (old.length > 0) remove(database, old);
    if (last !== undefined && seen.length === eventsPerBatch)
      return { removed: old.length, next: { receivedUs: Number(last.received_us), no: Number(last.no) } };
    removeUnknown(database, olderThanUs);
    return { removed: old.length, next: undefined };
  });
}

function remove(database: DatabaseSync, eventNos: readonly number[]): void {
  const nos = JSON.stringify(eventNos);
  const events = "(SELECT value FROM json_each(?))";
  const firings = database
    .prepare(`SELECT DISTINCT firing_no FROM firing_event WHERE event_no IN ${events}`)
    .all(nos)
    .map((row) => Number(row.firing_no));
  database
    .prepare(
      `UPDATE place SET retained_seq = max(retained_seq, coalesce((SELECT max(e.seq) FROM event e
       WHERE e.no IN ${events} AND e.namespace = place.namespace AND e.bus = place.bus), 0))`,
    )
    .run(nos);
  database.prepare(`DELETE FROM decision WHERE event_no IN ${events}`).run(nos);
  database.prepare(`DELETE FROM catch_up WHERE event_no IN ${events}`).run(nos);
  database.prepare(`DELETE FROM firing_event WHERE event_no IN ${events}`).run(nos);
  database.prepare(`DELETE FROM event WHERE no IN ${events}`).run(nos);
  const bare = database
    .prepare(
      `SELECT value AS no FROM json_each(?)
       WHERE NOT EXISTS (SELECT 1 FROM firing_event WHERE firing_event.firing_no = value)`,
    )
    .all(JSON.stringify(firings))
    .map((row) => Number(row.no));
  removeFirings(database, bare);
}

/** Firings that only an attempt spoke of have no events to go with. */
function removeUnknown(database: DatabaseSync, olderThanUs: number): void {
  const unknown = database
    .prepare("SELECT no FROM firing WHERE sensor = '' AND fired_us < ? LIMIT ?")
    .all(olderThanUs, eventsPerBatch)
    .map((row) => Number(row.no));
  if (unknown.length > 0) removeFirings(database, unknown);
}

function removeFirings(database: DatabaseSync, firingNos: readonly number[]): void {
  const nos = JSON.stringify(firingNos);
  database.prepare("DELETE FROM attempt WHERE firing_no IN (SELECT value FROM json_each(?))").run(nos);
  database.prepare("DELETE FROM firing WHERE no IN (SELECT value FROM json_each(?))").run(nos);
}
