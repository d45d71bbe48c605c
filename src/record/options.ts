import type { ServerPlace, SqlitePlace } from "../lib/sql-place.ts";

export { inMemory, type ServerPlace, type SqlitePlace, shownPlace } from "../lib/sql-place.ts";

/** How a record is opened. Plain data: it is sent to the thread that opens it. */
export interface StoreOptions {
  readonly place: SqlitePlace | ServerPlace;
  /** Opens what is there and changes nothing. */
  readonly readOnly: boolean;
  /** How long a statement waits for another program's lock before it fails with RECORD_LOCKED. */
  readonly busyTimeoutMs: number;
}
