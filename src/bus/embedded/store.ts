/**
 * The ordered key-value store under the embedded bus: LMDB on disk, or sorted arrays in memory for tests. Reads are
 * synchronous and see all commits that resolved; a commit is all or nothing, and durable when it resolves.
 */
export interface Store {
  readonly kind: "embedded" | "memory";
  get(table: Table, key: Buffer): Buffer | undefined;
  /** Entries with `from` <= key < `to`, ascending (descending with `reverse`), at most `limit`. */
  range(table: Table, range: Range): Iterable<readonly [key: Buffer, value: Buffer]>;
  /** How many entries a table says it has. */
  count(table: Table): number;
  commit(writes: readonly Write[]): Promise<void>;
  close(): Promise<void>;
}

/** `meta` small facts about the store itself; the others as their names say. */
export const tables = ["meta", "events", "facts", "dedup", "state", "queue", "dead"] as const;
export type Table = (typeof tables)[number];

/** Below and above all keys: the longest begin with a bus number under 0xffff, or are short. */
export const everything = { from: Buffer.from([0]), to: Buffer.alloc(8, 0xff) } as const;

export interface Range {
  readonly from: Buffer;
  readonly to: Buffer;
  readonly limit?: number;
  readonly reverse?: boolean;
}

export interface Write {
  readonly table: Table;
  readonly key: Buffer;
  /** undefined removes. */
  readonly value: Buffer | undefined;
}
