/** How a record in SQLite is opened. Apart from `database.ts`, because only threads may load `node:sqlite`. */
export interface DatabaseOptions {
  readonly path: string;
  /** Opens what is there and changes nothing. */
  readonly readOnly: boolean;
  /** How long a statement waits for another program's lock before it fails with RECORD_LOCKED. */
  readonly busyTimeoutMs: number;
}

/** In memory: for one connection only. */
export const inMemory = ":memory:";
