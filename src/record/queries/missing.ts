import { sql } from "kysely";
import type { Audit, RecordRange } from "../record.ts";
import type { Rows } from "./query.ts";
import { firingsInRange, inRange } from "./range.ts";

type Missing = Audit["missing"][number];

/** Of each kind; one entry more says that there are others. */
const mostPerKind = 1_000;

/** All that a sum lacks. Each question is one scan; the answer to each is empty in a sound record. */
export async function findMissing(rows: Rows, range: RecordRange): Promise<readonly Missing[]> {
  const found: Missing[] = [];
  for (const question of [unknownEvents, passedOver, sumsOff, withoutFiring, unknownFirings, badStates, badAttempts]) {
    const missing = await question(rows, range);
    found.push(...missing.slice(0, mostPerKind));
    if (missing.length > mostPerKind)
      found.push({ id: "", what: `and more like the ${mostPerKind} before: ${missing.at(-1)?.what ?? ""}` });
  }
  return found;
}

/** Decided, but never stored: unless it is older than this record, or retention took it. */
async function unknownEvents(rows: Rows, range: RecordRange): Promise<readonly Missing[]> {
  const found = await rows.all(
    inRange(rows, range)
      .innerJoin("place", (join) =>
        join.onRef("place.namespace", "=", "event.namespace").onRef("place.bus", "=", "event.bus"),
      )
      .select("event.id as id")
      .where("event.source", "=", "")
      .whereRef("event.seq", ">=", "place.first_seq")
      .whereRef("event.seq", ">", "place.retained_seq")
      .limit(mostPerKind + 1),
  );
  return found.map(({ id }) => ({ id, what: "an event was decided that is not recorded as stored" }));
}

/** Events are decided in the order of the log: one before a decided one that is itself undecided was passed over. */
async function passedOver(rows: Rows, range: RecordRange): Promise<readonly Missing[]> {
  const bounds = rows.build
    .selectFrom("event")
    .select((eb) => ["namespace", "bus", eb.fn.min("seq").as("first"), eb.fn.max("seq").as("last")])
    .where("decided_us", "is not", null)
    .where("source", "<>", "")
    .groupBy(["namespace", "bus"])
    .as("decided");
  const found = await rows.all(
    inRange(rows, range)
      .innerJoin(bounds, (join) =>
        join.onRef("decided.namespace", "=", "event.namespace").onRef("decided.bus", "=", "event.bus"),
      )
      .select("event.id as id")
      .where("event.receipt", "=", "stored")
      .where("event.source", "<>", "")
      .where("event.decided_us", "is", null)
      .whereRef("event.seq", ">", "decided.first")
      .whereRef("event.seq", "<", "decided.last")
      .limit(mostPerKind + 1),
  );
  return found.map(({ id }) => ({ id, what: "an event is undecided, although later ones are decided" }));
}

/** `matched` = filtered + decisions, for each event. Counted by look-ups: a sort of all events took MariaDB 15 s of 120,000. */
async function sumsOff(rows: Rows, range: RecordRange): Promise<readonly Missing[]> {
  const counted = inRange(rows, range)
    .select((eb) => [
      "event.id as id",
      "event.matched as matched",
      "event.filtered as filtered",
      eb
        .selectFrom("decision")
        .select((of) => of.fn.countAll<number>().as("count"))
        .whereRef("decision.event_no", "=", "event.no")
        .as("decisions"),
    ])
    .where("event.decided_us", "is not", null)
    .as("counted");
  const found = await rows.all(
    rows.build
      .selectFrom(counted)
      .select(["id", "matched", "filtered", "decisions"])
      .where(sql<boolean>`matched IS NULL OR filtered IS NULL OR matched <> filtered + decisions`)
      .limit(mostPerKind + 1),
  );
  return found.map(({ id, matched, filtered, decisions }) => ({
    id,
    what: `${matched} subscriptions matched the event, ${filtered} were filtered and ${decisions} have a decision`,
  }));
}

async function withoutFiring(rows: Rows, range: RecordRange): Promise<readonly Missing[]> {
  const found = await rows.all(
    inRange(rows, range)
      .innerJoin("decision", "decision.event_no", "event.no")
      .select(["event.id as id", "decision.sensor as sensor", "decision.trigger_name as trigger"])
      .where("decision.decision", "=", "fired")
      // not a left join: MariaDB made a look-up per decision of it, in no order (120,000: 14 s against 0.9 s)
      .where((eb) =>
        eb.not(eb.exists(eb.selectFrom("firing").select("firing.no").whereRef("firing.no", "=", "decision.firing_no"))),
      )
      .limit(mostPerKind + 1),
  );
  return found.map(({ id, sensor, trigger }) => ({
    id,
    what: `the event fired trigger ${trigger} of sensor ${sensor}, but the firing is not recorded`,
  }));
}

async function unknownFirings(rows: Rows, range: RecordRange): Promise<readonly Missing[]> {
  const found = await rows.all(
    firingsInRange(rows, range)
      .select("id")
      .where("sensor", "=", "")
      .limit(mostPerKind + 1),
  );
  return found.map(({ id }) => ({
    id,
    what: "a firing ran that no recorded decision made (was the record off when it was decided?)",
  }));
}

/** The last attempt of the last round says the state; what a person did (`firing.reason`) needs no attempt. */
async function badStates(rows: Rows, range: RecordRange): Promise<readonly Missing[]> {
  const judged = firingsInRange(rows, range)
    .select((eb) => [
      "firing.id as id",
      "firing.state as state",
      eb
        .selectFrom("attempt")
        .select("attempt.outcome")
        .whereRef("attempt.firing_no", "=", "firing.no")
        .whereRef("attempt.round", "=", "firing.round")
        .orderBy("attempt.n", "desc")
        .limit(1)
        .as("outcome"),
    ])
    .where("firing.reason", "is", null)
    .as("judged");
  const found = await rows.all(
    rows.build
      .selectFrom(judged)
      .select(["id", "state", "outcome"])
      .where(
        sql<boolean>`(state = 'done' AND coalesce(outcome, '') <> 'done')
          OR (state = 'dead' AND coalesce(outcome, '') <> 'failed')
          OR (state IN ('pending', 'running') AND outcome = 'done')`,
      )
      .limit(mostPerKind + 1),
  );
  return found.map(({ id, state, outcome }) => ({
    id,
    what: `the firing is ${state}, but ${outcome === null ? "no attempt is recorded" : `its last attempt is ${outcome}`}`,
  }));
}

/**
 * Attempts of a round count 1, 2, 3. Grouped by numbers alone, and the ids fetched for what is found: with the ids in one
 * question, MariaDB counted anew for each firing (120,000: 17 s against 0.6 s).
 */
async function badAttempts(rows: Rows, range: RecordRange): Promise<readonly Missing[]> {
  const found = await rows.all(
    firingsInRange(rows, range)
      .innerJoin("attempt", "attempt.firing_no", "firing.no")
      .select((eb) => ["firing.no as no", eb.fn.countAll<number>().as("count"), eb.fn.max("attempt.n").as("last")])
      .where("firing.sensor", "<>", "")
      .groupBy(["firing.no", "attempt.round"])
      .having(sql<boolean>`count(*) <> max(attempt.n)`)
      .limit(mostPerKind + 1),
  );
  if (found.length === 0) return [];
  const nos = found.map(({ no }) => no);
  const named = await rows.all(rows.build.selectFrom("firing").select(["no", "id"]).where("no", "in", nos));
  const ids = new Map(named.map(({ no, id }) => [no, id]));
  return found.map(({ no, count, last }) => ({
    id: ids.get(no) ?? "",
    what: `attempt ${last} of the firing is recorded, but ${count} in all`,
  }));
}
