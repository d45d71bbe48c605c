/** A small durable key-value store. `put` and `delete` resolve once durable. Keys are at most 1,000 bytes of UTF-8. */
export interface StateStore {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  /** All entries whose key begins with `prefix`, in key order. */
  list(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>;
}
