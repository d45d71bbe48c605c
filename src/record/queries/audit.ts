import { sql } from "kysely";
import type { Audit, RecordRange } from "../record.ts";
import { findMissing } from "./missing.ts";
import type { Rows } from "./query.ts";
import { firingsInRange, inRange } from "./range.ts";

/**
 * Adds up what became of everything. The range is over the time an event was received, and a firing was decided: receipts
 * count with the event that they are about.
 *
 * - Of a stored event that was decided, `matched` subscriptions are each either filtered or have a decision, exactly.
 *   It holds at all times: an event that waits keeps its row, and a later firing, reset or newer event changes that row.
 * - A decision `fired` names a firing that exists; a firing's state is what its attempts say.
 * - What is older than this record, or was taken by its retention, is not missed.
 */
export async function audit(rows: Rows, range: RecordRange): Promise<Audit> {
  const [receipts] = await rows.all(
    inRange(rows, range).select((eb) => [
      eb.fn.sum<number | null>(sql`CASE WHEN receipt = 'stored' AND source <> '' THEN 1 ELSE 0 END`).as("stored"),
      eb.fn.sum<number | null>("duplicates").as("duplicate"),
      eb.fn.sum<number | null>("filtered_drafts").as("filtered"),
      eb.fn.sum<number | null>("refused_drafts").as("refused"),
      eb.fn.sum<number | null>("event.filtered").as("passedOver"),
      eb.fn.sum<number | null>(sql`CASE WHEN matched = 0 AND decided_us IS NOT NULL THEN 1 ELSE 0 END`).as("unmatched"),
      eb.fn
        .sum<number | null>(sql`CASE WHEN receipt = 'stored' AND source <> '' AND decided_us IS NULL THEN 1 ELSE 0 END`)
        .as("undecided"),
    ]),
  );
  const decided = await rows.all(
    inRange(rows, range)
      .innerJoin("decision", "decision.event_no", "event.no")
      .select((eb) => ["decision.decision as word", eb.fn.countAll<number>().as("count")])
      .groupBy("decision.decision"),
  );
  const states = await rows.all(
    firingsInRange(rows, range)
      .select((eb) => ["state as word", eb.fn.countAll<number>().as("count")])
      .groupBy("state"),
  );
  return {
    receipts: {
      stored: Number(receipts?.stored ?? 0),
      duplicate: Number(receipts?.duplicate ?? 0),
      filtered: Number(receipts?.filtered ?? 0),
      refused: Number(receipts?.refused ?? 0),
    },
    decisions: {
      fired: 0,
      waiting: 0,
      superseded: 0,
      reset: 0,
      expired: 0,
      ...counts(decided),
      filtered: Number(receipts?.passedOver ?? 0),
      unmatched: Number(receipts?.unmatched ?? 0),
      undecided: Number(receipts?.undecided ?? 0),
    },
    firings: { pending: 0, running: 0, done: 0, dead: 0, dropped: 0, ...counts(states) },
    missing: await findMissing(rows, range),
  };
}

function counts<Word extends string>(
  found: readonly { readonly word: Word; readonly count: number }[],
): Partial<Record<Word, number>> {
  const sums: Partial<Record<Word, number>> = {};
  for (const { word, count } of found) sums[word] = Number(count);
  return sums;
}
