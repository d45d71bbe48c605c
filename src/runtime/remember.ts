import { randomUUID } from "node:crypto";
import type { Bus, FactChunk } from "../bus/bus.ts";
import { backoffMs } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { EventRecord, RecordedBus } from "../record/record.ts";
import { createFold } from "../telemetry/fold.ts";

const group = "record";
const chunksPerApply = 1024;
/** JSON of so many characters becomes rows at once: as objects it is ten times that, in the record's thread. */
const charactersPerApply = 512 * 1024;
/**
 * A transaction takes what came in this time: each costs a sync of the disk that the bus writes to as well, and larger ones
 * cost a third less per event. The tables are this much behind, and nobody waits for them.
 */
const gatherMs = 50;
const backoff = { baseMs: 200, factor: 2, maxMs: 15_000 };

/** What the feed of one bus is doing, for `status` and readyz. */
export interface RememberState {
  readonly failing: string | undefined;
}

/**
 * Feeds the record from the fact log of one bus. An outage of the database holds this up and nothing else: the facts
 * stay in the bus until they are in the tables, and the place moves after the SQL commit.
 */
export async function remember(parts: {
  readonly bus: Bus;
  readonly name: RecordedBus;
  readonly record: EventRecord;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly state: { failing: string | undefined };
}): Promise<void> {
  const { bus, record, clock, log, signal, state } = parts;
  const name = { ...parts.name, log: await logName(bus) };
  const fold = createFold(log, clock);
  const facts = bus.facts(group);
  await facts.begin("oldest");
  for await (const batch of facts.batches({ max: chunksPerApply, signal })) {
    for (let failures = 0; !signal.aborted; ) {
      try {
        await applyNew(record, name, batch.entries);
        await batch.commit({});
        state.failing = undefined;
        await clock.sleep(gatherMs, signal).catch(() => undefined);
        break;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        state.failing = messageOf(error);
        const pauseMs = backoffMs(backoff, failures, parts.random());
        fold(
          `record ${state.failing}`,
          { error: state.failing, retryInMs: Math.round(pauseMs) },
          "the record does not take facts; they wait in the bus",
        );
        await clock.sleep(pauseMs, signal).catch(() => undefined);
      }
    }
  }
}

/**
 * For a run without a record that keeps facts all the same: the place of an earlier run with one, which nobody moves now, would
 * keep all of them in the bus until it is full.
 */
export async function forgetRecord(bus: Bus, log: Log): Promise<void> {
  const facts = bus.facts(group);
  if ((await facts.place()) === undefined) return;
  const { entries } = await facts.lag();
  if (entries > 0) log.warn({ entries }, "the record is off: facts that it has not read are given up");
  await facts.drop();
}

/** A name that the fact log of this bus keeps for ever: a record may know another log, of an older data folder. */
async function logName(bus: Bus): Promise<string> {
  const kept = bus.state("record");
  const known = await kept.get("log");
  if (known !== undefined) return Buffer.from(known).toString();
  const made = randomUUID();
  await kept.put("log", Buffer.from(made));
  return made;
}

/** What the tables have already is left out: the place in the bus may be behind the one in the tables. */
async function applyNew(record: EventRecord, name: RecordedBus, chunks: readonly FactChunk[]): Promise<void> {
  const place = await record.place(name);
  const fresh = chunks.filter((chunk) => chunk.seq > place);
  for (const slice of slicesOf(fresh)) await record.apply(name, slice);
}

/** In their order; each as large as may be, and with one chunk at least. */
function* slicesOf(chunks: readonly FactChunk[]): Iterable<readonly FactChunk[]> {
  let from = 0;
  let characters = 0;
  for (const [at, { json }] of chunks.entries()) {
    if (at > from && characters + json.length > charactersPerApply) {
      yield chunks.slice(from, at);
      from = at;
      characters = 0;
    }
    characters += json.length;
  }
  if (from < chunks.length) yield chunks.slice(from);
}
