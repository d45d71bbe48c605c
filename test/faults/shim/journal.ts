/** What took effect on the disk, in order; `position` is where in the journal it ends. */
export type Change =
  | { readonly what: "opened"; readonly inode: bigint; readonly path: string }
  | {
      readonly what: "written";
      readonly inode: bigint;
      readonly at: number;
      readonly data: Buffer;
      readonly durable: boolean;
    }
  | { readonly what: "resized"; readonly inode: bigint; readonly bytes: number }
  | { readonly what: "synced"; readonly inode: bigint; readonly covers: number }
  | { readonly what: "folder synced"; readonly covers: number }
  | { readonly what: "renamed"; readonly from: string; readonly to: string }
  | { readonly what: "unlinked"; readonly path: string };

export type Entry = Change & { readonly position: number };

/** As in shim.c. */
const magic = 0x314d4954;
const headerBytes = 32;

/** The entries of a journal; one that was cut off at the end is none. */
export function* readJournal(journal: Buffer): Iterable<Entry> {
  let start = 0;
  while (start + headerBytes <= journal.length) {
    if (journal.readUInt32LE(start) !== magic) throw new Error(`the journal is broken at ${start}`);
    const end = start + headerBytes + Number(journal.readBigInt64LE(start + 24));
    if (end > journal.length) return;
    yield { ...changeOf(journal.subarray(start, end)), position: end };
    start = end;
  }
}

function changeOf(record: Buffer): Change {
  const inode = record.readBigUInt64LE(8);
  const at = Number(record.readBigInt64LE(16));
  const payload = record.subarray(headerBytes);
  const op = record.readUInt8(4);
  switch (op) {
    case 1:
      return { what: "opened", inode, path: payload.toString() };
    case 2:
      return { what: "written", inode, at, data: payload, durable: record.readUInt8(5) === 1 };
    case 3:
      return { what: "resized", inode, bytes: at };
    case 4:
      return { what: "synced", inode, covers: at };
    case 5: {
      const [from = "", to = ""] = payload.toString().split("\0");
      return { what: "renamed", from, to };
    }
    case 6:
      return { what: "unlinked", path: payload.toString() };
    case 7:
      return { what: "folder synced", covers: at };
    default:
      throw new Error(`the journal has an entry of kind ${op}`);
  }
}
