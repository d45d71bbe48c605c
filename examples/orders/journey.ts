import type { LogEntry } from "../../src/bus/bus.ts";
import type { Witness } from "../../src/runtime/witness.ts";
import { type Channel, type Message, parseMessage } from "./message.ts";
import type { MessageRow } from "./table.ts";

/** One event on its way through tidemill. Times in Unix microseconds. */
interface Journey {
  readonly channel: Channel;
  readonly message: Message;
  readonly receivedUs: number;
  readonly storedUs: number | undefined;
  readonly firedUs: number;
  doneUs?: number;
  row?: MessageRow;
  told?: boolean;
}

/** Where the journeys are told as they end. */
export interface Audience {
  /** A message was recorded, and its firing is done. */
  recorded(trip: {
    readonly row: MessageRow;
    /** Milliseconds of each hop: sent → received → stored → fired → done. */
    readonly hopsMs: Readonly<Record<"received" | "stored" | "fired" | "done", number>>;
  }): void;
  /** A message ended at a filter; which one is known once it is on the bus. */
  filtered(channel: Channel, where: string, message: Message | undefined): void;
  /** A try failed and is made again, or never again. */
  failed(channel: Channel, message: Message, why: string): void;
}

/** Follows every event from its source to its end, and tells the audience. */
export class Journeys {
  readonly witness: Witness;
  readonly #audience: Audience;
  readonly #byEvent = new Map<string, Journey>();
  readonly #byMessage = new Map<string, Journey>();
  readonly #filtered = new Set<string>();
  #told = 0;
  #dead = 0;

  constructor(audience: Audience) {
    this.#audience = audience;
    this.witness = {
      received: (plan, receipts) => {
        for (const { id, outcome, reason } of receipts) {
          if (outcome !== "filtered" || this.#filtered.has(id)) continue;
          this.#filtered.add(id);
          audience.filtered(channelOf(plan.eventSource), `by the source${reason ? `: ${reason}` : ""}`, undefined);
        }
      },
      forBus: () => ({
        decided: (entry, { fired }) => this.#decided(entry, fired.at(0)?.dueUs),
        attempted: (firing, fact) => this.#attempted(firing.events.at(0)?.id ?? "", fact),
      }),
    };
  }

  /** A row is in the table. */
  inserted(row: MessageRow): void {
    const journey = this.#byMessage.get(`${row.channel}/${row.id}`);
    if (journey === undefined || journey.row !== undefined) return;
    journey.row = row;
    this.#tellWhenOver(journey);
  }

  /** Messages that came to their end: recorded, filtered or dead. */
  get over(): number {
    return this.#filtered.size + this.finished;
  }

  /** Of those, the ones that were to be acted on. */
  get finished(): number {
    return this.#told + this.#dead;
  }

  #decided({ event, receivedUs, storedUs }: LogEntry, firedUs: number | undefined): void {
    const channel = channelOf(event.source);
    const message = messageOf(channel, event.data);
    if (message === undefined || this.#byEvent.has(event.id) || this.#filtered.has(event.id)) return;
    if (firedUs === undefined) {
      this.#filtered.add(event.id);
      this.#audience.filtered(channel, "by the sensor", message);
      return;
    }
    const journey: Journey = { channel, message, receivedUs, storedUs, firedUs };
    this.#byEvent.set(event.id, journey);
    this.#byMessage.set(`${channel}/${message.id}`, journey);
  }

  #attempted(
    eventId: string,
    fact: { readonly n: number; readonly endedUs: number; readonly state: string; readonly error?: string },
  ): void {
    const journey = this.#byEvent.get(eventId);
    if (journey === undefined) return;
    if (fact.state === "done") {
      journey.doneUs = fact.endedUs;
      this.#tellWhenOver(journey);
      return;
    }
    if (fact.state === "dead") this.#dead += 1;
    const next = fact.state === "dead" ? "it is a dead letter now" : "it is tried again";
    this.#audience.failed(
      journey.channel,
      journey.message,
      `try ${fact.n} failed, ${next}: ${fact.error ?? "no reason"}`,
    );
  }

  #tellWhenOver(journey: Journey): void {
    const { row, doneUs, receivedUs, firedUs, message } = journey;
    if (journey.told || row === undefined || doneUs === undefined) return;
    journey.told = true;
    this.#told += 1;
    const storedUs = journey.storedUs ?? receivedUs;
    // mostly it is decided in the commit that stores it, and may go as soon as that is durable
    const readyUs = Math.max(storedUs, firedUs);
    const ms = (from: number, to: number): number => (to - from) / 1000;
    this.#audience.recorded({
      row,
      hopsMs: {
        received: ms(message.sentUs, receivedUs),
        stored: ms(receivedUs, storedUs),
        fired: ms(storedUs, readyUs),
        done: ms(readyUs, doneUs),
      },
    });
  }
}

function channelOf(eventSource: string): Channel {
  return eventSource === "orders-topic" ? "topic" : "queue";
}

/** The message inside the data of an event: SNS's envelope holds it as a string, the queue as JSON. */
function messageOf(channel: Channel, data: Uint8Array): Message | undefined {
  try {
    const { body } = JSON.parse(new TextDecoder().decode(data)) as { readonly body: { readonly Message: string } };
    return parseMessage(channel === "topic" ? body.Message : JSON.stringify(body));
  } catch {
    return undefined;
  }
}
