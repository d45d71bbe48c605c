import { open } from "node:fs/promises";
import type { MetaPages } from "./meta-pages.ts";
import { dataOf, kindOf, type Node, nodesOf, type PageFile, pageKind, readPage } from "./pages.ts";
import { tables } from "./store.ts";

/** A tree of 8 KB pages with this many levels has more pages than any disk. */
const deepest = 16;

/**
 * What is wrong with LMDB's tree of free pages; undefined: nothing. It is read bit by bit while the database is written,
 * and LMDB ends the process when it meets a page there that is none (or writes over a live page, when the list names
 * one), so that neither reading all values nor one trial write finds such damage.
 */
export async function faultOfFreeList(file: string, meta: MetaPages): Promise<string | undefined> {
  if (meta.freeRoot === undefined) return undefined;
  await using handle = await open(file, "r");
  const pages: PageFile = { handle, meta };
  return await faultBelow(pages, meta.freeRoot, async (node) => faultOfIds(await dataOf(pages, node), meta.lastPage));
}

/**
 * What is wrong with the tree that names the tables; undefined: nothing. LMDB makes a table that it does not find there
 * anew, empty, and says nothing.
 */
export async function faultOfTables(file: string, meta: MetaPages): Promise<string | undefined> {
  const found = new Set<string>();
  if (meta.tablesRoot !== undefined) {
    await using handle = await open(file, "r");
    const fault = await faultBelow({ handle, meta }, meta.tablesRoot, async ({ key }) => {
      const name = key.toString("latin1");
      found.add(name);
      return tables.some((table) => `${table}\0` === name) ? undefined : "a name is garbled";
    });
    if (fault !== undefined) return fault;
  }
  return found.size === meta.tables ? undefined : `${found.size} of ${meta.tables} are named`;
}

type LeafCheck = (node: Node) => Promise<string | undefined>;

async function faultBelow(file: PageFile, number: number, ofLeaf: LeafCheck, depth = 0): Promise<string | undefined> {
  const page = depth > deepest ? undefined : await readPage(file, number);
  const kind = page === undefined ? undefined : kindOf(page);
  if (page === undefined || (kind !== pageKind.leaf && kind !== pageKind.branch))
    return `page ${number} is not one of the tree`;
  const nodes = nodesOf(page);
  if (nodes === undefined) return `page ${number} is garbled`;
  for (const node of nodes) {
    const fault = kind === pageKind.leaf ? await ofLeaf(node) : await faultBelow(file, node.number, ofLeaf, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Page numbers behind their count; 0 is an empty slot, a negative number the length of the block that follows. */
function faultOfIds(list: Buffer | undefined, lastPage: number): string | undefined {
  if (list === undefined || list.length < 8) return "a list is cut off";
  const count = Number(list.readBigUInt64LE(0));
  if ((count + 1) * 8 > list.length) return "a list is longer than its place";
  for (let at = 8; at <= count * 8; at += 8) {
    const id = Number(list.readBigInt64LE(at));
    if (id === 1 || Math.abs(id) > lastPage) return `a list names page ${id}`;
  }
  return undefined;
}
