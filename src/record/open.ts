import { isTide } from "../lib/errors.ts";
import { placeOf } from "./address.ts";
import type { ServerPlace, SqlitePlace } from "./options.ts";
import type { EventRecord } from "./record.ts";

export interface RecordOptions {
  /** Opens a record that is there and writes nothing: for questions beside a running tidemill, or after it. */
  readonly readOnly?: boolean;
  /** How long a write waits for another program's lock before it fails with RECORD_LOCKED; 2 s by default. */
  readonly busyTimeoutMs?: number;
  /** Called for the package of a server's driver: fails with SDK_MISSING, which says how to install it. */
  readonly sdk?: <T>(name: string, load: () => Promise<T>) => Promise<T>;
  /**
   * A server that cannot be reached is no failure: the record opens, its calls fail with RECORD_AWAY, and work once the
   * server is there. For who writes, and keeps the facts meanwhile.
   */
  readonly mayBeAway?: boolean;
}

/** The password in the address of a record, for who keeps it out of logs; undefined where there is none. */
export function recordPassword(url: string): string | undefined {
  const place = placeOf(url);
  return place.kind === "sqlite" ? undefined : place.password;
}

/**
 * Opens the record at `sqlite:PATH`, a plain path (`sqlite::memory:` for one that ends with the process), or a URL of
 * MySQL, MariaDB or Postgres, making its tables or bringing them to this version where needed. Fails with RECORD_URL,
 * RECORD_UNSUPPORTED, RECORD_UNWRITABLE, RECORD_MISSING (read-only), RECORD_NEWER, RECORD_DAMAGED, RECORD_LOCKED, and of a
 * server also with RECORD_AWAY, RECORD_REFUSED or SDK_MISSING.
 */
export async function openRecord(url: string, options: RecordOptions = {}): Promise<EventRecord> {
  const place = placeOf(url);
  await driverOf(place, options.sdk);
  const { ThreadRecord } = await import("./thread-record.ts");
  const record = new ThreadRecord({
    place,
    readOnly: options.readOnly ?? false,
    busyTimeoutMs: options.busyTimeoutMs ?? 2_000,
  });
  try {
    await record.open();
    return record;
  } catch (error) {
    if (options.mayBeAway === true && isTide(error, "RECORD_AWAY")) return record;
    await record[Symbol.asyncDispose]();
    throw error;
  }
}

/** Looks for the driver of a server; it is loaded where it talks to the server. Fails as `sdk` does. */
export async function driverOf(place: SqlitePlace | ServerPlace, sdk: RecordOptions["sdk"]): Promise<void> {
  if (place.kind === "sqlite") return;
  const driver = place.kind === "mysql" ? "mysql2" : "pg";
  const found = async () => import.meta.resolve(driver);
  await (sdk === undefined ? found() : sdk(driver, found));
}
