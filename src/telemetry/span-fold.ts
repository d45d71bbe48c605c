import type { AttemptFact, DecisionFact, Fact, FiringFact, FiringOrigin, SpanFact, StoredFact } from "../lib/facts.ts";
import type { Span } from "./span.ts";
import { decisionSpan, eventSpans, turnedDownSpan } from "./span-of-event.ts";
import {
  attemptSpan,
  createdSpan,
  firedSpan,
  partSpan,
  settleSpan,
  type TracedFiring,
  waitSpan,
} from "./span-of-firing.ts";
import { type EventPlace, placeOfEvent } from "./span-place.ts";

/** A span, and the place of the event in whose trace it is: what sampling goes by. */
export interface PlacedSpan {
  readonly span: Span;
  readonly place: EventPlace;
}

/** What a fact came to: spans, and how the number of firings of its trace that are not settled changed. */
export interface Folded {
  readonly spans: readonly PlacedSpan[];
  /** Absent where the fact says nothing about how far its trace is. */
  readonly firings?: { readonly traceId: string; readonly opened: number; readonly closed: number };
}

/** What the bus is asked when a fact speaks of what came before the last restart, or too long ago to be remembered. */
export interface EventSource {
  /** By its place; undefined once retention took it. */
  event(seq: number): Promise<PastEvent | undefined>;
  seqOf(eventId: string): Promise<number | undefined>;
}

export interface PastEvent {
  readonly seq: number;
  readonly event: {
    readonly id: string;
    readonly source: string;
    readonly subject: string;
    readonly type: string;
    readonly data: Uint8Array;
    readonly extensions: Readonly<Record<string, string>>;
  };
  readonly receivedUs: number;
  readonly sentUs: number | undefined;
}

export interface FoldParts {
  readonly namespace: string;
  readonly bus: string;
  readonly past: EventSource;
  /** The type of a trigger, and the method of an http one. */
  kindOf(trigger: {
    readonly sensor: string;
    readonly trigger: string;
    readonly dlq: boolean;
  }): TriggerKind | undefined;
}

export interface TriggerKind {
  readonly kind: string;
  readonly method?: string | undefined;
}

/** Of each kind that is remembered: what is older is asked of the bus, or left out where only a wait is concerned. */
const mostRemembered = 20_000;

/**
 * Facts into spans, in the order of the fact log. What it remembers is bounded, and can be lost: parents are named by ids that
 * facts carry, and the bus is asked for the rest.
 */
export class SpanFold {
  readonly #parts: FoldParts;
  /** Events that are not decided yet. */
  readonly #stored = new Remembered<StoredFact>(mostRemembered);
  /** Events that wait for a condition, by the `traceparent` they brought. */
  readonly #held = new Remembered<string>(mostRemembered);
  /** Firings that are not settled: since when they wait, and in which trace they are. */
  readonly #firings = new Remembered<{ readonly fromUs?: number; readonly of?: FiringOrigin }>(mostRemembered);

  constructor(parts: FoldParts) {
    this.#parts = parts;
  }

  /** The spans of one fact; a promise only where the bus has to be asked. */
  fold(fact: Fact): Folded | Promise<Folded> {
    switch (fact.k) {
      case "stored":
        this.#stored.set(fact.event, fact);
        return nothing;
      case "receipt":
        return this.#receipt(fact);
      case "decided":
        return this.#decided(fact);
      case "attempt":
        return this.#attempt(fact);
      case "span":
        return this.#part(fact);
      case "firing":
        return this.#firing(fact);
      default:
        // of a newer version
        return nothing;
    }
  }

  #receipt(fact: Extract<Fact, { readonly k: "receipt" }>): Folded {
    const { namespace, bus } = this.#parts;
    const place = placeOfEvent(fact.event, fact.trace);
    const event = { ...fact, id: fact.event, namespace, bus, place };
    const firings = { traceId: place.traceId, opened: 0, closed: 0 };
    return { spans: [{ place, span: turnedDownSpan(event, fact) }], firings };
  }

  #decided(fact: DecisionFact): Folded | Promise<Folded> {
    const ends = onlyEnds(fact);
    const unknown = new Set<string>();
    for (const { event = fact.event } of [
      ...(fact.waiting ?? none),
      ...(fact.superseded ?? none),
      ...(fact.ended ?? none),
    ])
      if ((ends || event !== fact.event) && !this.#held.has(event)) unknown.add(event);
    const first = fact.later === undefined && fact.only === undefined && !ends;
    const stored = first ? this.#stored.take(fact.event) : undefined;
    if (unknown.size === 0 && (!first || stored !== undefined)) return this.#decidedBy(fact, stored);
    return this.#askThen(fact, { unknown, event: first && stored === undefined });
  }

  async #askThen(
    fact: DecisionFact,
    lacks: { readonly unknown: ReadonlySet<string>; readonly event: boolean },
  ): Promise<Folded> {
    for (const id of lacks.unknown) this.#held.set(id, (await this.#traceOf(id)) ?? "");
    const stored = lacks.event ? await this.#storedBefore(fact) : undefined;
    return this.#decidedBy(fact, stored);
  }

  #decidedBy(fact: DecisionFact, stored: StoredFact | undefined): Folded {
    const { namespace, bus } = this.#parts;
    const spans: PlacedSpan[] = [];
    const place = placeOfEvent(fact.event, fact.trace ?? stored?.trace ?? (this.#held.get(fact.event) || undefined));
    const { storedUs } = fact;
    if (stored !== undefined) {
      const { matched, filtered } = fact;
      const event = { ...stored, id: fact.event, namespace, bus, place, storedUs, matched, filtered };
      for (const span of eventSpans(event)) spans.push({ place, span });
    }
    const decided = (
      one: { readonly event?: string; readonly sensor: string; readonly trigger: string; readonly dependency: string },
      of: { readonly decision: string; readonly reason?: string | undefined },
    ): void => {
      const id = one.event ?? fact.event;
      const own = id === fact.event;
      const at = own ? place : placeOfEvent(id, this.#held.get(id) || undefined);
      const event = { id, namespace, bus, place: at };
      const span = decisionSpan(event, { ...one, ...of, storedUs: own ? storedUs : undefined, atUs: fact.atUs });
      spans.push({ place: at, span });
    };
    for (const one of fact.ended ?? none) decided(one, one);
    for (const one of fact.waiting ?? none) {
      if (one.event === undefined) this.#held.set(fact.event, fact.trace ?? "");
      decided(one, { ...one, decision: "waiting" });
    }
    for (const one of fact.superseded ?? none) decided(one, { ...one, decision: "superseded" });
    for (const one of fact.fired ?? none) spans.push({ place, span: this.#fired(fact, one, place) });
    return { spans, firings: { traceId: place.traceId, opened: fact.fired?.length ?? 0, closed: 0 } };
  }

  #fired(fact: DecisionFact, one: NonNullable<DecisionFact["fired"]>[number], place: EventPlace): Span {
    const traces = new Map(one.links);
    const others = one.events.map(([, event]) => ({ event, trace: traces.get(event) }));
    this.#firings.set(one.firing, { fromUs: fact.atUs });
    const origin = { sensor: one.sensor, trigger: one.trigger, event: fact.event };
    return firedSpan(this.#tracedFiring(one.firing, origin, place), { ...one, ...fact, dueUs: one.dueUs, others });
  }

  #attempt(fact: AttemptFact): Folded {
    const { of, firing: id } = fact;
    if (of === undefined) return nothing;
    const place = placeOfEvent(of.event, of.trace);
    const firing = this.#tracedFiring(id, of, place);
    const known = this.#firings.take(id);
    const fromUs = known?.fromUs ?? fact.readyUs;
    const wait =
      fromUs === undefined
        ? undefined
        : waitSpan(firing, { ...fact, fromUs, untilUs: fact.startedUs, dueUs: fact.readyUs });
    const settled = fact.state !== "pending" && fact.state !== "running";
    const settle = settled ? settleSpan(firing, { ...fact, atUs: fact.endedUs }) : undefined;
    if (fact.state !== "done") this.#firings.set(id, { of, ...(settled ? {} : { fromUs: fact.endedUs }) });
    const spans = [wait, attemptSpan(firing, fact), settle].filter((span) => span !== undefined);
    const firings = settled ? { firings: { traceId: place.traceId, opened: 0, closed: 1 } } : {};
    return { spans: spans.map((span) => ({ place, span })), ...firings };
  }

  #part(fact: SpanFact): Folded {
    const place = placeOfEvent(fact.of.event, fact.of.trace);
    const span = partSpan({ id: fact.firing, place }, { ...fact, spanId: fact.id, parentId: fact.parent });
    return { spans: [{ place, span }] };
  }

  #firing(fact: FiringFact): Folded | Promise<Folded> {
    const { created } = fact;
    if (created === undefined) return nothing;
    const of = created.parent === undefined ? undefined : this.#firings.get(created.parent)?.of;
    return of === undefined ? this.#askCreated(fact, created) : this.#created(fact, { ...created, ...of });
  }

  async #askCreated(fact: FiringFact, created: NonNullable<FiringFact["created"]>): Promise<Folded> {
    const event = created.events.at(-1)?.[1] ?? fact.firing;
    const trace = await this.#traceOf(event);
    return this.#created(fact, { ...created, event, ...(trace === undefined ? {} : { trace }) });
  }

  #created(fact: FiringFact, origin: FiringOrigin & NonNullable<FiringFact["created"]>): Folded {
    const { sensor, trigger, parent } = fact.created ?? origin;
    const of: FiringOrigin = { ...origin, sensor, trigger };
    const place = placeOfEvent(of.event, of.trace);
    this.#firings.set(fact.firing, { fromUs: fact.atUs, of });
    const firing = this.#tracedFiring(fact.firing, { ...of, ...(parent === undefined ? {} : { parent }) }, place);
    const firings = { traceId: place.traceId, opened: 1, closed: 0 };
    return { spans: [{ place, span: createdSpan(firing, fact) }], firings };
  }

  #tracedFiring(id: string, of: FiringOrigin, place: EventPlace): TracedFiring {
    const { namespace, bus, kindOf } = this.#parts;
    const { sensor, trigger, event, parent } = of;
    return {
      id,
      namespace,
      bus,
      sensor,
      trigger,
      event,
      parent,
      place,
      ...kindOf({ sensor, trigger, dlq: parent !== undefined }),
    };
  }

  /** What an event's fact said that is out of memory; only with its place where retention took it as well. */
  async #storedBefore(fact: DecisionFact): Promise<StoredFact> {
    const found = await this.#parts.past.event(fact.seq);
    const base = { k: "stored", event: fact.event, seq: fact.seq } as const;
    if (found?.event.id !== fact.event)
      return { ...base, source: "", subject: "", type: "", receivedUs: fact.storedUs ?? fact.atUs, bytes: 0 };
    const { event, receivedUs, sentUs } = found;
    const { source, subject, type, data, extensions } = event;
    return {
      ...base,
      ...{ source, subject, type, receivedUs, bytes: data.byteLength },
      ...(sentUs === undefined ? {} : { sentUs }),
      ...(extensions.traceparent === undefined ? {} : { trace: extensions.traceparent }),
      ...(extensions.originaltraceparent === undefined ? {} : { replayOf: extensions.originaltraceparent }),
    };
  }

  async #traceOf(eventId: string): Promise<string | undefined> {
    const seq = await this.#parts.past.seqOf(eventId);
    return seq === undefined ? undefined : (await this.#parts.past.event(seq))?.event.extensions.traceparent;
  }
}

/** The fact of a partial event that was dropped: it says nothing about what all sensors made of that event. */
function onlyEnds({ ended, fired, waiting, superseded }: DecisionFact): boolean {
  return (
    ended !== undefined && ended.length > 0 && fired === undefined && waiting === undefined && superseded === undefined
  );
}

/** A map that forgets what was set first. */
class Remembered<T> {
  readonly #values = new Map<string, T>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  get(key: string): T | undefined {
    return this.#values.get(key);
  }

  take(key: string): T | undefined {
    const value = this.#values.get(key);
    this.#values.delete(key);
    return value;
  }

  set(key: string, value: T): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#most) return;
      this.#values.delete(oldest);
    }
  }
}

const none: readonly never[] = [];
const nothing: Folded = { spans: none };
