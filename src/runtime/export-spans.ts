import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Fact } from "../lib/facts.ts";
import type { Log } from "../lib/log.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import { createFold } from "../telemetry/fold.ts";
import type { SpanExporter } from "../telemetry/otlp-exporter.ts";
import type { Sampler } from "../telemetry/sampling.ts";
import { TailSampling } from "../telemetry/sampling-tail.ts";
import type { SpanCounts } from "../telemetry/span-counts.ts";
import { SpanDelivery } from "../telemetry/span-delivery.ts";
import { type Folded, SpanFold, type TriggerKind } from "../telemetry/span-fold.ts";
import { SpanPipe, type Ticket, type Ticketed } from "../telemetry/span-pipe.ts";

/** The reader of the fact log that exports spans. */
export const spanGroup = "otlp";

/** Where the spans of all buses go, and which. */
export interface Tracing {
  readonly exporter: SpanExporter;
  readonly sampler: Sampler;
  /** Traces with a longer span are kept though they are not sampled; undefined: only those with errors. */
  readonly slowMs: number | undefined;
}

/** What the export of one bus is doing. */
export interface ExportState {
  failing: string | undefined;
}

export interface ExportParts {
  readonly bus: Bus;
  readonly name: { readonly namespace: string; readonly bus: string };
  readonly tracing: Tracing;
  /** Those of now: names and types of triggers. */
  readonly sensors: () => readonly SensorPlan[];
  readonly count: SpanCounts;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly state: ExportState;
  /** Nothing new comes any more: what is left goes out at once. */
  readonly draining: AbortSignal;
  readonly signal: AbortSignal;
}

const chunksPerBatch = 128;
/** Spans of traces that nobody sampled wait this long for their end, and so does the place in the fact log. */
const tailWaitMs = 30_000;
const mostWaiting = 20_000;
const mostKnown = 50_000;
/** With a collector that is away, spans go before the bus is this full. */
const crowdedShare = 0.5;

/**
 * Gives the reader its place: from now on nothing is missed. Without tracing the reader is forgotten, because a place that
 * nobody moves would keep all facts in the bus for ever.
 */
export async function enrolExport(bus: Bus, on: boolean): Promise<void> {
  const facts = bus.facts(spanGroup);
  if (on) await facts.begin("new");
  else if ((await facts.place()) !== undefined) await facts.drop();
}

/**
 * Makes spans of the fact log of one bus and exports them, until `signal` aborts. The place moves only behind what the
 * collector took or what was let go, so that neither a restart nor a collector that is away for a while loses a span; what
 * was sent and not yet noted is sent again, under the same ids.
 */
export async function exportSpans(parts: ExportParts): Promise<void> {
  const { bus, tracing, clock, random, log, state, signal } = parts;
  const slowUs = tracing.slowMs === undefined ? undefined : tracing.slowMs * 1000;
  const crowded = (): boolean => {
    const { bytes, maxBytes } = bus.stats();
    return bytes > maxBytes * crowdedShare;
  };
  const complain = createFold(log, clock);
  const pipe = new SpanPipe({
    delivery: new SpanDelivery({ exporter: tracing.exporter, clock, random, log, crowded, state }),
    tail: new TailSampling<Ticketed>({ slowUs, waitMs: tailWaitMs, maxWaiting: mostWaiting, maxKnown: mostKnown }),
    clock,
    count: parts.count,
    complain: (error) => complain("place", { error: messageOf(error) }, "the place of the export is not moved"),
    draining: parts.draining,
    signal,
  });
  try {
    await Promise.all([read(parts, pipe), pipe.run()]);
  } catch (error) {
    if (signal.aborted) return;
    // what is told of the flow must not stop it, and the place not keep facts that nobody reads
    state.failing = messageOf(error);
    log.error({ err: error }, "spans are exported no more until a restart");
    await bus
      .facts(spanGroup)
      .drop()
      .catch(() => undefined);
  }
}

async function read(parts: ExportParts, pipe: SpanPipe): Promise<void> {
  const { bus, name, log, signal } = parts;
  const fold = new SpanFold({ ...name, past: bus, kindOf: kindsOf(parts.sensors) });
  for await (const batch of bus.facts(spanGroup).batches({ max: chunksPerBatch, signal })) {
    const ticket = pipe.open(() => batch.commit({}));
    for (const { seq, json } of batch.entries) {
      try {
        for (const fact of JSON.parse(json) as readonly Fact[]) {
          const folded = fold.fold(fact);
          hand(folded instanceof Promise ? await folded : folded, { pipe, ticket, sampler: parts.tracing.sampler });
        }
      } catch (error) {
        if (signal.aborted) return;
        // the record names it too, and stops at it; here it is worth no more than its spans
        log.warn({ chunk: seq, error: messageOf(error) }, "facts make no spans");
      }
      await pipe.room();
    }
    pipe.seal(ticket);
    if (signal.aborted) return;
  }
}

function hand(
  { spans, firings }: Folded,
  to: { readonly pipe: SpanPipe; readonly ticket: Ticket; readonly sampler: Sampler },
): void {
  for (const { span, place } of spans) to.pipe.add(to.ticket, span, to.sampler.keeps(place));
  if (firings !== undefined) to.pipe.settle(firings.traceId, firings);
}

/** Looks up the types of triggers in the plans of now, once per change of those. */
export function kindsOf(
  sensors: () => readonly SensorPlan[],
): (of: { readonly sensor: string; readonly trigger: string; readonly dlq: boolean }) => TriggerKind | undefined {
  let known: readonly SensorPlan[] = [];
  let kinds: ReadonlyMap<string, TriggerKind> = new Map();
  return ({ sensor, trigger, dlq }) => {
    const now = sensors();
    if (now !== known) kinds = kindsIn(now);
    known = now;
    return kinds.get(keyOf(sensor, trigger, dlq));
  };
}

function kindsIn(sensors: readonly SensorPlan[]): ReadonlyMap<string, TriggerKind> {
  const kinds = new Map<string, TriggerKind>();
  for (const { name, triggers } of sensors) {
    for (const trigger of triggers) {
      kinds.set(keyOf(name, trigger.name, false), kindOf(trigger));
      for (let dlq = trigger.dlqTrigger; dlq !== undefined; dlq = dlq.dlqTrigger)
        kinds.set(keyOf(name, dlq.name, true), kindOf(dlq));
    }
  }
  return kinds;
}

function kindOf({ kind, template }: TriggerPlan): TriggerKind {
  if (kind !== "http") return { kind };
  const { http } = JSON.parse(template) as { readonly http?: { readonly method?: unknown } };
  return { kind, method: typeof http?.method === "string" && http.method !== "" ? http.method : "POST" };
}

function keyOf(sensor: string, trigger: string, dlq: boolean): string {
  return JSON.stringify([sensor, trigger, dlq]);
}
