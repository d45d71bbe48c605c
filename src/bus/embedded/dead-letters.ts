import type { DeadLetter, DeadLetters, DeadReason, Firing, NewFiring } from "../bus.ts";
import { decodeFiring, encodeFiring } from "./codec.ts";
import type { Transaction } from "./committer.ts";
import type { QueueParts } from "./firing-queue.ts";
import { after, textKey } from "./keys.ts";

export interface DeadLetterTable extends DeadLetters {
  /** Adds a dead letter to a commit; what it returns is to be called once that is durable. */
  add(tx: Transaction, firing: Firing, reason: DeadReason): () => void;
}

type Parts = Pick<QueueParts, "store" | "bus" | "name" | "commit">;

/** The dead letters of one queue: rows that carry their events whole, because they outlive the log's retention. */
export function openDeadLetters(
  parts: Parts,
  requeue: (tx: Transaction, firing: NewFiring) => () => void,
): DeadLetterTable {
  const prefix = textKey(parts.bus, `${parts.name}\0`);
  const keyOf = (id: string): Buffer => textKey(parts.bus, `${parts.name}\0${id}`);
  const read = (value: Buffer): DeadLetter => {
    const { firing, reason } = decodeFiring(value);
    const events = firing.events.flatMap(({ dependency, event }) =>
      event === undefined ? [] : [{ dependency, event }],
    );
    return { firing, reason: reason ?? { code: "", message: "", atUs: 0 }, events };
  };
  let counted: number | undefined;
  const count = (): number => {
    counted ??= [...parts.store.range("dead", { from: prefix, to: after(prefix) })].length;
    return counted;
  };
  const get = (id: string): DeadLetter | undefined => {
    const value = parts.store.get("dead", keyOf(id));
    return value === undefined ? undefined : read(value);
  };
  /** Takes the letter away in a commit that also does `also`; false when it is not there (any more). */
  const take = async (
    id: string,
    facts: Parameters<DeadLetters["drop"]>[1],
    also: (tx: Transaction, letter: DeadLetter) => () => void,
  ): Promise<boolean> => {
    let effect: (() => void) | undefined;
    await parts.commit(
      { facts: get(id) === undefined ? [] : facts },
      (tx) => {
        const letter = get(id);
        if (letter === undefined) return;
        tx.remove("dead", keyOf(id));
        effect = also(tx, letter);
      },
      () => {
        if (effect === undefined) return;
        if (counted !== undefined) counted -= 1;
        effect();
      },
    );
    return effect !== undefined;
  };
  return {
    add(tx, firing, reason) {
      const before = count();
      tx.put("dead", keyOf(firing.id), encodeFiring(firing, reason));
      return () => {
        counted = (counted ?? before) + 1;
      };
    },
    list({ after: last, limit = 100 } = {}) {
      const from = last === undefined ? prefix : after(keyOf(last));
      const rows = parts.store.range("dead", { from, to: after(prefix), limit });
      return Promise.resolve(Array.from(rows, ([, value]) => read(value)));
    },
    get: (id) => Promise.resolve(get(id)),
    count,
    retry: (id, { dueUs, newId, revision, facts }) =>
      take(id, facts, (tx, { firing }) => {
        // its turn among the firings of its key has passed: it just runs
        const { attempts: _, orderKey: __, ...again } = firing;
        return requeue(tx, { ...again, dueUs, id: newId ?? id, revision: revision ?? firing.revision });
      }),
    drop: (id, facts) => take(id, facts, () => () => undefined),
  };
}
