import { type FileHandle, open } from "node:fs/promises";
import type { MetaPages } from "./meta-pages.ts";

const headerBytes = 24;
const pageFlag = { branch: 1, leaf: 2, overflow: 4 } as const;
const bigData = 1;
/** A tree of 8 KB pages with this many levels has more pages than any disk. */
const deepest = 16;

interface Node {
  readonly flags: number;
  /** In a branch: the page below. In a leaf: how long the data is. */
  readonly number: number;
  readonly data: Buffer;
}

/**
 * What is wrong with LMDB's tree of free pages; undefined: nothing. It is read bit by bit while the database is written,
 * and LMDB ends the process when it meets a page there that is none (or writes over a live page, when the list names
 * one), so that neither reading all values nor one trial write finds such damage. Read from the file, without a map.
 */
export async function faultOfFreeList(file: string, meta: MetaPages): Promise<string | undefined> {
  if (meta.freeRoot === undefined) return undefined;
  await using handle = await open(file, "r");
  return faultBelow({ handle, meta }, meta.freeRoot, 0);
}

interface Place {
  readonly handle: FileHandle;
  readonly meta: MetaPages;
}

async function faultBelow(place: Place, number: number, depth: number): Promise<string | undefined> {
  const page = await readPage(place, number);
  if (page === undefined || depth > deepest) return `page ${number} is not one of the tree`;
  const isLeaf = page.readUInt16LE(18) === pageFlag.leaf;
  if (!isLeaf && page.readUInt16LE(18) !== pageFlag.branch) return `page ${number} is not one of the tree`;
  const nodes = nodesOf(page);
  if (nodes === undefined) return `page ${number} is garbled`;
  for (const node of nodes) {
    const fault = isLeaf ? await faultOfIds(place, node) : await faultBelow(place, node.number, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** A page whose header says that it is this one. */
async function readPage({ handle, meta }: Place, number: number, pages = 1): Promise<Buffer | undefined> {
  if (number < 2 || number + pages - 1 > meta.lastPage) return undefined;
  const page = Buffer.alloc(pages * meta.pageBytes);
  const { bytesRead } = await handle.read(page, 0, page.length, number * meta.pageBytes);
  return bytesRead === page.length && page.readBigUInt64LE(0) === BigInt(number) ? page : undefined;
}

/** The nodes of a page, by the table of offsets behind its header; keys are transaction numbers of 8 bytes. */
function nodesOf(page: Buffer): readonly Node[] | undefined {
  const tableBytes = page.readUInt16LE(20);
  const end = headerBytes + tableBytes;
  if (end > page.length || tableBytes % 2 === 1) return undefined;
  const nodes: Node[] = [];
  for (let at = headerBytes; at < end; at += 2) {
    const offset = headerBytes + page.readUInt16LE(at);
    if (offset < end || offset + 8 > page.length) return undefined;
    const number = page.readUInt16LE(offset) + page.readUInt16LE(offset + 2) * 2 ** 16;
    const keyBytes = page.readUInt16LE(offset + 6);
    nodes.push({ flags: page.readUInt16LE(offset + 4), number, data: page.subarray(offset + 8 + keyBytes) });
  }
  return nodes;
}

/** A list of page numbers behind their count: in the leaf, or on pages of its own. */
async function faultOfIds(place: Place, { flags, number: bytes, data }: Node): Promise<string | undefined> {
  let list: Buffer | undefined = data.subarray(0, bytes);
  if ((flags & bigData) !== 0) {
    if (data.length < 8) return "a list is garbled";
    const pages = Math.ceil((headerBytes + bytes) / place.meta.pageBytes);
    const first = Number(data.readBigUInt64LE(0));
    const whole = await readPage(place, first, pages);
    if (whole !== undefined && whole.readUInt16LE(18) !== pageFlag.overflow) return `page ${first} is no list`;
    list = whole?.subarray(headerBytes, headerBytes + bytes);
  }
  if (list === undefined || list.length !== bytes || bytes < 8) return "a list is cut off";
  const count = Number(list.readBigUInt64LE(0));
  if ((count + 1) * 8 > bytes) return "a list is longer than its place";
  for (let at = 8; at <= count * 8; at += 8) {
    // 0 is an empty slot, a negative number the length of the block that follows
    const id = Number(list.readBigInt64LE(at));
    if (id === 1 || Math.abs(id) > place.meta.lastPage) return `a list names page ${id}`;
  }
  return undefined;
}
