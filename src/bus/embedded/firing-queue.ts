import { type Clock, nowUs } from "../../lib/clock.ts";
import type { Event } from "../../lib/event.ts";
import { Wakeup } from "../../lib/wakeup.ts";
import type { Claimed, Firing, LogEntry, NewFiring, Queue, SettleResult } from "../bus.ts";
import { decodeFiring, encodeFiring, encodeJson } from "./codec.ts";
import type { Transaction } from "./committer.ts";
import { type DeadLetterTable, openDeadLetters } from "./dead-letters.ts";
import { DueHeap, dueAt } from "./due-heap.ts";
import type { CommitWith } from "./event-log.ts";
import { KeyOrder, type Row } from "./key-order.ts";
import { type BusNumber, lastPlace, placeOf, queueKey } from "./keys.ts";
import { Results } from "./results.ts";
import { RowCount } from "./row-count.ts";
import type { Store } from "./store.ts";

/** Where a queue keeps its firings, and what it is told by. */
export interface QueueParts {
  readonly store: Store;
  readonly bus: BusNumber;
  readonly name: string;
  /** The queue's part of its keys, and where that number is kept; written with the first row. */
  readonly number: number;
  readonly nameKey: Buffer;
  readonly named: boolean;
  readonly clock: Clock;
  readonly entry: (seq: number) => LogEntry | undefined;
  readonly commit: CommitWith;
  /** What was given to `commit` and is patient is committed now. */
  readonly hurry: () => void;
}

/**
 * How many rows wait in memory; beyond that they are read from disk when their turn comes. Few, as the tails of the logs
 * are short: what waits long in memory is what the collector copies (161 MB of anonymous memory became 144).
 */
const maxReady = 256;
const readAtOnce = 128;
/** Rows read in one turn of the event loop: behind a delayed or ordered backlog the next ready one may be far away. */
const readPerTurn = 4096;
/** A longer sleep would not see that the clock was set, or that the machine had slept. */
const longestSleepMs = 30_000;

/** An outcome that makes a dead letter. */
type Death = Extract<SettleResult["outcome"], { readonly dead: unknown }>;

/**
 * The firings of one trigger. A row is in exactly one of these states:
 * - on disk only: made while `ready` was full, or before the start; after `#loadedSeq`
 * - ready: in memory, waits to be claimed
 * - delayed: due later; in memory by place and time only
 * - behind: an earlier firing of its order key is live; on disk, and read when that one has ended
 * - running: claimed, until settled or released; a crash makes it ready again at the next start
 * Settling removes the row, moves it to the dead letters, or puts its new due time and attempts in its place.
 */
export class FiringQueue implements Queue {
  readonly #parts: QueueParts;
  readonly #wakeup = new Wakeup();
  readonly #delayed = new DueHeap();
  readonly #running = new Map<string, Row>();
  readonly #dead: DeadLetterTable;
  readonly #order: KeyOrder;
  readonly #results: Results;
  readonly #ready: Row[] = [];
  /** Rows after this place may be on disk without being in memory; all up to it are in one of the other states. */
  #loadedSeq = 0;
  #lastSeq: number;
  /** False while rows after `#loadedSeq` may be on disk. */
  #atEnd = false;
  readonly #count: RowCount;
  /** Those that are durable. */
  #rows: number;
  #named: boolean;
  /** One firing at a time, each waiting for the result of the one before. */
  #serial = false;

  constructor(parts: QueueParts) {
    this.#parts = parts;
    this.#named = parts.named;
    this.#order = new KeyOrder({ store: parts.store, bus: parts.bus, queue: parts.number });
    const newest = [
      ...parts.store.range("queue", { from: this.#key(0), to: this.#key(lastPlace), limit: 1, reverse: true }),
    ][0];
    this.#lastSeq = newest === undefined ? 0 : placeOf(newest[0]);
    const range = { from: this.#key(0), to: this.#key(lastPlace) };
    this.#count = new RowCount({ store: parts.store, bus: parts.bus, table: "queue", name: parts.name, range });
    this.#rows = this.#count.rows;
    this.#dead = openDeadLetters(parts, (tx, firing) => this.add(tx, firing));
    this.#results = new Results({
      commit: parts.commit,
      settle: (tx, result) => this.#settleOne(tx, result),
      settled: () => this.#wakeup.ring(),
    });
  }

  /** Adds a firing to a commit; what it returns is to be called once that is durable. */
  add(tx: Transaction, firing: NewFiring & Partial<Pick<Firing, "attempts" | "retried">>): () => void {
    this.#lastSeq += 1;
    const row: Row = { seq: this.#lastSeq, firing: { ...firing, attempts: firing.attempts ?? 0 } };
    if (!this.#named) tx.put("meta", this.#parts.nameKey, encodeJson(this.#parts.number));
    tx.put("queue", this.#key(row.seq), encodeFiring(row.firing));
    this.#order.added(tx, row);
    this.#count.added(tx);
    return () => {
      this.#named = true;
      this.#rows += 1;
      this.#offer(row);
      this.#wakeup.ring();
    };
  }

  async claim({ max, serial = false, signal }: Parameters<Queue["claim"]>[0]): Promise<readonly Claimed[]> {
    while (!signal.aborted) {
      const seen = this.#wakeup.rings;
      const rows = this.#take(max, serial);
      if (rows.length > 0) return rows.map((row) => this.#load(row));
      await this.#change(seen, signal);
    }
    return [];
  }

  settle(results: readonly SettleResult[]): Promise<void> {
    const kept = this.#results.add(results);
    if (this.#serial || results.some(({ id }) => this.#running.get(id)?.firing.orderKey !== undefined))
      this.#parts.hurry();
    return kept;
  }

  release(ids: readonly string[], notBeforeUs = 0): void {
    for (const id of ids) {
      const row = this.#running.get(id);
      if (row === undefined) continue;
      this.#running.delete(id);
      this.#delayed.push({ seq: row.seq, dueUs: Math.max(dueAt(row.firing, this.#nowUs()), notBeforeUs) });
    }
    this.#wakeup.ring();
  }

  depth(): { readonly pending: number; readonly running: number } {
    return { pending: this.#rows - this.#running.size, running: this.#running.size };
  }

  firingsOf(eventId: string): Promise<readonly string[]> {
    const ids: string[] = [];
    for (const [, value] of this.#parts.store.range("queue", { from: this.#key(0), to: this.#key(lastPlace) })) {
      const { firing } = decodeFiring(value);
      if (firing.events.some((event) => event.id === eventId)) ids.push(firing.id);
    }
    return Promise.resolve(ids);
  }

  dead(): DeadLetterTable {
    return this.#dead;
  }

  oldestUs(): number | undefined {
    return this.#oldest()?.madeUs;
  }

  /** The place of the oldest event that a live firing reads from the log; undefined when none does. */
  oldestEvent(): number | undefined {
    const places = this.#oldest()?.events.filter((event) => event.event === undefined) ?? [];
    return places.length === 0 ? undefined : Math.min(...places.map((event) => event.seq));
  }

  #oldest(): Firing | undefined {
    const first = [...this.#parts.store.range("queue", { from: this.#key(0), to: this.#key(lastPlace), limit: 1 })][0];
    return first === undefined ? undefined : decodeFiring(first[1]).firing;
  }

  #settleOne(tx: Transaction, { id, outcome }: SettleResult): () => void {
    const row = this.#running.get(id);
    if (row === undefined) return () => undefined;
    const { seq, firing } = row;
    if (outcome !== "done" && "retryAtUs" in outcome) {
      const next: Firing = { ...firing, dueUs: outcome.retryAtUs, attempts: firing.attempts + 1 };
      tx.put("queue", this.#key(seq), encodeFiring(next));
      return () => {
        this.#running.delete(id);
        this.#delayed.push({ seq, dueUs: next.dueUs });
      };
    }
    tx.remove("queue", this.#key(seq));
    this.#order.ended(tx, row);
    this.#count.removed(tx);
    if (outcome !== "done") this.#bury(tx, row, outcome);
    return () => {
      this.#running.delete(id);
      this.#rows -= 1;
      const next = this.#order.next(row, this.#loadedSeq);
      if (next !== undefined) this.#delayed.push({ seq: next, dueUs: 0 });
    };
  }

  #bury(tx: Transaction, row: Row, { dead, untried }: Death): void {
    const whole = this.#load(row).loaded;
    const events = row.firing.events.map((place) => {
      const event = whole.find((loaded) => loaded.dependency === place.dependency)?.event;
      return event === undefined ? place : { ...place, event };
    });
    const attempts = row.firing.attempts + (untried === true ? 0 : 1);
    this.#dead.add(tx, { ...row.firing, events, attempts }, dead);
  }

  #offer(row: Row): void {
    // read from disk meanwhile, or not its turn yet
    if (row.seq <= this.#loadedSeq || !this.#atEnd) return;
    if (this.#ready.length >= maxReady) {
      this.#atEnd = false;
      return;
    }
    this.#loadedSeq = row.seq;
    this.#place(row);
  }

  #place(row: Row): void {
    if (!this.#order.admits(row)) return;
    const now = this.#nowUs();
    const dueUs = dueAt(row.firing, now);
    if (dueUs > now) this.#delayed.push({ seq: row.seq, dueUs });
    else this.#ready.push(row);
  }

  #take(max: number, serial: boolean): readonly Row[] {
    const taken: Row[] = [];
    this.#serial = serial;
    if (serial && (this.#running.size > 0 || max < 1)) return taken;
    const most = serial ? 1 : max;
    const now = this.#nowUs();
    while (taken.length < most) {
      const next = this.#delayed.peek();
      if (next === undefined || next.dueUs > now) break;
      this.#delayed.pop();
      const row = this.#read(next.seq);
      if (row === undefined) continue;
      // its turn came, which says nothing of its time
      if (next.dueUs <= 0 && dueAt(row.firing, now) > now)
        this.#delayed.push({ seq: row.seq, dueUs: dueAt(row.firing, now) });
      else taken.push(row);
    }
    if (!(serial && this.#delayed.size > 0)) {
      while (taken.length < most) {
        const row = this.#nextReady();
        if (row === undefined) break;
        taken.push(row);
      }
    }
    for (const row of taken) this.#running.set(row.firing.id, row);
    return taken;
  }

  #nextReady(): Row | undefined {
    if (this.#ready.length === 0) this.#refill();
    return this.#ready.shift();
  }

  #refill(): void {
    for (let read = 0; !this.#atEnd && this.#ready.length === 0; read += readAtOnce) {
      if (read >= readPerTurn) {
        setImmediate(() => this.#wakeup.ring());
        return;
      }
      const rows = [
        ...this.#parts.store.range("queue", {
          from: this.#key(this.#loadedSeq + 1),
          to: this.#key(lastPlace),
          limit: readAtOnce,
        }),
      ];
      for (const [key, value] of rows) {
        this.#loadedSeq = placeOf(key);
        this.#place({ seq: this.#loadedSeq, firing: decodeFiring(value).firing });
      }
      if (rows.length < readAtOnce) this.#atEnd = true;
    }
  }

  async #change(seen: number, signal: AbortSignal): Promise<void> {
    const next = this.#delayed.peek();
    if (next === undefined) return this.#wakeup.wait(seen, signal);
    const ms = Math.min(longestSleepMs, Math.max(0, (next.dueUs - this.#nowUs()) / 1000));
    return this.#wakeup.waitAtMost(seen, { clock: this.#parts.clock, ms, signal });
  }

  #nowUs(): number {
    return this.#delayed.at(nowUs(this.#parts.clock));
  }

  #read(seq: number): Row | undefined {
    const value = this.#parts.store.get("queue", this.#key(seq));
    return value === undefined ? undefined : { seq, firing: decodeFiring(value).firing };
  }

  #load({ firing }: Row): Claimed {
    const loaded: { readonly dependency: string; readonly event: Event }[] = [];
    for (const { dependency, seq, event } of firing.events) {
      const found = event ?? this.#parts.entry(seq)?.event;
      if (found !== undefined) loaded.push({ dependency, event: found });
    }
    return { ...firing, loaded };
  }

  #key(seq: number): Buffer {
    return queueKey(this.#parts.bus, this.#parts.number, seq);
  }
}
