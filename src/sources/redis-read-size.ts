import type { StreamEntry } from "./redis-connection.ts";

/** What Argo Events asks for at once where the manifest says nothing (reference 1.6). */
const least = 10;
const most = 640;
/** A read that brought more than this is large enough, however few entries it had. */
const manyBytes = 512 * 2 ** 10;

/**
 * How many entries one read of each stream asks for: what the manifest says, always; else 10, and twice as many after each
 * read that was full. Every read costs a round trip, a commit of the bus and an acknowledgement: a backlog of entries of
 * 1 KB goes through two to three times as fast by hundreds as by tens. Entries may be large, so that bytes count too.
 */
export class ReadSize {
  readonly #fixed: boolean;
  #count: number;

  constructor(chosen: number | undefined) {
    this.#fixed = chosen !== undefined;
    this.#count = chosen ?? least;
  }

  get count(): number {
    return this.#count;
  }

  seen(entries: readonly StreamEntry[]): void {
    if (this.#fixed) return;
    const bytes = entries.reduce((all, { fields = [] }) => all + fields.reduce((sum, one) => sum + one.length, 0), 0);
    if (entries.length < this.#count || bytes > manyBytes) this.#count = Math.max(least, this.#count >> 1);
    else if (bytes * 2 <= manyBytes) this.#count = Math.min(most, this.#count * 2);
  }
}
