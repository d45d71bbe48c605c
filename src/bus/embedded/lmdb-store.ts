import { type Database, open, type RootDatabase } from "lmdb";
import { TideError } from "../../lib/errors.ts";
import { damagedMemory, guardDisk } from "./disk-guard.ts";
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
  let env = openEnvironment(folder, false);
  const guard = guardDisk(folder);
  const reopen = (readOnly: boolean): void => {
    void env.close();
    env = openEnvironment(folder, readOnly);
  };
  return {
    kind: "embedded",
    get: (table, key) => env.table(table).getBinary(key),
    *range(table, { from, to, limit, reverse = false }) {
      const options = reverse
        ? { start: below(to), end: below(from), reverse, snapshot: false }
        : { start: from, end: to, snapshot: false };
      for (const { key, value } of env.table(table).getRange(limit === undefined ? options : { ...options, limit })) {
        yield [key, value] as const;
      }
    },
    count: (table) => Number((env.table(table).getStats() as { readonly entryCount: number }).entryCount),
    async commit(writes) {
      const ready = guard.ready();
      if (ready !== undefined) await ready;
      try {
        if (env.readOnly) reopen(false);
        // inside a batch the single writes answer with one promise that is resolved already: nothing to wait for
        await env.root.batch(() => {
          for (const { table, key, value } of writes) {
            if (value === undefined) void env.table(table).remove(key);
            else void env.table(table).put(key, value);
          }
        });
      } catch (error) {
        const cause = await diskError(error);
        guard.failed(cause);
        if (damagedMemory(cause)) endProcess(cause);
        // LMDB may be in a state that only opening it anew ends (MDB_PANIC): for reading alone, until it can write again
        reopen(true);
        throw new TideError("BUS_WRITE_FAILED", "writing to the bus folder", { cause });
      }
      // what was read before in this turn must not hide what is committed now
      env.root.resetReadTxn();
    },
    close: () => env.close(),
  };
}

/** LMDB with its tables open. */
interface Environment {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly readOnly: boolean;
  table(name: Table): Database<Buffer, Buffer>;
  /** Nothing can be read from here on. There must be no commit under way. */
  close(): Promise<void>;
}

function openEnvironment(folder: string, readOnly: boolean): Environment {
  const root = open<Buffer, Buffer>({
    path: folder,
    pageSize: 8192,
    maxDbs: tables.length + 1,
    encoding: "binary",
    keyEncoding: "binary",
    cache: false,
    overlappingSync: false,
    eventTurnBatching: false,
    readOnly,
  });
  letGoOfWrites(root);
  const opened = new Map<Table, Database<Buffer, Buffer>>(
    tables.map((name) => [
      name,
      root.openDB<Buffer, Buffer>({ name, encoding: "binary", keyEncoding: "binary", cache: false }),
    ]),
  );
  return {
    root,
    readOnly,
    table(name) {
      const found = opened.get(name);
      if (found === undefined) throw new TideError("BUS_CLOSED", `no table ${name}`);
      return found;
    },
    close() {
      opened.clear();
      // it is closed some turns later otherwise, for the sake of writes that are under way; nobody could read in between
      Object.defineProperty(root, "_endWrites", { value: undefined });
      return root.close();
    },
  };
}

/** A write, as lmdb-js keeps it. */
interface KeptWrite {
  next?: KeptWrite | null;
  nextTxn?: KeptWrite | null;
}

/**
 * lmdb-js (3.5.6) links each write to the one after it and never takes the links of finished ones away. As soon as one of them is
 * in the old generation, where it lies until the next full collection, all that come after it are copied there too, with
 * what their promises hold.
 */
function letGoOfWrites(root: RootDatabase<Buffer, Buffer>): void {
  let finished: KeptWrite | null | undefined;
  root.on("aftercommit", ({ next }: { readonly next?: KeptWrite }) => {
    // those of the commit before this one: of this one they are still asked for their promises
    while (finished && finished !== next) {
      const after: KeptWrite | null | undefined = finished.next;
      finished.next = null;
      finished.nextTxn = null;
      finished = after;
    }
    finished = next;
  });
}

/** By an error that nobody catches: what the process does with its memory now is open, and its data is on the disk. */
function endProcess(cause: unknown): void {
  setImmediate(() => {
    throw new TideError("BUS_MEMORY_DAMAGED", "writing to the bus folder", { cause });
  });
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
