import { createHash, randomUUID } from "node:crypto";
import { abortable } from "../lib/abort.ts";
import type { Receipt } from "../lib/event.ts";
import type { Log } from "../lib/log.ts";
import type { Draft, EntryName, Refusal, Settled } from "./source.ts";

/** One draft that the source handed over, and the answer it got. */
export interface Taken {
  readonly draft: Draft;
  readonly receipt: Receipt;
}

/** What a source said about itself last. */
export type TrialStatus = "starting" | "ready" | { readonly waiting: string };

export interface LogLine {
  readonly level: "trace" | "debug" | "info" | "warn" | "error";
  readonly fields: object;
  readonly message: string;
}

/** What the trial's bus does with what it is given. */
export type BusState = "up" | "held" | { readonly down: unknown };

/** Wakes all that wait for something to change. */
class Bell {
  readonly #waiting = new Set<() => void>();

  ring(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** The next ring, or the end of the time. */
  next(withinMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = withinMs === undefined ? undefined : setTimeout(() => wake(), withinMs);
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
    });
  }
}

/** The bus, log and status that a trial's source sees, and that its test looks at. */
export class Bench {
  readonly taken: Taken[] = [];
  readonly refusals: Refusal[] = [];
  readonly acknowledged: string[] = [];
  readonly log: LogLine[] = [];
  readonly restarts: unknown[] = [];
  readonly #seen = new Set<string>();
  readonly #settled = new Map<string, Settled>();
  readonly #changed = new Bell();
  emits = 0;
  status: TrialStatus = "starting";
  decide: (draft: Draft) => Pick<Receipt, "outcome" | "reason"> = () => ({ outcome: "stored" });
  #read = 0;
  #bus: BusState = "up";
  #failure: { readonly error: unknown } | undefined;

  /** The first draft that nobody has asked for yet. */
  async next(withinMs: number): Promise<Taken> {
    for (;;) {
      const one = this.taken[this.#read];
      if (one !== undefined) {
        this.#read++;
        return one;
      }
      await this.until(() => this.taken.length > this.#read, withinMs);
    }
  }

  turn(bus: BusState): void {
    this.#bus = bus;
    this.#changed.ring();
  }

  settle(id: string, as: Settled): void {
    this.#settled.set(id, as);
    this.#changed.ring();
  }

  say(status: TrialStatus): void {
    this.status = status;
    this.#changed.ring();
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.#changed.ring();
  }

  restarted(error: unknown): void {
    this.restarts.push(error);
    this.#changed.ring();
  }

  logger(bound: object): Log {
    const at = (level: LogLine["level"]) => (fields: object, message: string) => {
      this.log.push({ level, fields: { ...bound, ...fields }, message });
      this.#changed.ring();
    };
    return {
      trace: at("trace"),
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => this.logger({ ...bound, ...fields }),
    };
  }

  async emit(drafts: readonly Draft[], entry: EntryName): Promise<readonly Receipt[]> {
    await this.#durable();
    const receipts = drafts.map((draft) => {
      const id = eventId(draft, entry);
      if (draft.turnedDown !== undefined) {
        const filtered: Receipt = { id, outcome: "filtered", reason: draft.turnedDown };
        this.taken.push({ draft, receipt: filtered });
        return filtered;
      }
      const receipt: Receipt = this.#seen.has(id) ? { id, outcome: "duplicate" } : { id, ...this.decide(draft) };
      this.#seen.add(id);
      this.taken.push({ draft, receipt });
      return receipt;
    });
    this.#changed.ring();
    return receipts;
  }

  async refuse(refusals: readonly Refusal[], entry: EntryName): Promise<readonly Receipt[]> {
    await this.#durable();
    this.refusals.push(...refusals);
    this.#changed.ring();
    return refusals.map((refusal) => ({ id: eventId(refusal, entry), outcome: "refused", reason: refusal.reason }));
  }

  acknowledge(occurrences: readonly Pick<Draft, "id" | "upstreamId">[], entry: EntryName): void {
    this.acknowledged.push(...occurrences.map((occurrence) => eventId(occurrence, entry)));
    this.#changed.ring();
  }

  async #durable(): Promise<void> {
    this.emits++;
    this.#changed.ring();
    // a turn, as a real bus takes one
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#bus === "held") await this.#changed.next();
    if (this.#bus !== "up") throw this.#bus.down;
  }

  async settled(id: string, signal: AbortSignal): Promise<Settled> {
    for (;;) {
      const as = this.#settled.get(id);
      if (as !== undefined) return as;
      await abortable(this.#changed.next(), signal);
    }
  }

  async until(what: () => boolean, withinMs: number): Promise<void> {
    const endMs = performance.now() + withinMs;
    while (!what()) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw new Error(`not so within ${withinMs} ms; the log: ${JSON.stringify(this.log.slice(-5))}`);
      await this.#changed.next(leftMs);
    }
  }

  /** At the end of a test a failure of the source that the test has seen already is not news. */
  lastWord(error: unknown): void {
    if (this.#failure === undefined) throw error;
  }
}

function eventId({ upstreamId, id }: Pick<Draft, "upstreamId" | "id">, entry: EntryName): string {
  if (id !== undefined) return id;
  const unique = upstreamId === undefined ? randomUUID() : `${entry.eventSource}/${entry.event}/${upstreamId}`;
  return createHash("sha256").update(unique).digest("hex").slice(0, 32);
}
