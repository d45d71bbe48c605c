import type { FactChunk } from "../../bus/bus.ts";
import { Changes, type Known } from "../changes.ts";
import { foldFacts, mentioned, readFacts } from "../fold.ts";
import type { RecordedBus } from "../record.ts";
import {
  type AttemptRow,
  type CatchUpRow,
  type DecisionRow,
  type EventRow,
  type FiringRow,
  nameText,
  type PairRow,
  type PlaceRow,
  type SpanRow,
} from "../schema.ts";
import type { Session, Store } from "./store.ts";

/** Puts facts into the tables. */
export interface RecordWriter {
  place(bus: RecordedBus): Promise<number>;
  apply(bus: RecordedBus, chunks: readonly FactChunk[]): Promise<void>;
}

export function createWriter(store: Store): RecordWriter {
  return {
    async place(bus) {
      const place = await store.read((session) => placeOf(session, kept(bus), bus.log));
      return place?.seq ?? 0;
    },
    async apply(given, chunks) {
      const lastSeq = chunks.at(-1)?.seq;
      if (lastSeq === undefined) return;
      const bus = kept(given);
      await store.write(async (session) => {
        const before = await placeOf(session, bus, given.log);
        const seq = before?.seq ?? 0;
        // what came before is in the tables: an answer to its commit was lost, or another process was faster
        const facts = readFacts(chunks.filter((chunk) => chunk.seq > seq));
        if (lastSeq <= seq) return;
        const changes = new Changes(bus, await known(session, bus, mentioned(facts)));
        foldFacts(changes, facts);
        await write(session, changes);
        await session.put("place", [
          {
            ...bus,
            seq: lastSeq,
            first_seq: before?.first_seq ?? changes.firstStoredSeq ?? null,
            retained_seq: before?.retained_seq ?? 0,
            log: given.log ?? before?.log ?? null,
          },
        ]);
      });
    },
  };
}

function kept({ namespace, bus }: RecordedBus): RecordedBus {
  return { namespace: nameText(namespace), bus: nameText(bus) };
}

/** undefined where this fact log is new to the record. */
async function placeOf(
  session: Session,
  { namespace, bus }: RecordedBus,
  log: string | undefined,
): Promise<PlaceRow | undefined> {
  const [place] = await session.all<PlaceRow>("SELECT * FROM place WHERE namespace = ? AND bus = ?", [namespace, bus]);
  const other = log !== undefined && place !== undefined && place.log !== null && place.log !== log;
  return other ? undefined : place;
}

/** What the tables have of the ids that facts speak of. One question for all of them: an id costs a probe, no call. */
async function known(
  session: Session,
  { namespace, bus }: RecordedBus,
  wanted: { readonly events: ReadonlySet<string>; readonly firings: ReadonlySet<string> },
): Promise<Known> {
  const { among } = session.dialect;
  const [nos] = await session.all<{ event_no: number; firing_no: number }>(
    `SELECT coalesce((SELECT max(no) FROM event), 0) + 1 AS event_no,
            coalesce((SELECT max(no) FROM firing), 0) + 1 AS firing_no`,
  );
  const events =
    wanted.events.size === 0
      ? []
      : await session.all<EventRow>(`SELECT * FROM event WHERE ${among("id")} AND namespace = ? AND bus = ?`, [
          [...wanted.events],
          namespace,
          bus,
        ]);
  const firings =
    wanted.firings.size === 0
      ? []
      : await session.all<FiringRow>(`SELECT * FROM firing WHERE ${among("id")}`, [[...wanted.firings]]);
  const catchUps =
    events.length === 0
      ? []
      : await session.all<CatchUpRow>(`SELECT * FROM catch_up WHERE ${among("event_no")}`, [
          events.map(({ no }) => no),
        ]);
  return { events, firings, catchUps, nextEventNo: nos?.event_no ?? 1, nextFiringNo: nos?.firing_no ?? 1 };
}

async function write(session: Session, changes: Changes): Promise<void> {
  const events: EventRow[] = [];
  const decisions: DecisionRow[] = [];
  for (const event of changes.events) {
    if (event.changed) events.push(event.row);
    decisions.push(...event.decisions);
  }
  const firings: FiringRow[] = [];
  const pairs: PairRow[] = [];
  const attempts: AttemptRow[] = [];
  const spans: SpanRow[] = [];
  for (const firing of changes.firings) {
    if (firing.changed) firings.push(firing.row);
    pairs.push(...firing.pairs);
    attempts.push(...firing.attempts);
    spans.push(...firing.spans);
  }
  await session.put("event", events);
  await session.put("decision", decisions);
  await session.put("firing", firings);
  await session.put("firing_event", pairs);
  await session.put("attempt", attempts);
  await session.put("span", spans);
  await session.put("catch_up", [...changes.catchUps()]);
}
