/** What a power cut takes of what is not synced; `contents`: of files, while their new names are kept. */
export type Loss = "nothing" | "everything" | "contents" | "some";

export interface Cut {
  readonly loss: Loss;
  /** In [0, 1). */
  readonly random: () => number;
}

type FileChange =
  | { readonly position: number; readonly at: number; readonly data: Buffer }
  | { readonly position: number; readonly bytes: number };

/** What the page cache writes at a time, and what a disk writes as a whole. */
const pageBytes = 4_096;
const sectorBytes = 512;

/**
 * A file on a disk, and the changes that no sync has covered yet. A page that was changed may be on the disk as it was
 * after any of its changes, or torn between two of them at a sector; so may the length. Pages do not wait for each other.
 */
export class UnsyncedFile {
  /** What is on the disk; behind it there may be room, which is zero. */
  #room: Buffer;
  #length: number;
  #pending: FileChange[] = [];
  /** Of a page (or the length): how many of the pending changes are on the disk in any case. */
  #floors = new Map<number | "length", number>();

  constructor(durable: Buffer = Buffer.alloc(0)) {
    this.#room = Buffer.from(durable);
    this.#length = durable.length;
  }

  /** `durable`: the pages that it touches are on the disk when the call returns, with what was written to them before. */
  write(change: { readonly position: number; readonly at: number; readonly data: Buffer }, durable: boolean): void {
    const grows = durable && change.at + change.data.length > this.#lengthAfter(this.#pending.length);
    this.#pending.push(change);
    if (!durable) return;
    for (const page of pagesOf(change)) this.#floors.set(page, this.#pending.length);
    if (grows) this.#floors.set("length", this.#pending.length);
  }

  resize(position: number, bytes: number): void {
    this.#pending.push({ position, bytes });
  }

  /** All changes up to a position of the journal are on the disk. */
  sync(covers: number): void {
    const first = this.#pending.findIndex(({ position }) => position > covers);
    const count = first === -1 ? this.#pending.length : first;
    for (const change of this.#pending.slice(0, count)) this.#keep(change);
    this.#pending = this.#pending.slice(count);
    this.#floors = new Map(
      [...this.#floors].filter(([, floor]) => floor > count).map(([key, floor]) => [key, floor - count]),
    );
  }

  /** How many changes no sync has covered. */
  get unsynced(): number {
    const floorOf = (page: number): number => this.#floors.get(page) ?? 0;
    return this.#pending.filter(
      (change, at) => "bytes" in change || pagesOf(change).some((page) => floorOf(page) <= at),
    ).length;
  }

  /** What may be on the disk once the power is gone. */
  afterCut({ loss, random }: Cut): Buffer {
    const count = this.#pending.length;
    const pick = (key: number | "length"): number => {
      const floor = this.#floors.get(key) ?? 0;
      if (loss === "nothing") return count;
      if (loss === "everything" || loss === "contents") return floor;
      return floor + Math.floor(random() * (count - floor + 1));
    };
    const length = this.#lengthAfter(pick("length"));
    const left = Buffer.alloc(Math.max(length, this.#longest()));
    this.#room.copy(left, 0, 0, this.#length);
    for (const page of this.#touched()) {
      const versions = [pick(page), pick(page)] as const;
      const torn = loss === "some" && random() < 0.25;
      const border = torn ? sectorBytes * (1 + Math.floor(random() * (pageBytes / sectorBytes - 1))) : pageBytes;
      const at = page * pageBytes;
      this.#page(page, versions[0]).copy(left, at, 0, border);
      if (torn) this.#page(page, versions[1]).copy(left, at + border, border);
    }
    return left.subarray(0, length);
  }

  #touched(): ReadonlySet<number> {
    const last = Math.ceil(this.#longest() / pageBytes);
    const touched = new Set<number>();
    for (const change of this.#pending) {
      if ("data" in change) for (const page of pagesOf(change)) touched.add(page);
      else for (let page = Math.floor(change.bytes / pageBytes); page < last; page++) touched.add(page);
    }
    return touched;
  }

  /** The length at its greatest, before, between and after the pending changes. */
  #longest(): number {
    const ends = this.#pending.map((change) => ("data" in change ? change.at + change.data.length : change.bytes));
    return Math.max(this.#length, ...ends);
  }

  /** A page as it was after some of the pending changes. */
  #page(page: number, count: number): Buffer {
    const start = page * pageBytes;
    const content = Buffer.alloc(pageBytes);
    if (start < this.#length) this.#room.copy(content, 0, start, Math.min(this.#length, start + pageBytes));
    for (const change of this.#pending.slice(0, count)) {
      if ("bytes" in change) content.fill(0, Math.min(pageBytes, Math.max(0, change.bytes - start)));
      else if (change.at < start + pageBytes && change.at + change.data.length > start) {
        const from = Math.max(0, start - change.at);
        change.data.copy(content, Math.max(0, change.at - start), from);
      }
    }
    return content;
  }

  #lengthAfter(count: number): number {
    let length = this.#length;
    for (const change of this.#pending.slice(0, count)) {
      length = "bytes" in change ? change.bytes : Math.max(length, change.at + change.data.length);
    }
    return length;
  }

  #keep(change: FileChange): void {
    const length = "data" in change ? Math.max(this.#length, change.at + change.data.length) : change.bytes;
    // a database grows with each commit: not a copy for each
    if (length > this.#room.length) this.#room = Buffer.concat([this.#room], Math.max(length, 2 * this.#room.length));
    if ("data" in change) change.data.copy(this.#room, change.at);
    else this.#room.fill(0, length);
    this.#length = length;
  }
}

function pagesOf({ at, data }: { readonly at: number; readonly data: Buffer }): number[] {
  const first = Math.floor(at / pageBytes);
  const last = Math.floor((at + data.length - 1) / pageBytes);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
