import { randomUUID } from "node:crypto";
import { decodeJson, encodeJson } from "./codec.ts";
import type { Transaction } from "./committer.ts";
import { allBuses, type BusNumber, textKey } from "./keys.ts";
import type { Range, Store, Write } from "./store.ts";

interface Parts {
  readonly store: Store;
  readonly bus: BusNumber;
  readonly table: "queue" | "dead";
  /** Of the queue. */
  readonly name: string;
  /** What is counted of the table. */
  readonly range: Pick<Range, "from" | "to">;
}

/** What is on disk of a count. */
interface Kept {
  readonly rows: number;
  /** `eraOf` then. */
  readonly era: string;
}

/**
 * From so many rows on a count is kept on disk. Fewer are counted at the start (256 in 0.3 ms; two million took 2.5 s), so
 * that a queue that nobody waits for writes nothing but its rows.
 */
const keptFrom = 256;

/** How many rows there are, without reading them all at the start: kept by the commits that change it. */
export class RowCount {
  readonly #store: Store;
  readonly #key: Buffer;
  #era: string | undefined;
  /** With those of the commit that is being put together. */
  #rows: number;
  /** A count is on disk, be it valid or not. */
  #kept: boolean;
  /** The commit that is being put together, if it has changed the count. */
  #tx: Transaction | undefined;
  readonly #oneMore = (): void => {
    this.#rows += 1;
  };
  readonly #oneLess = (): void => {
    this.#rows -= 1;
  };

  constructor({ store, bus, table, name, range }: Parts) {
    this.#store = store;
    this.#key = textKey(bus, `rows/${table}/${name}`);
    const value = store.get("meta", this.#key);
    this.#kept = value !== undefined;
    this.#rows = rowsKept(store, value) ?? countRows(store, table, range);
  }

  get rows(): number {
    return this.#rows;
  }

  /** A row is put in this commit. */
  added(tx: Transaction): void {
    this.#rows += 1;
    tx.afterFailure(this.#oneLess);
    this.#changed(tx);
  }

  /** A row is removed in this commit. */
  removed(tx: Transaction): void {
    this.#rows -= 1;
    tx.afterFailure(this.#oneMore);
    this.#changed(tx);
  }

  #changed(tx: Transaction): void {
    if (this.#tx === tx) return;
    this.#tx = tx;
    tx.finally(this, () => {
      this.#tx = undefined;
      this.#keep(tx);
    });
  }

  #keep(tx: Transaction): void {
    const many = this.#rows >= keptFrom;
    if (many) this.#era ??= eraOf(this.#store);
    if (many && this.#era !== undefined)
      tx.put("meta", this.#key, encodeJson({ rows: this.#rows, era: this.#era } satisfies Kept));
    else if (this.#kept) tx.remove("meta", this.#key);
    else return;
    tx.afterDurable(() => {
      this.#kept = many;
    });
  }
}

const eraKey = textKey(allBuses, "checked");

/**
 * Counts are valid in the era in which they were kept: the time in which nobody has written to the folder who does not
 * keep them: such a tidemill puts 0 in its place at each start. Undefined: there is none, and no count is valid.
 */
function eraOf(store: Store): string | undefined {
  const era = readJson(store.get("meta", eraKey));
  return typeof era === "string" ? era : undefined;
}

/** Goes on with the era of the folder, or begins one where there is none. */
export function keepEra(store: Store): Write {
  return { table: "meta", key: eraKey, value: encodeJson(eraOf(store) ?? randomUUID()) };
}

/** No count that was kept so far is valid any more. */
export const endEra: Write = { table: "meta", key: eraKey, value: encodeJson(0) };

function rowsKept(store: Store, value: Buffer | undefined): number | undefined {
  const kept = readJson(value);
  if (typeof kept !== "object" || kept === null) return undefined;
  const { rows, era } = kept as Partial<Kept>;
  return era !== undefined && era === eraOf(store) && Number.isSafeInteger(rows) ? rows : undefined;
}

/** Undefined also where it is damaged: then it is found out anew. */
function readJson(value: Buffer | undefined): unknown {
  try {
    return value === undefined ? undefined : decodeJson(value);
  } catch {
    return undefined;
  }
}

function countRows(store: Store, table: Parts["table"], range: Parts["range"]): number {
  let rows = 0;
  for (const _ of store.range(table, range)) rows += 1;
  return rows;
}
