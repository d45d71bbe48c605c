import { messageOf, TideError } from "../../lib/errors.ts";
import type { Store, Table, Write } from "./store.ts";

/** What one member adds to the shared commit, and what it does once that is durable. */
export interface Member {
  /** Called once, synchronously, when the commit is put together; a throw rejects this member alone. */
  prepare(tx: Transaction): void;
  /** Called in the order of `prepare`, after the commit is durable, before the member's promise resolves. */
  durable?(): void;
  /** Nobody is held up by it: it goes with the next commit of others, and alone only where none comes for some ms. */
  readonly patient?: boolean;
}

export class Transaction {
  readonly writes: Write[] = [];
  readonly #finishers = new Map<object, () => void>();
  readonly #effects: (() => void)[] = [];
  readonly #takeBacks: (() => void)[] = [];

  put(table: Table, key: Buffer, value: Buffer): void {
    this.writes.push({ table, key, value });
  }

  remove(table: Table, key: Buffer): void {
    this.writes.push({ table, key, value: undefined });
  }

  /** Runs once per owner, after the last member prepared: for what all members of a commit share (a counter, the facts). */
  finally(owner: object, finish: () => void): void {
    if (!this.#finishers.has(owner)) this.#finishers.set(owner, finish);
  }

  /** Runs `step`; when it throws, nothing of it stays in the commit. */
  whole<T>(step: () => T): T {
    const writes = this.writes.length;
    const effects = this.#effects.length;
    const takeBacks = this.#takeBacks.length;
    try {
      return step();
    } catch (error) {
      this.writes.length = writes;
      this.#effects.length = effects;
      for (const takeBack of this.#takeBacks.splice(takeBacks)) takeBack();
      throw error;
    }
  }

  /** Runs when the commit is durable, before any member hears of it. */
  afterDurable(effect: () => void): void {
    this.#effects.push(effect);
  }

  /** Runs when the commit failed: takes back what was counted. */
  afterFailure(effect: () => void): void {
    this.#takeBacks.push(effect);
  }

  failed(): void {
    for (const effect of this.#takeBacks) effect();
  }

  durable(): void {
    for (const effect of this.#effects) effect();
  }

  finish(): void {
    for (const finish of this.#finishers.values()) finish();
  }
}

/** So many writes in one commit mean load: at 500 events/s a commit has three or four. */
const crowd = 24;
const gatherMs = 4;

/** So long a patient member waits: at 500 events/s half of the syncs of the disk (decision 0026). */
const patienceMs = 5;

function gatherMore(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, gatherMs));
}

interface Waiting {
  readonly member: Member;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Group commit: members that arrive while a commit is under way go together into the next one. One commit at a time, so
 * places are durable in their order. A commit that fails rejects all its members; nothing of it is kept.
 */
export class Committer {
  readonly #store: Store;
  #waiting: Waiting[] = [];
  /** Somebody is held up by what waits. */
  #urgent = false;
  #patience: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #closed = false;
  #failing: string | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  commit(member: Member): Promise<void> {
    if (this.#closed) return Promise.reject(new TideError("BUS_CLOSED", "the bus is closed"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ member, resolve, reject });
      if (member.patient === true) this.#patience ??= setTimeout(() => this.hurry(), patienceMs);
      else this.hurry();
    });
  }

  /** What waits is committed now, also what is patient. */
  hurry(): void {
    if (this.#waiting.length === 0) return;
    this.#urgent = true;
    this.#running ??= this.#run();
  }

  /** Why the last commit failed; undefined when it did not. */
  get failing(): string | undefined {
    return this.#failing;
  }

  /** Refuses new members and waits for those that are in. */
  async close(): Promise<void> {
    this.#closed = true;
    this.hurry();
    await this.#running;
  }

  async #run(): Promise<void> {
    // the first member of a turn waits for the others of that turn
    await Promise.resolve();
    while (this.#urgent) {
      const group = this.#waiting;
      this.#waiting = [];
      this.#urgent = false;
      clearTimeout(this.#patience);
      this.#patience = undefined;
      const writes = await this.#commitGroup(group);
      // under load a short pause makes larger groups: a third less processor time per event, 4 ms more latency
      if (writes >= crowd) await gatherMore();
    }
    this.#running = undefined;
  }

  /** How many writes the commit had. */
  async #commitGroup(group: readonly Waiting[]): Promise<number> {
    const tx = new Transaction();
    const prepared: Waiting[] = [];
    for (const waiting of group) {
      try {
        tx.whole(() => waiting.member.prepare(tx));
        prepared.push(waiting);
      } catch (error) {
        waiting.reject(error);
      }
    }
    try {
      tx.finish();
      if (tx.writes.length > 0) await this.#store.commit(tx.writes);
    } catch (error) {
      this.#failing = messageOf(error);
      tx.failed();
      for (const waiting of prepared) waiting.reject(error);
      return 0;
    }
    if (tx.writes.length > 0) this.#failing = undefined;
    tx.durable();
    for (const waiting of prepared) {
      waiting.member.durable?.();
      waiting.resolve();
    }
    return tx.writes.length;
  }
}
