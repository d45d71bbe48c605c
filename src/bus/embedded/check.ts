import { execFile } from "node:child_process";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { TideError } from "../../lib/errors.ts";
import { sibling } from "../../lib/sibling.ts";

const lmdbMagic = 0xbeefc0de;

/** Refuses a damaged bus before this process maps it. A folder without a database is fine: it will be made. */
export async function checkDatabase(folder: string): Promise<void> {
  const file = join(folder, "data.mdb");
  const size = await stat(file).then(
    (found) => found.size,
    () => undefined,
  );
  if (size === undefined) return;
  if (!(await hasMetaPage(file)))
    throw new TideError("BUS_DAMAGED", `${file} does not begin as a database (${size} bytes)`);
  await readInChild(folder);
}

/** LMDB's first page: a page header of 16 or 24 bytes, then the magic number. */
async function hasMetaPage(file: string): Promise<boolean> {
  await using handle = await open(file, "r");
  const page = Buffer.alloc(64);
  await handle.read(page, 0, page.length, 0);
  for (let at = 0; at + 4 <= page.length; at += 4) if (page.readUInt32LE(at) === lmdbMagic) return true;
  return false;
}

function readInChild(folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      ["--no-warnings", sibling(import.meta.url, "./check-child"), folder],
      { timeout: 60_000 },
      (error, stdout, stderr) => {
        if (error === null && stdout === "ok") return resolve();
        const signal = error?.signal;
        const detail = signal
          ? `reading it ends with ${signal}`
          : (stderr
              .trim()
              .split("\n")
              .find((line) => /Error/.test(line)) ?? error?.message);
        reject(new TideError("BUS_DAMAGED", `the database in ${folder} cannot be read: ${detail}`));
      },
    );
  });
}
