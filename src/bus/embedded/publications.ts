import { type Clock, nowUs } from "../../lib/clock.ts";
import type { Receipt } from "../../lib/event.ts";
import type { LogEntry, NewEvent, Publication, Step, Taken } from "../bus.ts";
import type { Committer, Transaction } from "./committer.ts";
import type { SequenceLog } from "./event-log.ts";

/** An entry that is not durable yet; `storedUs` is set when it is. */
export type Stored = { -readonly [Key in keyof LogEntry]: LogEntry[Key] };

export interface PublicationsParts {
  readonly committer: Committer;
  readonly clock: Clock;
  readonly log: SequenceLog<LogEntry>;
  /** Begins the bus's part of a commit. */
  begin(tx: Transaction): void;
  /** Adds an event to the commit, and to `stored` if it is a new one. */
  admit(tx: Transaction, made: NewEvent, stored: Stored[]): Receipt;
  /** Adds a step to the commit; `effects` are to be called when it is durable. */
  step(tx: Transaction, step: Step, effects: (() => void)[]): void;
  /** The commit of these events has ended, however it did. */
  over(events: readonly NewEvent[]): void;
}

interface Publishing {
  readonly publication: Publication;
  readonly receipts: Receipt[];
  fault: { readonly error: unknown } | undefined;
}

interface Group {
  readonly all: Publishing[];
  readonly kept: Promise<void>;
}

/**
 * The publications of one bus. What comes until the next commit is put together goes into it as one member: a promise each costs
 * more than the rest. Groups that have read all there is may take the new entries in the same commit (`Log.join`).
 */
export class Publications {
  readonly #parts: PublicationsParts;
  #open: Group | undefined;

  constructor(parts: PublicationsParts) {
    this.#parts = parts;
  }

  /** Resolves when it is durable. */
  async add(publication: Publication): Promise<readonly Receipt[]> {
    const publishing: Publishing = { publication, receipts: [], fault: undefined };
    const group = this.#open ?? this.#begin();
    group.all.push(publishing);
    await group.kept;
    if (publishing.fault !== undefined) throw publishing.fault.error;
    return publishing.receipts;
  }

  #begin(): Group {
    const { committer, begin, over } = this.#parts;
    const all: Publishing[] = [];
    const stored: Stored[] = [];
    const effects: (() => void)[] = [];
    const taken: Taken[] = [];
    const kept = committer
      .commit({
        prepare: (tx) => {
          this.#open = undefined;
          begin(tx);
          for (const publishing of all) this.#admitAll(tx, publishing, stored);
          this.#askJoined(tx, stored, { taken, effects });
        },
        durable: () => {
          for (const effect of effects) effect();
          const storedUs = nowUs(this.#parts.clock);
          for (const entry of stored) entry.storedUs = storedUs;
          this.#parts.log.append(stored);
          for (const one of taken) one.kept();
        },
      })
      .finally(() => {
        if (this.#open === group) this.#open = undefined;
        for (const { publication } of all) over(publication.events);
      });
    const group = { all, kept };
    this.#open = group;
    return group;
  }

  /** One that cannot be taken fails alone. */
  #admitAll(tx: Transaction, publishing: Publishing, stored: Stored[]): void {
    const { admit, step } = this.#parts;
    const { publication, receipts } = publishing;
    const before = stored.length;
    try {
      tx.whole(() => {
        for (const made of publication.events) receipts.push(admit(tx, made, stored));
        if (publication.facts !== undefined) step(tx, { facts: publication.facts }, []);
      });
    } catch (error) {
      stored.length = before;
      publishing.fault = { error };
    }
  }

  #askJoined(
    tx: Transaction,
    stored: readonly Stored[],
    made: { readonly taken: Taken[]; readonly effects: (() => void)[] },
  ): void {
    const { clock, log, step } = this.#parts;
    const last = stored.at(-1);
    if (last === undefined) return;
    const preparedUs = nowUs(clock);
    for (const entry of stored) entry.storedUs = preparedUs;
    for (const [group, take] of log.joined()) {
      const taken = asked(() => take(stored));
      if (taken === undefined) continue;
      tx.afterFailure(() => taken.failed());
      step(tx, taken.step, made.effects);
      made.effects.push(log.move(tx, group, last.seq));
      made.taken.push(taken);
    }
  }
}

/** What cannot be taken at once comes by `batches`, where its reader meets the error: the events are kept all the same. */
function asked(take: () => Taken | undefined): Taken | undefined {
  try {
    return take();
  } catch {
    return undefined;
  }
}
