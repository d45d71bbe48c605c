import { hash } from "node:crypto";
import type { Firing } from "../bus.ts";
import { encodeJson } from "./codec.ts";
import type { Transaction } from "./committer.ts";
import { type BusNumber, lastPlace, orderKey, placeOf } from "./keys.ts";
import type { Store } from "./store.ts";

/** One row of a queue: a firing and its place. */
export interface Row {
  readonly seq: number;
  readonly firing: Firing;
}

/**
 * Which firing of each order key may run: the oldest live one. The others wait on disk, not in memory: an index next to
 * the rows (key, place) names the next one when its turn comes, so that a million firings behind a failing one cost
 * nothing but their rows. In memory is only who is at the head of each key that has a row there.
 * Rows must be admitted in the order of their places.
 */
export class KeyOrder {
  readonly #store: Store;
  readonly #bus: BusNumber;
  readonly #queue: number;
  readonly #heads = new Map<string, number>();

  constructor(parts: { readonly store: Store; readonly bus: BusNumber; readonly queue: number }) {
    this.#store = parts.store;
    this.#bus = parts.bus;
    this.#queue = parts.queue;
  }

  /** Puts a new row into the index, in the commit that writes it. */
  added(tx: Transaction, { seq, firing }: Row): void {
    if (firing.orderKey !== undefined) tx.put("queue", this.#at(hashOf(firing.orderKey), seq), mark);
  }

  /** Takes a row out of the index, in the commit that ends it. */
  ended(tx: Transaction, { seq, firing }: Row): void {
    if (firing.orderKey !== undefined) tx.remove("queue", this.#at(hashOf(firing.orderKey), seq));
  }

  /** Whether the row may go on now; if not, `next` will name it. Without an order key: always. */
  admits({ seq, firing }: Row): boolean {
    if (firing.orderKey === undefined) return true;
    const key = hashOf(firing.orderKey);
    if (this.#heads.has(key)) return false;
    // a row that the index lost (a salvaged folder) could never be named: it runs without an order
    if (this.#store.get("queue", this.#at(key, seq)) !== undefined) this.#heads.set(key, seq);
    return true;
  }

  /**
   * The end of a row is durable: answers with the place of the one that is now at the head of its key. Only up to
   * `loadedSeq`; what was not admitted before will be when it comes.
   */
  next({ seq, firing }: Row, loadedSeq: number): number | undefined {
    if (firing.orderKey === undefined) return undefined;
    const key = hashOf(firing.orderKey);
    if (this.#heads.get(key) !== seq) return undefined;
    this.#heads.delete(key);
    for (const [at] of this.#store.range("queue", {
      from: this.#at(key, seq),
      to: this.#at(key, lastPlace),
      limit: 1,
    })) {
      const next = placeOf(at);
      if (next > loadedSeq) return undefined;
      this.#heads.set(key, next);
      return next;
    }
    return undefined;
  }

  #at(key: string, seq: number): Buffer {
    return orderKey({ bus: this.#bus, queue: this.#queue, key, seq });
  }
}

const mark = encodeJson(0);

/** 64 bits: two keys that meet in one hash would only run one after the other. */
function hashOf(key: string): string {
  return hash("sha256", key, "hex").slice(0, 16);
}
