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
  requeue: (tx: Transaction, firing: NewFiring & Pick<Firing, "retried">) => () => void,
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
  /** Letters whose change is not durable yet: the store still shows them as they were, and a second change must not. */
  const changing = new Set<string>();
  const count = (): number => {
    if (counted !== undefined) return counted;
    let rows = 0;
    for (const _ of parts.store.range("dead", { from: prefix, to: after(prefix) })) rows += 1;
    counted = rows;
    return rows;
  };
  const get = (id: string): DeadLetter | undefined => {
    const value = parts.store.get("dead", keyOf(id));
    return value === undefined ? undefined : read(value);
  };
  /** Changes the letter in a commit that also has `facts`; false when it is not there (any more). */
  const change = async (
    id: string,
    facts: Parameters<DeadLetters["drop"]>[1],
    changed: (tx: Transaction, letter: DeadLetter) => () => void,
  ): Promise<boolean> => {
    const letter = changing.has(id) ? undefined : get(id);
    if (letter === undefined) return false;
    changing.add(id);
    let effect: (() => void) | undefined;
    try {
      await parts.commit(
        { facts },
        (tx) => {
          effect = changed(tx, letter);
        },
        () => effect?.(),
      );
      return true;
    } finally {
      changing.delete(id);
    }
  };
  const remove = (tx: Transaction, id: string): (() => void) => {
    tx.remove("dead", keyOf(id));
    return () => {
      if (counted !== undefined) counted -= 1;
    };
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
    retry: (id, { dueUs, newId, revision, by, facts }) =>
      change(id, facts, (tx, { firing, reason }) => {
        const removed = remove(tx, id);
        // its turn among the firings of its key has passed: it just runs
        const { attempts: _, orderKey: __, successor: ___, ...again } = firing;
        const rounds = (firing.retried?.rounds ?? 0) + 1;
        const retried = { rounds, last: reason, ...(by === undefined ? {} : { by }) };
        const queued = requeue(tx, {
          ...again,
          ...{ dueUs, id: newId ?? id, revision: revision ?? firing.revision, retried },
        });
        return () => {
          removed();
          queued();
        };
      }),
    succeed: (id, { firing, drop, facts }) =>
      change(id, facts, (tx, letter) => {
        const queued = requeue(tx, firing);
        if (!drop) tx.put("dead", keyOf(id), encodeFiring({ ...letter.firing, successor: firing.id }, letter.reason));
        const removed = drop ? remove(tx, id) : undefined;
        return () => {
          removed?.();
          queued();
        };
      }),
    drop: (id, facts) => change(id, facts, (tx) => remove(tx, id)),
  };
}
