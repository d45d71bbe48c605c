import type { Claimed, LogEntry } from "../bus/bus.ts";
import { compilePath, get } from "../expressions/gjson.ts";
import { type Clock, nowUs } from "../lib/clock.ts";
import type { Event, Receipt } from "../lib/event.ts";
import type { AttemptFact } from "../lib/facts.ts";
import type { Decided } from "../sensors/decided.ts";
import { rfc3339 } from "./event-answer.ts";
import type { Witness } from "./witness.ts";

/** What a tap tells, a JSON object each. */
export type TapLine = TapReceipt | TapDecision | TapAttempt;

/** A draft came in. */
export interface TapReceipt {
  readonly k: "receipt";
  readonly at: string;
  readonly namespace: string;
  /** `EVENTSOURCE/EVENT`. */
  readonly source: string;
  readonly event: string;
  readonly outcome: Receipt["outcome"];
  readonly reason?: string;
}

/** What the sensors made of an event. */
export interface TapDecision {
  readonly k: "decision";
  readonly at: string;
  readonly namespace: string;
  readonly source: string;
  readonly event: string;
  /** Subscriptions to the event, and how many of them a filter turned down. */
  readonly matched: number;
  readonly filtered: number;
  readonly fired: readonly { readonly sensor: string; readonly trigger: string; readonly firing: string }[];
  readonly waiting: readonly { readonly sensor: string; readonly trigger: string; readonly reason?: string }[];
  /** The beginning of its data as text; of `body` where there is one beside a `header`, as webhooks have it. */
  readonly data: string;
}

/** How a call to a target ended. */
export interface TapAttempt {
  readonly k: "attempt";
  readonly at: string;
  readonly namespace: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly firing: string;
  readonly events: readonly string[];
  /** 1 for the first. */
  readonly attempt: number;
  /** `pending`: it is made again. */
  readonly state: string;
  readonly tookMs: number;
  readonly status?: string;
  readonly code?: string;
  readonly error?: string;
}

export interface TapWish {
  /** `EVENTSOURCE/EVENT`, or the name of a sensor or EventSource; all unless given. */
  readonly of?: string | undefined;
  readonly namespace?: string | undefined;
  /** Of the event's data. What throws is a no. Receipts, which have no data, are then left out. */
  readonly filter?: ((data: Uint8Array, nowMs: number) => boolean) | undefined;
  /** Must not wait. */
  readonly tell: (line: TapLine) => void;
}

const shownChars = 512;
/** Headers come before the body. */
const searchedBytes = 65_536;

/** Whoever wants to see events go by. Without anybody it costs one comparison. */
export class Taps implements Witness {
  readonly #clock: Clock;
  readonly #open = new Set<TapWish>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns what ends it. */
  open(wish: TapWish): () => void {
    const own = { ...wish };
    this.#open.add(own);
    return () => void this.#open.delete(own);
  }

  received: Witness["received"] = (plan, receipts) => {
    if (this.#open.size === 0) return;
    const { namespace, eventSource, event: name } = plan;
    for (const { id, outcome, reason } of receipts) {
      const source = `${eventSource}/${name}`;
      const said = reason === undefined ? {} : { reason };
      const line = { k: "receipt", at: this.#now(), namespace, source, event: id, outcome, ...said } as const;
      for (const tap of this.#open)
        if (tap.filter === undefined && here(tap, namespace) && isOf(tap, { eventSource, source, sensors: [] }))
          tap.tell(line);
    }
  };

  forBus({ namespace }: { readonly namespace: string }) {
    return {
      decided: (entry: LogEntry, decided: Decided): void => {
        if (this.#open.size > 0) this.#decided(namespace, entry.event, decided);
      },
      attempted: (firing: Claimed, fact: AttemptFact): void => {
        if (this.#open.size > 0) this.#attempted(namespace, firing, fact);
      },
    };
  }

  #decided(namespace: string, event: Event, decided: Decided): void {
    const source = `${event.source}/${event.subject}`;
    const fired = decided.fired.map(({ sensor, trigger, firing }) => ({ sensor, trigger, firing }));
    const waiting = decided.waiting.map(({ sensor, trigger, reason }) => ({
      sensor,
      trigger,
      ...(reason === undefined ? {} : { reason }),
    }));
    const line: TapDecision = {
      k: "decision",
      at: this.#now(),
      namespace,
      source,
      event: event.id,
      matched: decided.matched,
      filtered: decided.filtered,
      fired,
      waiting,
      data: beginning(event.data),
    };
    const sensors = [...fired, ...waiting].map(({ sensor }) => sensor);
    for (const tap of this.#open) {
      if (!here(tap, namespace) || !isOf(tap, { eventSource: event.source, source, sensors })) continue;
      if (this.#passes(tap, [event])) tap.tell(line);
    }
  }

  #attempted(namespace: string, firing: Claimed, fact: AttemptFact): void {
    const events = firing.loaded.map(({ event }) => event);
    const line: TapAttempt = {
      k: "attempt",
      at: rfc3339(fact.endedUs),
      namespace,
      sensor: firing.sensor,
      trigger: firing.trigger,
      firing: firing.id,
      events: firing.events.map(({ id }) => id),
      attempt: fact.n,
      state: fact.state,
      tookMs: Math.round(fact.endedUs - fact.startedUs) / 1000,
      ...(fact.status === undefined ? {} : { status: fact.status }),
      ...(fact.code === undefined ? {} : { code: fact.code }),
      ...(fact.error === undefined ? {} : { error: fact.error }),
    };
    for (const tap of this.#open) {
      if (!here(tap, namespace)) continue;
      const named =
        isOf(tap, { eventSource: "", source: "", sensors: [firing.sensor] }) ||
        events.some(({ source, subject }) =>
          isOf(tap, { eventSource: source, source: `${source}/${subject}`, sensors: [] }),
        );
      if (named && this.#passes(tap, events)) tap.tell(line);
    }
  }

  #passes({ filter }: TapWish, events: readonly Event[]): boolean {
    if (filter === undefined) return true;
    return events.some(({ data }) => {
      try {
        return filter(data, this.#clock.nowMs());
      } catch {
        return false;
      }
    });
  }

  #now(): string {
    return rfc3339(nowUs(this.#clock));
  }
}

const body = compilePath("body");
const header = compilePath("header");

function beginning(data: Uint8Array): string {
  const text = new TextDecoder().decode(data.subarray(0, searchedBytes));
  const found = get(text, header).exists ? get(text, body) : undefined;
  return (found?.exists === true ? found.raw : text).slice(0, shownChars);
}

function here({ namespace }: TapWish, of: string): boolean {
  return namespace === undefined || namespace === of;
}

function isOf(
  { of }: TapWish,
  names: { readonly eventSource: string; readonly source: string; readonly sensors: readonly string[] },
): boolean {
  return of === undefined || of === names.source || of === names.eventSource || names.sensors.includes(of);
}

/** Several who watch, as one. */
export function together(all: readonly Witness[]): Witness {
  return {
    received(plan, receipts) {
      for (const one of all) one.received(plan, receipts);
    },
    forBus(bus) {
      const own = all.map((one) => one.forBus(bus));
      return {
        decided(entry, decided) {
          for (const one of own) one.decided?.(entry, decided);
        },
        attempted(firing, fact) {
          for (const one of own) one.attempted?.(firing, fact);
        },
      };
    },
  };
}
