import { decodeEntry } from "./codec.ts";
import { lastPlace, logKey, placeOf } from "./keys.ts";
import { createLmdbStore } from "./lmdb-store.ts";
import { tables } from "./store.ts";

/**
 * Run as a process of its own by `check.ts`: a truncated or zeroed LMDB file kills whoever maps it (SIGBUS), and that
 * must not be tidemill. Reads every table's first and last entries, and the newest events with their checksums.
 */
const folder = process.argv[2];
if (folder === undefined) throw new Error("usage: check-child FOLDER");
const store = createLmdbStore(folder);
const everything = { from: Buffer.from([0]), to: Buffer.alloc(8, 0xff) };
for (const table of tables) {
  for (const reverse of [false, true]) {
    for (const [, value] of store.range(table, { ...everything, limit: 200, reverse })) value.readUInt8(0);
  }
}
for (const [key, value] of store.range("events", {
  from: logKey(0, 0),
  to: logKey(0xffff, lastPlace),
  limit: 200,
  reverse: true,
})) {
  decodeEntry(placeOf(key), value);
}
await store.close();
process.stdout.write("ok");
