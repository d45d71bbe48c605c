/**
 * The newest entries of a log, in memory, so that readers at the end never touch the disk. Bounded by count and bytes;
 * what falls out is read from disk by whoever is that far behind.
 */
export class Tail<T extends { readonly seq: number }> {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #sizeOf: (entry: T) => number;
  #entries: T[] = [];
  /** Index of the first live entry: dropping from the front of a long array one by one would be quadratic. */
  #first = 0;
  #bytes = 0;
  /** All entries after this place are here. */
  #completeAfter: number;

  constructor(options: {
    readonly maxEntries: number;
    readonly maxBytes: number;
    readonly completeAfter: number;
    readonly sizeOf: (entry: T) => number;
  }) {
    this.#maxEntries = options.maxEntries;
    this.#maxBytes = options.maxBytes;
    this.#completeAfter = options.completeAfter;
    this.#sizeOf = options.sizeOf;
  }

  push(entry: T): void {
    this.#entries.push(entry);
    this.#bytes += this.#sizeOf(entry);
    while (this.#entries.length - this.#first > this.#maxEntries || this.#bytes > this.#maxBytes) {
      const dropped = this.#entries[this.#first];
      if (dropped === undefined) break;
      this.#completeAfter = dropped.seq;
      this.#bytes -= this.#sizeOf(dropped);
      this.#first += 1;
    }
    // what was dropped must not be held by the array for long: with large entries it is all of the memory
    if (this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Entries after `seq`, or undefined when some of them are only on disk. */
  after(seq: number, max: number): readonly T[] | undefined {
    if (seq < this.#completeAfter) return undefined;
    const begin = this.#indexAfter(seq);
    return this.#entries.slice(begin, begin + max);
  }

  get(seq: number): T | undefined {
    const found = this.#entries[this.#indexAfter(seq - 1)];
    return found?.seq === seq ? found : undefined;
  }

  #indexAfter(seq: number): number {
    let low = this.#first;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
