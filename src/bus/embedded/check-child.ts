import { codeOf, TideError } from "../../lib/errors.ts";
import { verify } from "./codec.ts";
import { createLmdbStore } from "./lmdb-store.ts";
import { keepEra } from "./row-count.ts";
import { everything, tables } from "./store.ts";

/**
 * Run as a process of its own by `check.ts`: a truncated or zeroed LMDB file kills whoever maps it (SIGBUS), and that
 * must not be tidemill. Reads values with their checksums: all of them, or the first and last ones of every table.
 */
const [folder, extent] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: check-child FOLDER all|ends");
const store = createLmdbStore(folder);
for (const table of tables) {
  if (extent === "all") {
    let rows = 0;
    for (const [, value] of store.range(table, everything)) {
      verify(table, value);
      rows += 1;
    }
    // reading ends without an error at some bad pages
    if (rows !== store.count(table)) throw new TideError("BUS_DAMAGED", `${table} has not all of its rows`);
  } else {
    for (const reverse of [false, true])
      for (const [, value] of store.range(table, { ...everything, limit: 200, reverse })) verify(table, value);
  }
}
// the list of free pages is read by writing only; a disk that refuses is no damage
await store.commit([keepEra(store)]).catch((error: unknown) => {
  if (codeOf(error)?.startsWith("MDB_")) throw error;
});
await store.close();
process.stdout.write("ok");
