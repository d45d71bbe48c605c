import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { TideError } from "../lib/errors.ts";
import type { EventRecord } from "./record.ts";

export interface RecordOptions {
  /** Opens a record that is there and writes nothing: for questions beside a running tidemill, or after it. */
  readonly readOnly?: boolean;
  /** How long a write waits for another program's lock before it fails with RECORD_LOCKED; 2 s by default. */
  readonly busyTimeoutMs?: number;
}

/**
 * Opens the record at `sqlite:PATH` or a plain path (`sqlite::memory:` for one that ends with the process), making it or
 * bringing it to this version where needed. Fails with RECORD_URL, RECORD_UNSUPPORTED, RECORD_UNWRITABLE, RECORD_MISSING
 * (read-only), RECORD_NEWER, RECORD_DAMAGED or RECORD_LOCKED.
 */
export async function openRecord(url: string, options: RecordOptions = {}): Promise<EventRecord> {
  const path = sqlitePath(url);
  const { SqliteRecord } = await import("./sqlite/sqlite-record.ts");
  const record = new SqliteRecord({
    path,
    readOnly: options.readOnly ?? false,
    busyTimeoutMs: options.busyTimeoutMs ?? 2_000,
  });
  try {
    await record.open();
    return record;
  } catch (error) {
    await record[Symbol.asyncDispose]();
    throw error;
  }
}

function sqlitePath(url: string): string {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === "mysql" || scheme === "mariadb" || scheme === "postgres" || scheme === "postgresql")
    throw new TideError("RECORD_UNSUPPORTED", `a record in ${scheme} is not supported yet`);
  if (url.includes("\0")) throw new TideError("RECORD_URL", "the address of the record has a NUL character");
  if (scheme === "file") return pathOfFileUrl(url);
  // the scheme, without the rest: another one may hold a password
  if (scheme !== undefined && scheme !== "sqlite" && url.includes("://"))
    throw new TideError("RECORD_URL", `a record with ${scheme}: is nothing that tidemill knows`);
  const path = scheme === "sqlite" ? url.slice("sqlite:".length).replace(/^\/\/(?=\/)/, "") : url;
  if (path === "" || path === "//") throw new TideError("RECORD_URL", "the address of the record has no path");
  return path === ":memory:" ? path : resolve(path);
}

function pathOfFileUrl(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new TideError("RECORD_URL", "the address of the record is no file of this machine", { cause });
  }
}
