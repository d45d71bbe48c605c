import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { open } from "lmdb";

/*
 * A process that writes numbers until it is killed, and says each once it calls it kept; or, with `read`, tells which it finds.
 * `writer.ts FOLDER file|database synced|unsynced` and `writer.ts FOLDER database read`
 */

const [folder = "", place, how] = process.argv.slice(2);
const say = (n: number): void => void writeSync(1, `${n}\n`);

function writeFileLines(): never {
  const file = openSync(join(folder, "lines"), "a");
  try {
    for (let n = 0; ; n++) {
      writeSync(file, `${n} ${"x".repeat(1_000)}\n`);
      if (how === "synced") fdatasyncSync(file);
      say(n);
    }
  } finally {
    closeSync(file);
  }
}

async function useDatabase(): Promise<void> {
  const database = open<string, number>({
    path: folder,
    overlappingSync: false,
    eventTurnBatching: false,
    noSync: how === "unsynced",
  });
  if (how === "read") {
    for (const n of database.getKeys()) say(n);
    return database.close();
  }
  for (let n = 0; ; n++) {
    await database.put(n, "x".repeat(3_000));
    say(n);
  }
}

if (place === "file") writeFileLines();
else await useDatabase();
