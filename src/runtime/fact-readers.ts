import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { EventRecord } from "../record/record.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { enrolLines, exportLines, type LineSink } from "./export-lines.ts";
import { type ExportState, enrolExport, exportSpans, type Tracing } from "./export-spans.ts";
import { forgetRecord, type RememberState, remember } from "./remember.ts";

/** Who reads the facts of a bus: those that are there. */
export interface Readers {
  readonly record: EventRecord | undefined;
  /** Where spans are exported to. */
  readonly tracing?: Tracing | undefined;
  /** Where log lines are written to. */
  readonly lines?: LineSink | undefined;
}

/** What the readers of one bus need. */
export interface ReaderParts extends Readers {
  readonly bus: Bus;
  readonly name: { readonly namespace: string; readonly bus: string };
  /** Those of now. */
  readonly sensors: () => readonly SensorPlan[];
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** How the readers are doing. */
export interface ReaderStates {
  readonly record: { failing: RememberState["failing"] };
  /** Undefined: no spans are exported. */
  readonly spans: ExportState | undefined;
}

/**
 * Gives each reader its place, and takes it from those that are not there: a place that nobody moves would keep all facts in
 * the bus. Answers whether anybody reads.
 */
export async function enrolReaders(bus: Bus, { record, tracing, lines }: Readers, log: Log): Promise<boolean> {
  const facts = [record, tracing, lines].some((reader) => reader !== undefined);
  await enrolExport(bus, tracing !== undefined);
  await enrolLines(bus, lines !== undefined);
  if (facts && record === undefined) await forgetRecord(bus, log);
  return facts;
}

/** Reads until `signal` aborts; `draining` says before that nothing new comes. */
export async function readFacts(
  parts: ReaderParts,
  states: ReaderStates,
  { draining, signal }: { readonly draining: AbortSignal; readonly signal: AbortSignal },
): Promise<void> {
  const { record, tracing, lines, metrics, ...shared } = parts;
  const reading: Promise<void>[] = [];
  if (record !== undefined) reading.push(remember({ ...shared, record, signal, state: states.record }));
  if (tracing !== undefined && states.spans !== undefined)
    reading.push(exportSpans({ ...shared, tracing, count: metrics.spans(), state: states.spans, draining, signal }));
  if (lines !== undefined) reading.push(exportLines({ ...shared, sink: lines, signal }));
  await Promise.all(reading);
}
