import type { Bus, FactChunk } from "../bus/bus.ts";
import { within } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Fact } from "../lib/facts.ts";
import type { Log } from "../lib/log.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import type { LogLine, LogStore } from "../telemetry/logs/log-store.ts";
import { lineOfSpan } from "../telemetry/logs/span-line.ts";
import { SpanFold } from "../telemetry/span-fold.ts";
import { kindsOf } from "./export-spans.ts";

/** The reader of the fact log that makes log lines. */
const lineGroup = "logs";

/** Where lines go, and as whose. */
export interface LineSink {
  readonly store: LogStore;
  readonly service: { readonly name: string; readonly version: string };
}

export interface LineParts {
  readonly bus: Bus;
  readonly name: { readonly namespace: string; readonly bus: string };
  readonly sink: LineSink;
  /** Those of now: names and types of triggers. */
  readonly sensors: () => readonly SensorPlan[];
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const chunksPerBatch = 128;
/** A store that is away may take this share of the bus for what waits for it; beyond, the flow goes first. */
const crowdedShare = 0.5;
const lookEveryMs = 5_000;
/** Lines of a moment go together: a request each costs the store more than the lines. */
const gatherMs = 200;

/** Gives the reader its place, or takes it: a place that nobody moves would keep all facts in the bus. */
export async function enrolLines(bus: Bus, on: boolean): Promise<void> {
  const facts = bus.facts(lineGroup);
  if (on) await facts.begin("new");
  else if ((await facts.place()) !== undefined) await facts.drop();
}

/**
 * Tells a log store what happened to each event, until `signal` aborts. The place in the fact log moves once the store has
 * the lines, so that neither its outage nor a restart loses one, or has one twice; only a bus that is half full of what
 * waits lets lines go, which is logged with their number.
 */
export async function exportLines(parts: LineParts): Promise<void> {
  const { bus, name, log, clock, signal } = parts;
  const fold = new SpanFold({ ...name, past: bus, kindOf: kindsOf(parts.sensors) });
  for await (const batch of bus.facts(lineGroup).batches({ max: chunksPerBatch, signal })) {
    const lines: LogLine[] = [];
    for (const chunk of batch.entries) lines.push(...(await linesOf(chunk, fold, parts)));
    try {
      await put(parts, lines);
      await batch.commit({});
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ error: messageOf(error) }, "log lines could not be noted as kept; they are put again");
    }
    if (signal.aborted) return;
    await clock.sleep(gatherMs, signal).catch(() => undefined);
  }
}

async function linesOf(chunk: FactChunk, fold: SpanFold, { sink, log }: LineParts): Promise<readonly LogLine[]> {
  try {
    const lines: LogLine[] = [];
    for (const fact of JSON.parse(chunk.json) as readonly Fact[]) {
      for (const { span } of (await fold.fold(fact)).spans) {
        const line = lineOfSpan(span, sink.service);
        if (line !== undefined) lines.push(line);
      }
    }
    return lines;
  } catch (error) {
    log.warn({ chunk: chunk.seq, error: messageOf(error) }, "facts make no log lines");
    return [];
  }
}

/** Until the store has them, or the bus needs their room. */
async function put({ bus, sink, clock, log, signal }: LineParts, lines: readonly LogLine[]): Promise<void> {
  const { store } = sink;
  using crowded = within(signal);
  const look = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(lookEveryMs, crowded.signal);
      const { bytes, maxBytes } = bus.stats();
      if (store.failing !== undefined && bytes > maxBytes * crowdedShare) return crowded.abort(new Error("crowded"));
    }
  };
  look().catch(() => undefined);
  try {
    await store.put(lines, crowded.signal);
  } catch (error) {
    if (signal.aborted || !crowded.signal.aborted) throw error;
    log.warn({ lines: lines.length, error: store.failing }, "log lines are dropped: the bus needs their room");
  } finally {
    crowded.abort(undefined);
  }
}
