import { randomBytes } from "node:crypto";
import type { Bus, NewEvent } from "../bus/bus.ts";
import type { Draft, Refusal } from "../kit/source.ts";
import type { Clock } from "../lib/clock.ts";
import { digest } from "../lib/digest.ts";
import { messageOf } from "../lib/errors.ts";
import type { Event, Receipt } from "../lib/event.ts";
import type { ReceiptFact } from "../lib/facts.ts";
import type { SourcePlan } from "../manifests/manifests.ts";
import { withoutSteering } from "../sensors/replay-target.ts";
import type { SourceMetrics } from "../telemetry/metrics.ts";
import { createClockSkews } from "./clock-skew.ts";

export interface Arrival {
  emit(drafts: readonly Draft[]): Promise<readonly Receipt[]>;
  refuse(refusals: readonly Refusal[]): Promise<readonly Receipt[]>;
  /** The id under which the bus knows an occurrence. A later one under the same id has an event id of its own in its receipt. */
  idOf(occurrence: Pick<Draft, "id" | "upstreamId">): string;
}

export interface ArrivalParts {
  readonly plan: SourcePlan;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly metrics: SourceMetrics;
  /** A filter could not be evaluated: told once per message text. */
  readonly filterFailed: (message: string) => void;
  /** Each receipt, for whoever watches. */
  readonly told?: (receipts: readonly Receipt[]) => void;
}

/** The first step of an event's way: a draft becomes an event with its id, or a receipt that says why not. */
export function createArrival(parts: ArrivalParts): Arrival {
  const { plan, bus, clock, signal, metrics } = parts;
  const idOf = eventIds(plan);
  const skews = createClockSkews();
  const timeAt = timestamps();
  /** The sender is the entry's, unless the occurrence says more of it. */
  const skewOf = ({ sentUs, extensions }: Draft, receivedUs: number): number | undefined =>
    sentUs === undefined ? undefined : skews.seen(extensions?.cesource ?? "", { sentUs, receivedUs });
  const publish = async (events: readonly NewEvent[], facts: readonly ReceiptFact[]): Promise<readonly Receipt[]> => {
    const startedMs = clock.nowMs();
    try {
      const receipts = await bus.publish({ events, facts }, signal);
      metrics.processed(clock.nowMs() - startedMs);
      return receipts;
    } catch (error) {
      metrics.publishFailed(events.length + facts.length);
      throw error;
    }
  };
  const answer = (receipts: readonly Receipt[]): readonly Receipt[] => {
    for (const receipt of receipts) metrics.outcome(receipt.outcome, 1);
    parts.told?.(receipts);
    return receipts;
  };
  return {
    idOf,
    async emit(drafts) {
      metrics.received(drafts.length);
      const nowMs = clock.nowMs();
      const receivedUs = Math.round(nowMs * 1000);
      const time = timeAt(nowMs);
      const admitted: NewEvent[] = [];
      const receiptFacts: ReceiptFact[] = [];
      /** Per draft: its receipt, or the place of its event among the admitted. */
      const results: (Receipt | number)[] = [];
      for (const draft of drafts) {
        const id = idOf(draft);
        const skewUs = skewOf(draft, receivedUs);
        const verdict = draft.turnedDown ?? turnedDown(plan, { data: draft.data, time }, parts.filterFailed);
        // the filter says which events are meant; only those must be as the schema says
        const fault = verdict === undefined ? plan.schema?.check(draft.data) : undefined;
        if (fault !== undefined) {
          const refused = { outcome: "refused", reason: fault.message } as const;
          results.push({ id, ...refused, faults: fault.faults });
          receiptFacts.push(receiptFact(plan, { event: id, ...refused, receivedUs, skewUs }, draft));
        } else if (verdict === undefined) {
          results.push(admitted.length);
          admitted.push(newEvent(plan, draft, { id, time, receivedUs, skewUs }));
        } else {
          results.push({ id, outcome: "filtered", reason: verdict });
          receiptFacts.push(
            receiptFact(plan, { event: id, outcome: "filtered", reason: verdict, receivedUs, skewUs }, draft),
          );
        }
      }
      const receipts = await publish(admitted, receiptFacts);
      return answer(results.map((result) => (typeof result === "number" ? receiptAt(receipts, result) : result)));
    },
    async refuse(refusals) {
      metrics.received(refusals.length);
      const receivedUs = Math.round(clock.nowMs() * 1000);
      const receipts = refusals.map(({ reason, ...draft }) => ({
        id: idOf(draft),
        outcome: "refused" as const,
        reason,
      }));
      const facts = refusals.map(({ reason, ...refusal }, at) =>
        receiptFact(plan, { event: receiptAt(receipts, at).id, outcome: "refused", reason, receivedUs }, refusal),
      );
      await publish([], facts);
      return answer(receipts);
    },
  };
}

/**
 * Why the filter of an entry turns an event down; undefined when it passes. An error turns it down too, visibly (the peer
 * drops it, L7). What the filter knows of time is the event's `time`, its arrival.
 */
function turnedDown(
  { filter }: Pick<SourcePlan, "filter">,
  { data, time }: Pick<Event, "data" | "time">,
  failed?: (message: string) => void,
): string | undefined {
  if (filter === undefined) return undefined;
  try {
    return filter(data, Date.parse(time)) ? undefined : "filter.expression is false";
  } catch (error) {
    const message = messageOf(error);
    failed?.(message);
    return `filter.expression failed: ${message}`;
  }
}

/** Why an entry does not take an event, by its filter or its schema; undefined when it does. */
export function declined(
  plan: Pick<SourcePlan, "filter" | "schema">,
  event: Pick<Event, "data" | "time">,
): string | undefined {
  return turnedDown(plan, event) ?? plan.schema?.check(event.data)?.message;
}

/**
 * Event ids: the first 32 hex digits of SHA-256 over namespace, event source, event name and the upstream's own id, so
 * that a redelivery is a duplicate; random where the upstream has none.
 */
function eventIds(plan: SourcePlan): (draft: Pick<Draft, "id" | "upstreamId">) => string {
  const random = randomIds();
  return ({ id, upstreamId }) => {
    if (id !== undefined) return id;
    if (upstreamId === undefined) return random();
    const named = JSON.stringify([plan.namespace, plan.eventSource, plan.event, upstreamId]);
    return digest(named);
  };
}

/** RFC 3339 with milliseconds; events of one millisecond share the text. */
function timestamps(): (atMs: number) => string {
  let lastMs = Number.NaN;
  let last = "";
  return (atMs) => {
    const ms = Math.floor(atMs);
    if (ms !== lastMs) {
      last = new Date(ms).toISOString();
      lastMs = ms;
    }
    return last;
  };
}

/** 128 random bits as 32 hex digits, drawn from the system 256 at a time: one call each costs three times as much. */
function randomIds(): () => string {
  let pool = Buffer.alloc(0);
  let at = 0;
  return () => {
    if (at >= pool.length) {
      pool = randomBytes(4096);
      at = 0;
    }
    at += 16;
    return pool.toString("hex", at - 16, at);
  };
}

function newEvent(
  plan: SourcePlan,
  draft: Draft,
  made: Pick<NewEvent, "receivedUs"> & {
    readonly id: string;
    readonly time: string;
    readonly skewUs: number | undefined;
  },
): NewEvent {
  const sent = draft.sentUs === undefined ? undefined : { senttime: new Date(draft.sentUs / 1000).toISOString() };
  const brought = draft.extensions === undefined ? none : withoutSteering(draft.extensions);
  const event: Event = {
    id: made.id,
    source: plan.eventSource,
    type: plan.type,
    subject: plan.event,
    time: made.time,
    datacontenttype: "application/json",
    data: draft.data,
    extensions: sent === undefined && draft.trace === undefined ? brought : { ...brought, ...draft.trace, ...sent },
  };
  const dedup = draft.id !== undefined || draft.upstreamId !== undefined;
  const { receivedUs, skewUs } = made;
  if (draft.sentUs === undefined) return { event, receivedUs, dedup };
  const timed = { event, receivedUs, sentUs: draft.sentUs, dedup };
  return skewUs === undefined ? timed : { ...timed, skewUs };
}

const none: Readonly<Record<string, string>> = Object.freeze({});

function receiptFact(
  plan: SourcePlan,
  {
    skewUs,
    ...fact
  }: Pick<ReceiptFact, "event" | "outcome" | "receivedUs"> & {
    readonly reason: string;
    readonly skewUs?: number | undefined;
  },
  { sentUs, trace }: Pick<Draft, "sentUs" | "trace">,
): ReceiptFact {
  return {
    k: "receipt",
    ...fact,
    source: plan.eventSource,
    subject: plan.event,
    type: plan.type,
    ...(sentUs === undefined ? {} : { sentUs }),
    ...(skewUs === undefined ? {} : { skewUs }),
    ...(trace === undefined ? {} : { trace: trace.traceparent }),
  };
}

function receiptAt(receipts: readonly Receipt[], at: number): Receipt {
  const receipt = receipts[at];
  if (receipt === undefined) throw new Error(`the bus gave ${receipts.length} receipts, none at ${at}`);
  return receipt;
}
