import type { DeadLetter, DeadLetters, DeadReason, Firing, NewFiring } from "../bus.ts";
import { decodeFiring, encodeFiring } from "./codec.ts";
import type { Transaction } from "./committer.ts";
import type { QueueParts } from "./firing-queue.ts";
import { after, textKey } from "./keys.ts";
import { RowCount } from "./row-count.ts";

export interface DeadLetterTable extends DeadLetters {
  /** Adds a dead letter to a commit. */
  add(tx: Transaction, firing: Firing, reason: DeadReason): void;
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
  /** Made by the first who wants to know or changes it: most queues never have a dead letter. */
  let counted: RowCount | undefined;
  /** Letters whose change is not durable yet: the store still shows them as they were, and a second change must not. */
  const changing = new Set<string>();
  const rows = (): RowCount => {
    const { store, bus, name } = parts;
    counted ??= new RowCount({ store, bus, table: "dead", name, range: { from: prefix, to: after(prefix) } });
    return counted;
  };
  const get = (id: string): DeadLetter | undefined => {
    const value = parts.store.get("dead", keyOf(id));
    return value === undefined ? undefined : read(value);
  };
  /** Changes the letter in a commit that also has `facts`; false when it is not there (any more). */
  const change = async (
    id: string,
    facts: Parameters<DeadLetters["drop"]>[1],
    changed: (tx: Transaction, letter: DeadLetter) => (() => void) | undefined,
  ): Promise<boolean> => {
    const letter = changing.has(id) ? undefined : get(id);
    if (letter === undefined) return false;
    changing.add(id);
    let effect: (() => void) | undefined;
    try {
      await parts.commit(
        { facts },
        {
          prepare: (tx) => {
            effect = changed(tx, letter);
          },
          durable: () => effect?.(),
        },
      );
      return true;
    } finally {
      changing.delete(id);
    }
  };
  const remove = (tx: Transaction, id: string): void => {
    tx.remove("dead", keyOf(id));
    rows().removed(tx);
  };
  return {
    add(tx, firing, reason) {
      const key = keyOf(firing.id);
      if (parts.store.get("dead", key) === undefined) rows().added(tx);
      tx.put("dead", key, encodeFiring(firing, reason));
    },
    list({ after: last, limit = 100 } = {}) {
      const from = last === undefined ? prefix : after(keyOf(last));
      const found = parts.store.range("dead", { from, to: after(prefix), limit });
      return Promise.resolve(Array.from(found, ([, value]) => read(value)));
    },
    get: (id) => Promise.resolve(get(id)),
    count: () => rows().rows,
    retry: (id, { dueUs, newId, revision, by, facts }) =>
      change(id, facts, (tx, { firing, reason }) => {
        remove(tx, id);
        // its turn among the firings of its key has passed: it just runs
        const { attempts: _, orderKey: __, successor: ___, ...again } = firing;
        const rounds = (firing.retried?.rounds ?? 0) + 1;
        const retried = { rounds, last: reason, ...(by === undefined ? {} : { by }) };
        return requeue(tx, {
          ...again,
          ...{ dueUs, id: newId ?? id, revision: revision ?? firing.revision, retried },
        });
      }),
    succeed: (id, { firing, drop, facts }) =>
      change(id, facts, (tx, letter) => {
        const queued = requeue(tx, firing);
        if (!drop) tx.put("dead", keyOf(id), encodeFiring({ ...letter.firing, successor: firing.id }, letter.reason));
        if (drop) remove(tx, id);
        return queued;
      }),
    drop: (id, facts) =>
      change(id, facts, (tx) => {
        remove(tx, id);
        return undefined;
      }),
  };
}
