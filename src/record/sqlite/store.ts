import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { messageOf, TideError } from "../../lib/errors.ts";
import { inMemory, type SqlitePlace } from "../options.ts";
import { recordVersion } from "../schema.ts";
import { bringUp, demandVersion, versionIn } from "../sql/migrations.ts";
import type { Session, Store } from "../sql/store.ts";
import { sqliteDialect } from "./dialect.ts";
import { SqliteSession } from "./session.ts";

/** How a file is opened. */
export interface SqliteOptions extends Omit<SqlitePlace, "kind"> {
  readonly readOnly: boolean;
  readonly busyTimeoutMs: number;
}

/** A store in a file, with the connection under it. */
export interface SqliteStore extends Store {
  readonly database: DatabaseSync;
}

/** For writing, the pages of the indexes over ids, which come in no order; a reader scans, and needs little. */
const writeCacheKb = 16_000;
const readCacheKb = 2_000;
/** Pages in the WAL before it is copied into the file; a rarer copy merges more writes of the same page. */
const checkpointPages = 8_000;

/**
 * Opens the record and brings it to this version. Fails with RECORD_UNWRITABLE, RECORD_MISSING (read-only), RECORD_NEWER,
 * RECORD_DAMAGED, RECORD_LOCKED. `synchronous=FULL`: the bus forgets
 * facts once a commit here has returned, so it must outlive a power cut; one sync per batch of facts costs nothing that
 * anybody waits for.
 */
export async function openSqlite(options: SqliteOptions): Promise<SqliteStore> {
  const { path, readOnly } = options;
  if (readOnly && path !== inMemory && !existsSync(path))
    throw new TideError("RECORD_MISSING", `there is no record at ${path}`);
  let database: DatabaseSync | undefined;
  try {
    if (!readOnly && path !== inMemory) mkdirSync(dirname(path), { recursive: true });
    database = new DatabaseSync(path, { readOnly, timeout: options.busyTimeoutMs });
    if (!readOnly) database.exec("PRAGMA journal_mode = WAL");
    database.exec(`PRAGMA cache_size = -${readOnly ? readCacheKb : writeCacheKb}; PRAGMA temp_store = MEMORY`);
    database.exec(`PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    const store = storeOver(database);
    await prepare(store, options);
    return store;
  } catch (error) {
    database?.close();
    throw sqliteError(error, `opening the record ${path}`);
  }
}

function storeOver(database: DatabaseSync): SqliteStore {
  const session = new SqliteSession(database, sqliteDialect);
  return {
    database,
    dialect: sqliteDialect,
    write: (step) => transact(database, "BEGIN IMMEDIATE", () => step(session)),
    read: (step) => transact(database, "BEGIN", () => step(session)),
    fault: sqliteError,
    async close() {
      database.close();
    },
  };
}

async function prepare(store: SqliteStore, { path, readOnly }: SqliteOptions): Promise<void> {
  const version = await store.read((session) => versionOf(session, path));
  if (readOnly) return demandVersion(version, path);
  if (version === recordVersion) return;
  await store.write(async (session) => {
    // another process may have brought it up while this one waited for the lock
    const now = await versionOf(session, path);
    await bringUp(session, { version: now, again: (text) => session.run(text) });
  });
}

/** undefined for an empty file. A file with tables of somebody else is not ours to write to. */
async function versionOf(session: Session, path: string): Promise<number | undefined> {
  const tables = await session.all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'");
  if (tables.some(({ name }) => name === "record_meta")) return versionIn(session, path);
  if (tables.length > 0)
    throw new TideError("RECORD_DAMAGED", `the file has the tables of something else (${tables[0]?.name})`);
  return undefined;
}

/** All of `step`, or nothing. */
async function transact<T>(database: DatabaseSync, begin: string, step: () => Promise<T>): Promise<T> {
  database.exec(begin);
  try {
    const result = await step();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // a full disk may have rolled back already
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** What SQLite says, as one of our codes. */
export function sqliteError(error: unknown, doing: string): TideError {
  if (error instanceof TideError) return error;
  const named = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  const primary = typeof named === "number" ? named & 0xff : undefined;
  const code = primary === undefined ? undefined : codeOfSqlite[primary];
  if (code !== undefined) return new TideError(code, `${doing}: ${messageOf(error)}`, { cause: error });
  const system = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  if (/^E[A-Z]+$/.test(system)) return new TideError("RECORD_UNWRITABLE", `${doing}: ${system}`, { cause: error });
  return new TideError("RECORD_FAILED", `${doing}: ${messageOf(error)}`, { cause: error });
}

/** By SQLite's primary result codes. */
const codeOfSqlite: Readonly<
  Record<number, "RECORD_LOCKED" | "RECORD_WRITE_FAILED" | "RECORD_DAMAGED" | "RECORD_UNWRITABLE">
> = {
  3: "RECORD_UNWRITABLE", // SQLITE_PERM
  5: "RECORD_LOCKED", // SQLITE_BUSY
  6: "RECORD_LOCKED", // SQLITE_LOCKED
  8: "RECORD_WRITE_FAILED", // SQLITE_READONLY
  10: "RECORD_WRITE_FAILED", // SQLITE_IOERR
  11: "RECORD_DAMAGED", // SQLITE_CORRUPT
  13: "RECORD_WRITE_FAILED", // SQLITE_FULL
  14: "RECORD_UNWRITABLE", // SQLITE_CANTOPEN
  26: "RECORD_DAMAGED", // SQLITE_NOTADB
};
