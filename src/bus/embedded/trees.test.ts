import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { expect, it } from "vitest";
import { readMetaPages } from "./meta-pages.ts";
import { faultOfFreeList } from "./trees.ts";

it("a list of free pages that fills many pages itself is read to its end", async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "tidemill-trees-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "data.mdb");
  const database = open({ path: file, pageSize: 8192, noSubdir: true, encoding: "binary" });
  const value = Buffer.alloc(5_000, "x");
  const count = 4_000;
  for (let key = 0; key < count; key++) void database.put(key, value);
  await database.flushed;
  // a reader keeps what was removed from being used again, so that each commit leaves a list of its own
  const reader = database.useReadTransaction();
  for (let key = 0; key < count; key++) {
    void database.remove(key);
    if (key % 20 === 0) await database.committed;
  }
  await database.flushed;
  reader.done();
  await database.close();
  const meta = await readMetaPages(file);
  if (meta?.freeRoot === undefined) throw new Error("there is no list of free pages");
  expect(await faultOfFreeList(file, meta)).toBeUndefined();
  // and what is wrong further down is found
  const small = { ...meta, lastPage: meta.freeRoot };
  expect(await faultOfFreeList(file, small)).toMatch(/a list names page|is not one of the tree|cut off/);
});
