import { open } from "node:fs/promises";

/** What the newer of LMDB's two meta pages says about the file. */
export interface MetaPages {
  readonly pageBytes: number;
  /** The file that the newest commit speaks of has this many bytes, or a little less: pages at its end may be unused. */
  readonly neededBytes: number;
  readonly lastPage: number;
  /** The root page of the tree of free pages; undefined when it is empty. */
  readonly freeRoot: number | undefined;
  /** The root page of the tree that names the tables; undefined when there is none yet. */
  readonly tablesRoot: number | undefined;
  readonly tables: number;
}

const lmdbMagic = 0xbeefc0de;
const headerBytes = 24;
const metaBytes = 160;
const largestPageBytes = 65_536;
const noPage = 2n ** 64n - 1n;

interface Meta {
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: bigint;
  readonly freeRoot: bigint;
  readonly tablesRoot: bigint;
  readonly tables: bigint;
}

/**
 * Reads both meta pages without mapping the file; undefined when they are not those of a database. LMDB itself looks at
 * the magic numbers only, and takes the length of the file on trust.
 */
export async function readMetaPages(file: string): Promise<MetaPages | undefined> {
  await using handle = await open(file, "r");
  const head = Buffer.alloc(largestPageBytes + metaBytes);
  const { bytesRead } = await handle.read(head, 0, head.length, 0);
  const first = metaAt(head.subarray(0, bytesRead), 0);
  if (first === undefined) return undefined;
  const second = metaAt(head.subarray(0, bytesRead), first.pageBytes);
  if (second === undefined || second.pageBytes !== first.pageBytes) return undefined;
  const newest = second.transaction > first.transaction ? second : first;
  const { pageBytes, lastPage } = newest;
  return {
    pageBytes,
    neededBytes: (lastPage + 1) * pageBytes,
    lastPage,
    freeRoot: pageOf(newest.freeRoot),
    tablesRoot: pageOf(newest.tablesRoot),
    tables: Number(newest.tables),
  };
}

function pageOf(root: bigint): number | undefined {
  return root === noPage ? undefined : Number(root);
}

/** A page header of 24 bytes; magic, version, address, size of the map; two trees of 48 bytes; last page; transaction. */
function metaAt(head: Buffer, at: number): Meta | undefined {
  const meta = head.subarray(at + headerBytes, at + metaBytes);
  if (meta.length < metaBytes - headerBytes || meta.readUInt32LE(0) !== lmdbMagic) return undefined;
  const pageBytes = meta.readUInt32LE(24);
  const lastPage = Number(meta.readBigUInt64LE(120));
  const powerOfTwo = pageBytes >= 512 && pageBytes <= largestPageBytes && (pageBytes & (pageBytes - 1)) === 0;
  if (!powerOfTwo || lastPage < 1 || !Number.isSafeInteger(lastPage * pageBytes)) return undefined;
  return {
    pageBytes,
    lastPage,
    transaction: meta.readBigUInt64LE(128),
    freeRoot: meta.readBigUInt64LE(64),
    tablesRoot: meta.readBigUInt64LE(112),
    tables: meta.readBigUInt64LE(104),
  };
}
