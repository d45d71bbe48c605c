import { type Database, open } from "lmdb";
import { TideError } from "../../lib/errors.ts";
import type { Store, Table } from "./store.ts";
import { tables } from "./store.ts";

/**
 * LMDB behind the store contract. All puts of a commit are issued in one synchronous turn, which LMDB's writer thread
 * makes one transaction with one sync (its `transaction()` does not roll back on a throw, and puts of other writers
 * inside an open asynchronous callback can be lost). 8 KB pages: 1.33 times the size of what is written, where 4 KB
 * pages take 1.96 times. `overlappingSync` off: a promise must not resolve before its own sync (79k against 88k
 * records/s with 50 per commit: no price).
 */
export function createLmdbStore(folder: string): Store {
  const root = open({
    path: folder,
    pageSize: 8192,
    maxDbs: tables.length + 1,
    encoding: "binary",
    keyEncoding: "binary",
    cache: false,
    overlappingSync: false,
  });
  const opened = new Map<Table, Database<Buffer, Buffer>>(
    tables.map((name) => [
      name,
      root.openDB<Buffer, Buffer>({ name, encoding: "binary", keyEncoding: "binary", cache: false }),
    ]),
  );
  const db = (table: Table): Database<Buffer, Buffer> => {
    const found = opened.get(table);
    if (found === undefined) throw new TideError("BUS_CLOSED", `no table ${table}`);
    return found;
  };
  return {
    kind: "embedded",
    get: (table, key) => db(table).getBinary(key),
    *range(table, { from, to, limit, reverse = false }) {
      const options = reverse
        ? { start: below(to), end: below(from), reverse, snapshot: false }
        : { start: from, end: to, snapshot: false };
      for (const { key, value } of db(table).getRange(limit === undefined ? options : { ...options, limit })) {
        yield [key, value] as const;
      }
    },
    async commit(writes) {
      const promises = new Set<Promise<boolean>>();
      for (const { table, key, value } of writes) {
        promises.add(value === undefined ? db(table).remove(key) : db(table).put(key, value));
      }
      await settled(promises);
      // what was read before in this turn must not hide what is committed now
      root.resetReadTxn();
    },
    async close() {
      opened.clear();
      await root.close();
    },
  };
}

/**
 * The greatest key of the same length that sorts before `key`: LMDB's reverse ranges begin at `start` inclusive and end
 * before `end`, while ours are half-open at the top. Keys of one table and bus have one length.
 */
function below(key: Buffer): Buffer {
  const copy = Buffer.from(key);
  for (let i = copy.length - 1; i >= 0; i--) {
    const byte = copy[i] ?? 0;
    if (byte > 0) {
      copy[i] = byte - 1;
      return copy;
    }
    copy[i] = 0xff;
  }
  return Buffer.alloc(0);
}

/** Waits for all, so that no rejection is left without a handler, then fails with the first failure. */
async function settled(promises: Iterable<Promise<unknown>>): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === "rejected");
  if (failed === undefined) return;
  const cause: unknown = failed.reason;
  const deeper = cause instanceof Error && "commitError" in cause ? await commitError(cause.commitError) : cause;
  throw new TideError("BUS_WRITE_FAILED", "writing to the bus folder", { cause: deeper ?? cause });
}

/** lmdb-js hides the disk's own error behind a promise on the rejection. */
async function commitError(inner: unknown): Promise<unknown> {
  try {
    await inner;
    return undefined;
  } catch (error) {
    return error;
  }
}
