import { statfs } from "node:fs/promises";
import { type Database, open } from "lmdb";
import { TideError } from "../../lib/errors.ts";
import type { Store, Table } from "./store.ts";
import { tables } from "./store.ts";

/**
 * LMDB behind the store contract. All puts of a commit are issued inside one `batch`, which LMDB's writer thread makes one
 * transaction with one sync. (Its `transaction()` does not roll back on a throw; puts of other writers inside an open
 * asynchronous callback can be lost; batching by event turn waits for the next turn and leaves a rejection without a
 * handler when the disk is full. With 4 rows per commit a batch takes 0.5 ms where a turn takes 1.5 ms.)
 * 8 KB pages: 1.33 times the size of what is written, where 4 KB pages take 1.96 times. `overlappingSync` off: a promise
 * must not resolve before its own sync (79k against 88k records/s with 50 per commit: no price).
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
    eventTurnBatching: false,
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
  let failed = false;
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
    count: (table) => Number((db(table).getStats() as { readonly entryCount: number }).entryCount),
    async commit(writes) {
      if (failed) await assertRoom(folder);
      try {
        // inside a batch the single writes answer with one promise that is resolved already: nothing to wait for
        await root.batch(() => {
          for (const { table, key, value } of writes) {
            if (value === undefined) void db(table).remove(key);
            else void db(table).put(key, value);
          }
        });
        failed = false;
      } catch (cause) {
        failed = true;
        throw new TideError("BUS_WRITE_FAILED", "writing to the bus folder", { cause: await diskError(cause) });
      }
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

/**
 * After a failed commit the next one is tried only once the disk has room again: LMDB aborts the process after some tens
 * of commits on a full disk (seen: a broken heap after 76).
 */
async function assertRoom(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= roomBytes) return;
  throw new TideError("BUS_WRITE_FAILED", `the disk of ${folder} is full`);
}

const roomBytes = 2 * 2 ** 20;

/** lmdb-js hides the disk's own error behind a promise on the rejection. */
async function diskError(cause: unknown): Promise<unknown> {
  if (!(cause instanceof Error) || !("commitError" in cause)) return cause;
  try {
    await cause.commitError;
    return cause;
  } catch (error) {
    return error;
  }
}
