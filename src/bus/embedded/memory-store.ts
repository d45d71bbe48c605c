import type { Range, Store, Table, Write } from "./store.ts";
import { tables } from "./store.ts";

interface Rows {
  readonly keys: Buffer[];
  readonly values: Map<string, Buffer>;
}

/** The store of `--ephemeral` and of tests: the same order and atomicity, no disk. */
export function createMemoryStore(): Store {
  const data = new Map<Table, Rows>(tables.map((table) => [table, { keys: [], values: new Map() }]));
  const rows = (table: Table): Rows => data.get(table) ?? { keys: [], values: new Map() };
  return {
    kind: "memory",
    get: (table, key) => rows(table).values.get(key.toString("latin1")),
    range: (table, range) => rangeOf(rows(table), range),
    count: (table) => rows(table).keys.length,
    commit(writes) {
      for (const write of writes) apply(rows(write.table), write);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

function apply(rows: Rows, { key, value }: Write): void {
  const name = key.toString("latin1");
  if (value === undefined) {
    if (rows.values.delete(name)) rows.keys.splice(firstAtLeast(rows.keys, key), 1);
    return;
  }
  if (!rows.values.has(name)) {
    const copy = Buffer.from(key);
    const last = rows.keys.at(-1);
    if (last === undefined || Buffer.compare(last, copy) < 0) rows.keys.push(copy);
    else rows.keys.splice(firstAtLeast(rows.keys, copy), 0, copy);
  }
  rows.values.set(name, Buffer.from(value));
}

function rangeOf(
  rows: Rows,
  { from, to, limit = Number.POSITIVE_INFINITY, reverse = false }: Range,
): (readonly [Buffer, Buffer])[] {
  const begin = firstAtLeast(rows.keys, from);
  const end = firstAtLeast(rows.keys, to);
  const keys = reverse
    ? rows.keys.slice(Math.max(begin, end - limit), end).reverse()
    : rows.keys.slice(begin, Math.min(end, begin + limit));
  return keys.flatMap((key) => {
    const value = rows.values.get(key.toString("latin1"));
    return value === undefined ? [] : [[key, value] as const];
  });
}

function firstAtLeast(keys: readonly Buffer[], key: Buffer): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const candidate = keys[middle];
    if (candidate !== undefined && Buffer.compare(candidate, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
