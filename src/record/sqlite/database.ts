import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { messageOf, TideError } from "../../lib/errors.ts";
import { recordVersion } from "../schema.ts";
import { migrations } from "./migrations.ts";
import { type DatabaseOptions, inMemory } from "./options.ts";

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
export function openDatabase(options: DatabaseOptions): DatabaseSync {
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
    bringUp(database, options);
    return database;
  } catch (error) {
    database?.close();
    throw sqliteError(error, `opening the record ${path}`);
  }
}

function bringUp(database: DatabaseSync, { path, readOnly }: DatabaseOptions): void {
  const version = versionOf(database);
  if (version > recordVersion)
    throw new TideError(
      "RECORD_NEWER",
      `the record ${path} has version ${version}, this tidemill reads up to ${recordVersion}`,
    );
  if (version === recordVersion) return;
  if (readOnly)
    throw new TideError(
      version === 0 ? "RECORD_MISSING" : "RECORD_UNWRITABLE",
      version === 0 ? `${path} holds no record` : `the record ${path} has the old version ${version}, and is read-only`,
    );
  transact(database, () => {
    // another process may have brought it up while this one waited for the lock
    for (let next = versionOf(database); next < recordVersion; next++) database.exec(migrations[next] ?? "");
    database.exec("DELETE FROM record_meta");
    database.prepare("INSERT INTO record_meta (version) VALUES (?)").run(recordVersion);
  });
}

/** 0 for an empty file. A file with tables of somebody else is not ours to write to. */
function versionOf(database: DatabaseSync): number {
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  if (!tables.some((table) => table.name === "record_meta")) {
    if (tables.length > 0)
      throw new TideError("RECORD_DAMAGED", `the file has the tables of something else (${tables[0]?.name})`);
    return 0;
  }
  const version = database.prepare("SELECT max(version) AS version FROM record_meta").get()?.version;
  if (typeof version !== "number") throw new TideError("RECORD_DAMAGED", "the record does not say its version");
  return version;
}

/** All of `step`, or nothing. */
export function transact<T>(database: DatabaseSync, step: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = step();
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
