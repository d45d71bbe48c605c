import { setImmediate as turn } from "node:timers/promises";
import type { Bus, LogEntry } from "../bus/bus.ts";
import { compileGlob } from "../expressions/glob.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import { replayExtension } from "../sensors/firing-of.ts";
import { compileWhere, type Where, whereData } from "./where.ts";

/** Which kept events are meant. */
export interface ReplayRange {
  readonly namespace?: string | undefined;
  /** Received at or after this, and before `toUs`: Unix microseconds. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Globs of `EVENTSOURCE/EVENT`, or of `EVENTSOURCE` alone; none: all. */
  readonly sources: readonly string[];
  /** An expression over data, source, subject, type, time and id. */
  readonly where?: string | undefined;
  /** Also events that a replay put there, and those that triggers made of others. */
  readonly derived: boolean;
}

/** What an event of the range is to a replay. */
export type Meant = "yes" | "replayed" | "derived" | "no";

export interface RangeChoice {
  meant(entry: LogEntry): Meant;
  readonly failed: Where["failed"];
}

/** Throws USAGE for a glob or an expression that cannot be read. */
export function chooseEvents(range: ReplayRange, nowMs: number): RangeChoice {
  const { fromUs, toUs, derived } = range;
  const where = range.where === undefined ? undefined : compileWhere(range.where, nowMs);
  const globs = range.sources.map(globOf);
  const named = (source: string, subject: string): boolean =>
    globs.length === 0 || globs.some((glob) => glob.test(`${source}/${subject}`) || glob.test(source));
  return {
    meant({ event, receivedUs }) {
      if (receivedUs < fromUs || receivedUs >= toUs || !named(event.source, event.subject)) return "no";
      if (where !== undefined && !where.holds(namesOf(event))) return "no";
      if (derived) return "yes";
      if (event.extensions[replayExtension] !== undefined) return "replayed";
      return event.extensions.causationid === undefined ? "yes" : "derived";
    },
    get failed() {
      return where?.failed;
    },
  };
}

function globOf(text: string) {
  try {
    return compileGlob(text);
  } catch (cause) {
    throw new TideError("USAGE", `--source ${text}: ${messageOf(cause)}`, { cause });
  }
}

function namesOf({ id, source, subject, type, time, data }: LogEntry["event"]): Readonly<Record<string, unknown>> {
  return { id, source, subject, type, time, data: whereData(data) };
}

const entriesPerTurn = 256;

/** Received is nearly in the order of the log: a clock that was set, and a disk that stood, put it out of order by less. */
const slackUs = 3_600_000_000;

/**
 * Entries of the log that may be of the range, in order: after `afterSeq`, up to `upToSeq`. Where the range begins is looked
 * up by halving, so that a short range in a long log costs little. Between pages the event loop turns.
 */
export async function* entriesOf(
  bus: Bus,
  range: Pick<ReplayRange, "fromUs" | "toUs">,
  { afterSeq, upToSeq }: { readonly afterSeq: number; readonly upToSeq: number },
): AsyncGenerator<LogEntry> {
  const { firstSeq } = bus.stats();
  let place = Math.max(afterSeq, firstSeq - 1, await placeBefore(bus, range.fromUs - slackUs, { firstSeq, upToSeq }));
  for (;;) {
    const entries = await bus.entries({ afterSeq: place, max: entriesPerTurn });
    for (const entry of entries) {
      if (entry.seq > upToSeq || entry.receivedUs >= range.toUs + slackUs) return;
      yield entry;
    }
    const last = entries.at(-1);
    if (last === undefined) return;
    place = last.seq;
    await turn();
  }
}

/** A place that all entries received since `us` come after. */
async function placeBefore(
  bus: Bus,
  us: number,
  { firstSeq, upToSeq }: { readonly firstSeq: number; readonly upToSeq: number },
): Promise<number> {
  let low = Math.max(0, firstSeq - 1);
  let high = upToSeq;
  while (high - low > entriesPerTurn) {
    const middle = Math.floor((low + high) / 2);
    const [entry] = await bus.entries({ afterSeq: middle, max: 1 });
    if (entry === undefined || entry.receivedUs >= us) high = middle;
    else low = middle;
  }
  return low;
}
