import type { FactChunk } from "../bus/bus.ts";
import { inMemory, type StoreOptions, shownPlace } from "./options.ts";
import type {
  Audit,
  DelayQuery,
  DelaySample,
  Delays,
  EventPage,
  EventQuery,
  EventRecord,
  History,
  RecordedBus,
  RecordedEvent,
  RecordedFiring,
  RecordedTrace,
  RecordRange,
  TraceQuery,
} from "./record.ts";
import type { Questions } from "./sql/calls.ts";
import type { RetainCursor } from "./sql/retain.ts";
import { RecordThread } from "./thread.ts";

/** A reading thread that nobody asks any more gives its memory back. */
const idleMs = 30_000;

/**
 * The record in a database. One thread writes, another one reads with its own connection: a long `audit` does not hold
 * up the facts, and facts do not hold up a page of events. The reading thread lives only while somebody asks.
 */
export class ThreadRecord implements EventRecord {
  readonly url: string;
  readonly #options: StoreOptions;
  readonly #writing: RecordThread;
  readonly #reading: RecordThread;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: StoreOptions) {
    this.url = shownPlace(options.place);
    this.#options = options;
    this.#writing = new RecordThread(options);
    const alone = options.place.kind === "sqlite" && options.place.path === inMemory;
    this.#reading = alone ? this.#writing : new RecordThread({ ...options, readOnly: true });
  }

  /** Opens the database now, so that what is wrong with it is said at once. */
  async open(): Promise<void> {
    const first = this.#options.readOnly ? this.#reading : this.#writing;
    await first.call("place", { namespace: "", bus: "" });
  }

  place(bus: RecordedBus): Promise<number> {
    return this.#writing.call("place", bus);
  }

  async apply(bus: RecordedBus, chunks: readonly FactChunk[]): Promise<void> {
    if (chunks.length > 0) await this.#writing.call("apply", { bus, chunks });
  }

  async retain(olderThanUs: number): Promise<number> {
    let removed = 0;
    let after: RetainCursor | undefined;
    do {
      // a call per batch: facts that wait get their turn between two of them
      const batch = await this.#writing.call("retain", { olderThanUs, after });
      removed += batch.removed;
      after = batch.next;
    } while (after !== undefined);
    return removed;
  }

  events(query: EventQuery): Promise<EventPage> {
    return this.#ask("events", query);
  }

  event(id: string): Promise<RecordedEvent | undefined> {
    return this.#ask("event", id);
  }

  history(eventId: string): Promise<History> {
    return this.#ask("history", eventId);
  }

  firing(id: string): Promise<RecordedFiring | undefined> {
    return this.#ask("firing", id);
  }

  audit(query: RecordRange): Promise<Audit> {
    return this.#ask("audit", query);
  }

  delays(query: DelayQuery): Promise<Delays> {
    return this.#ask("delays", query);
  }

  samples(query: DelayQuery & { readonly limit: number }): Promise<readonly DelaySample[]> {
    return this.#ask("samples", query);
  }

  trace(query: TraceQuery): Promise<RecordedTrace | undefined> {
    return this.#ask("trace", query);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle);
    await this.#reading[Symbol.asyncDispose]();
    await this.#writing[Symbol.asyncDispose]();
  }

  async #ask<Name extends keyof Questions>(name: Name, asked: Questions[Name][0]): Promise<Questions[Name][1]> {
    clearTimeout(this.#idle);
    try {
      return await this.#reading.call(name, asked);
    } finally {
      if (this.#reading !== this.#writing && !this.#reading.busy) this.#rest();
    }
  }

  #rest(): void {
    clearTimeout(this.#idle);
    if (!this.#reading.running) return;
    this.#idle = setTimeout(() => void this.#reading.stop(), idleMs).unref();
  }
}
