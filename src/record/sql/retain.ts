import type { Session, Store } from "./store.ts";

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

const finished = `CASE WHEN
  (e.source = '' OR e.receipt <> 'stored' OR e.decided_us IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.event_no = e.no AND d.decision = 'waiting')
  AND NOT EXISTS (SELECT 1 FROM firing_event p JOIN firing f ON f.no = p.firing_no
                  WHERE p.event_no = e.no AND f.state NOT IN ('done', 'dropped'))
  THEN 1 ELSE 0 END`;

/**
 * Deletes one batch of events received before `olderThanUs`, with what belongs to them. An event stays while it is
 * undecided, waits, or has a firing that may still run (a dead letter too: it can be retried). A firing goes with the
 * last of its events. A file of SQLite keeps its size: its pages are used again.
 */
export function retainBatch(store: Store, olderThanUs: number, after: RetainCursor | undefined): Promise<Retained> {
  const from = after ?? { receivedUs: Number.MIN_SAFE_INTEGER, no: 0 };
  return store.write(async (session) => {
    const seen = await session.all<{ no: number; received_us: number; finished: number }>(
      `SELECT e.no AS no, e.received_us AS received_us, ${finished} AS finished FROM event e
       WHERE e.received_us < ? AND e.received_us >= ? AND (e.received_us > ? OR e.no > ?)
       ORDER BY e.received_us, e.no LIMIT ${eventsPerBatch}`,
      [olderThanUs, from.receivedUs, from.receivedUs, from.no],
    );
    const last = seen.at(-1);
    const old = seen.filter((row) => row.finished === 1).map((row) => row.no);
    if (old.length > 0) await remove(session, old);
    if (last !== undefined && seen.length === eventsPerBatch)
      return { removed: old.length, next: { receivedUs: last.received_us, no: last.no } };
    await removeUnknown(session, olderThanUs);
    return { removed: old.length, next: undefined };
  });
}

async function remove(session: Session, events: readonly number[]): Promise<void> {
  const { among } = session.dialect;
  const firings = await session.all<{ firing_no: number }>(
    `SELECT DISTINCT firing_no FROM firing_event WHERE ${among("event_no")}`,
    [events],
  );
  const places = await session.all<{ namespace: string; bus: string; seq: number | null }>(
    `SELECT namespace, bus, max(seq) AS seq FROM event WHERE ${among("no")} GROUP BY namespace, bus`,
    [events],
  );
  for (const { namespace, bus, seq } of places)
    await session.run("UPDATE place SET retained_seq = ? WHERE namespace = ? AND bus = ? AND retained_seq < ?", [
      ...[seq ?? 0, namespace, bus, seq ?? 0],
    ]);
  for (const table of ["decision", "catch_up", "firing_event"] as const)
    await session.run(`DELETE FROM ${table} WHERE ${among("event_no")}`, [events]);
  await session.run(`DELETE FROM event WHERE ${among("no")}`, [events]);
  if (firings.length === 0) return;
  const bare = await session.all<{ no: number }>(
    `SELECT no FROM firing WHERE ${among("no")}
     AND NOT EXISTS (SELECT 1 FROM firing_event WHERE firing_event.firing_no = firing.no)`,
    [firings.map(({ firing_no }) => firing_no)],
  );
  await removeFirings(session, bare);
}

/** Firings that only an attempt spoke of have no events to go with. */
async function removeUnknown(session: Session, olderThanUs: number): Promise<void> {
  const unknown = await session.all<{ no: number }>(
    `SELECT no FROM firing WHERE sensor = '' AND fired_us < ? LIMIT ${eventsPerBatch}`,
    [olderThanUs],
  );
  await removeFirings(session, unknown);
}

async function removeFirings(session: Session, firings: readonly { readonly no: number }[]): Promise<void> {
  if (firings.length === 0) return;
  const { among } = session.dialect;
  const nos = firings.map(({ no }) => no);
  for (const table of ["attempt", "span"] as const)
    await session.run(`DELETE FROM ${table} WHERE ${among("firing_no")}`, [nos]);
  await session.run(`DELETE FROM firing WHERE ${among("no")}`, [nos]);
}
