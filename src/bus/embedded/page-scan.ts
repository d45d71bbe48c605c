import { open } from "node:fs/promises";
import { decodeJson, logOf } from "./codec.ts";
import { allBuses, textOf } from "./keys.ts";
import type { MetaPages } from "./meta-pages.ts";
import { dataOf, kindOf, nodesOf, type PageFile, pageKind, readPage } from "./pages.ts";
import type { Write } from "./store.ts";

/**
 * Rows that the pages of a file still hold, whatever has become of the trees that led to them: events and facts, which
 * are written once and never changed, and of the rest the names of buses and queues, and the furthest places. Other rows
 * change or go, and an old page would bring back what is over. Events that retention took may come back; the places say
 * that they were read.
 */
export async function* scanPages(file: string, meta: MetaPages): AsyncIterable<Write & { readonly value: Buffer }> {
  await using handle = await open(file, "r");
  const pages: PageFile = { handle, meta };
  const furthest = new Map<string, { readonly key: Buffer; readonly value: Buffer; readonly number: number }>();
  for (let number = 2; number <= meta.lastPage; number++) {
    const page = await readPage(pages, number);
    if (page === undefined || kindOf(page) !== pageKind.leaf) continue;
    for (const node of nodesOf(page) ?? []) {
      const value = await dataOf(pages, node);
      if (value === undefined || node.key.length < 3) continue;
      const table = node.key.length === 8 ? logOf(value) : undefined;
      if (table !== undefined) {
        yield { table, key: node.key, value };
        continue;
      }
      const found = isLasting(node.key) ? numberOf(value) : undefined;
      const at = node.key.toString("hex");
      if (found !== undefined && found >= (furthest.get(at)?.number ?? 0))
        furthest.set(at, { key: Buffer.from(node.key), value: Buffer.from(value), number: found });
    }
  }
  for (const { key, value } of furthest.values()) yield { table: "meta", key, value };
}

/** Names that are given once, and places of the groups that are always there: they only grow. */
function isLasting(key: Buffer): boolean {
  const text = textOf(key);
  if (key.readUInt16BE(0) === allBuses) return text.startsWith("bus/");
  return /^(queue\/|last\/(events|facts)$|place\/(events\/sensors|facts\/record)$)/.test(text);
}

function numberOf(value: Buffer): number | undefined {
  try {
    const number = decodeJson(value);
    return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
  } catch {
    return undefined;
  }
}
