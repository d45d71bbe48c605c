import { Wakeup } from "../../lib/wakeup.ts";
import type { Batch, Lag, Log, Step, Taken } from "../bus.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import type { Member, Transaction } from "./committer.ts";
import { type BusNumber, lastPlace, logKey, placeOf, textKey } from "./keys.ts";
import type { Store } from "./store.ts";
import { Tail } from "./tail.ts";

/** Commits `step` with what the member prepares, which is called first. */
export type CommitWith = (step: Step | (() => Step), member: Member) => Promise<void>;

/** `Log.join`. */
export type Take<T> = (entries: readonly T[]) => Taken | undefined;

/** How one log differs from the other: where it lies and how its values are read. */
export interface LogShape<T extends { readonly seq: number }> {
  readonly table: "events" | "facts";
  decode(seq: number, value: Buffer): T;
  /** Approximate bytes in memory. */
  sizeOf(entry: T): number;
  /** When the entry came, Unix microseconds. */
  timeOf(entry: T): number | undefined;
}

export interface LogParts<T extends { readonly seq: number }> {
  readonly store: Store;
  readonly bus: BusNumber;
  readonly shape: LogShape<T>;
  readonly commit: CommitWith;
}

/** What a tail keeps in memory, and what one read takes from the disk, beyond its first entry: entries may be of any size. */
const bytesAtOnce = 4 << 20;

/** One log of a bus: places are given out at commit, readers follow what is durable. */
export class SequenceLog<T extends { readonly seq: number }> {
  readonly #parts: LogParts<T>;
  readonly #tail: Tail<T>;
  readonly #places = new Map<string, number>();
  readonly #joined = new Map<string, Take<T>>();
  readonly #wakeup = new Wakeup();
  #lastGiven: number;
  #lastDurable: number;

  constructor(parts: LogParts<T>) {
    this.#parts = parts;
    const { store, bus, shape } = parts;
    const counter = store.get("meta", this.#counterKey());
    const newest = [
      ...store.range(shape.table, { from: logKey(bus, 0), to: logKey(bus, lastPlace), limit: 1, reverse: true }),
    ][0];
    const counted = counter === undefined ? 0 : Number(decodeJson(counter));
    this.#lastGiven = Math.max(counted, newest === undefined ? 0 : placeOf(newest[0]));
    this.#lastDurable = this.#lastGiven;
    this.#tail = new Tail({
      maxEntries: 256,
      maxBytes: bytesAtOnce,
      completeAfter: this.#lastDurable,
      sizeOf: shape.sizeOf,
    });
  }

  get lastDurable(): number {
    return this.#lastDurable;
  }

  /** The next place. The counter survives retention, so that a place is never given twice. */
  give(tx: Transaction): number {
    tx.finally(this, () => tx.put("meta", this.#counterKey(), encodeJson(this.#lastGiven)));
    this.#lastGiven += 1;
    return this.#lastGiven;
  }

  /** Tells readers of entries that are durable now; in the order of places. */
  append(entries: readonly T[]): void {
    if (entries.length === 0) return;
    for (const entry of entries) {
      this.#tail.push(entry);
      this.#lastDurable = entry.seq;
    }
    this.#wakeup.ring();
  }

  get(seq: number): T | undefined {
    const found = this.#tail.get(seq);
    if (found !== undefined) return found;
    const { store, bus, shape } = this.#parts;
    const value = store.get(shape.table, logKey(bus, seq));
    return value === undefined ? undefined : shape.decode(seq, value);
  }

  /** Entries after `seq` that are durable: at most so many, and fewer where they are large. */
  read(seq: number, max: number): readonly T[] {
    const inMemory = this.#tail.after(seq, max);
    if (inMemory !== undefined) return inMemory;
    const { store, bus, shape } = this.#parts;
    const rows = store.range(shape.table, {
      from: logKey(bus, seq + 1),
      to: logKey(bus, this.#lastDurable + 1),
      limit: max,
    });
    const entries: T[] = [];
    let bytes = 0;
    for (const [key, value] of rows) {
      entries.push(shape.decode(placeOf(key), value));
      bytes += value.byteLength;
      if (bytes >= bytesAtOnce) break;
    }
    return entries;
  }

  /** The place that everything before is read by all groups. */
  slowestPlace(): number {
    let slowest = this.#lastDurable;
    for (const group of this.groups()) slowest = Math.min(slowest, this.place(group) ?? slowest);
    return slowest;
  }

  *groups(): Iterable<string> {
    const { store, bus, shape } = this.#parts;
    const prefix = textKey(bus, `place/${shape.table}/`);
    const end = textKey(bus, `place/${shape.table}0`);
    for (const [key] of store.range("meta", { from: prefix, to: end })) yield key.toString("utf8", prefix.length);
  }

  place(group: string): number | undefined {
    const known = this.#places.get(group);
    if (known !== undefined) return known;
    const value = this.#parts.store.get("meta", this.#placeKey(group));
    if (value === undefined) return undefined;
    const place = Number(decodeJson(value));
    this.#places.set(group, place);
    return place;
  }

  /** Adds the move of a group to a commit; null drops the group. */
  move(tx: Transaction, group: string, seq: number | null): () => void {
    const key = this.#placeKey(group);
    if (seq === null) tx.remove("meta", key);
    else tx.put("meta", key, encodeJson(seq));
    return () => {
      if (seq === null) this.#places.delete(group);
      else this.#places.set(group, seq);
    };
  }

  /** Who takes part in the next commit of entries: those that have read all there are. */
  *joined(): Iterable<readonly [group: string, take: Take<T>]> {
    for (const [group, take] of this.#joined) if (this.place(group) === this.#lastDurable) yield [group, take];
  }

  #join(group: string, take: Take<T>): Disposable {
    this.#joined.set(group, take);
    return {
      [Symbol.dispose]: () => {
        if (this.#joined.get(group) === take) this.#joined.delete(group);
      },
    };
  }

  group(group: string): Log<T> {
    return {
      join: (take) => this.#join(group, take),
      batches: (options) => this.#batches(group, options),
      place: () => Promise.resolve(this.place(group)),
      begin: (at) => this.#begin(group, at),
      lag: () => Promise.resolve(this.#lag(group)),
      drop: () => this.#commitMove(group, null),
    };
  }

  async *#batches(
    group: string,
    { max, signal }: { readonly max: number; readonly signal: AbortSignal },
  ): AsyncIterable<Batch<T>> {
    let place = await this.#begin(group, "new");
    while (!signal.aborted) {
      const seen = this.#wakeup.rings;
      // the group may have taken some by `join`
      place = Math.max(place, this.place(group) ?? place);
      const entries = this.read(place, max);
      const last = entries.at(-1);
      if (last === undefined) {
        await this.#wakeup.wait(seen, signal);
        continue;
      }
      yield {
        entries,
        afterSeq: place,
        lastSeq: last.seq,
        commit: (step) => this.#commitMove(group, last.seq, step, isEmpty(step)),
      };
      place = last.seq;
    }
  }

  async #begin(group: string, at: Parameters<Log<T>["begin"]>[0]): Promise<number> {
    const known = this.place(group);
    if (known !== undefined) return known;
    const seq = at === "new" ? this.#lastDurable : at === "oldest" ? 0 : at.afterSeq;
    await this.#commitMove(group, seq);
    return seq;
  }

  #lag(group: string): Lag {
    const place = this.place(group) ?? this.#lastDurable;
    const oldest = place < this.#lastDurable ? this.read(place, 1)[0] : undefined;
    return {
      entries: oldest === undefined ? 0 : this.#lastDurable - place,
      oldestUs: oldest === undefined ? undefined : this.#parts.shape.timeOf(oldest),
    };
  }

  /** `patient`: nothing waits for the move; what was read may be read once more after a crash. */
  #commitMove(group: string, seq: number | null, step: Step = {}, patient = false): Promise<void> {
    let moved = (): void => undefined;
    return this.#parts.commit(step, {
      prepare: (tx) => {
        moved = this.move(tx, group, seq);
      },
      durable: () => moved(),
      patient,
    });
  }

  #placeKey(group: string): Buffer {
    return textKey(this.#parts.bus, `place/${this.#parts.shape.table}/${group}`);
  }

  #counterKey(): Buffer {
    return textKey(this.#parts.bus, `last/${this.#parts.shape.table}`);
  }
}

function isEmpty(step: Step): boolean {
  return Object.keys(step).length === 0;
}
