import type { FileHandle } from "node:fs/promises";
import type { MetaPages } from "./meta-pages.ts";

/** An LMDB file as it lies on disk: read without a map, so that what is wrong in it ends nobody. */
export interface PageFile {
  readonly handle: FileHandle;
  readonly meta: MetaPages;
}

const headerBytes = 24;
const bigData = 1;

export const pageKind = { branch: 1, leaf: 2, overflow: 4 } as const;

export interface Node {
  readonly key: Buffer;
  /** In a branch: the page below. In a leaf: how long the data is. */
  readonly number: number;
  /** The data, or where it lies. */
  readonly rest: Buffer;
  readonly elsewhere: boolean;
}

/** A page (with those behind it) whose header says that it is this one; undefined when it does not. */
export async function readPage({ handle, meta }: PageFile, number: number, pages = 1): Promise<Buffer | undefined> {
  if (number < 2 || pages < 1 || number + pages - 1 > meta.lastPage) return undefined;
  const page = Buffer.alloc(pages * meta.pageBytes);
  const { bytesRead } = await handle.read(page, 0, page.length, number * meta.pageBytes);
  return bytesRead === page.length && page.readBigUInt64LE(0) === BigInt(number) ? page : undefined;
}

export function kindOf(page: Buffer): number {
  return page.readUInt16LE(18);
}

/** The nodes of a branch or leaf, by the table of offsets behind its header; undefined when they do not fit into it. */
export function nodesOf(page: Buffer): readonly Node[] | undefined {
  const tableBytes = page.readUInt16LE(20);
  const end = headerBytes + tableBytes;
  if (end > page.length || tableBytes % 2 === 1) return undefined;
  const nodes: Node[] = [];
  for (let at = headerBytes; at < end; at += 2) {
    const offset = headerBytes + page.readUInt16LE(at);
    if (offset < end || offset + 8 > page.length) return undefined;
    const key = page.subarray(offset + 8, offset + 8 + page.readUInt16LE(offset + 6));
    nodes.push({
      key,
      number: page.readUInt16LE(offset) + page.readUInt16LE(offset + 2) * 2 ** 16,
      rest: page.subarray(offset + 8 + key.length),
      elsewhere: (page.readUInt16LE(offset + 4) & bigData) !== 0,
    });
  }
  return nodes;
}

/** The data of a leaf's node, also when it lies on pages of its own; undefined when it is cut off. */
export async function dataOf(file: PageFile, { number: bytes, rest, elsewhere }: Node): Promise<Buffer | undefined> {
  if (!elsewhere) return rest.length < bytes ? undefined : rest.subarray(0, bytes);
  if (rest.length < 8) return undefined;
  const pages = Math.ceil((headerBytes + bytes) / file.meta.pageBytes);
  const whole = await readPage(file, Number(rest.readBigUInt64LE(0)), pages);
  return whole === undefined || kindOf(whole) !== pageKind.overflow
    ? undefined
    : whole.subarray(headerBytes, headerBytes + bytes);
}
