import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { TideError } from "../../lib/errors.ts";
import { sibling } from "../../lib/sibling.ts";
import { readMetaPages } from "./meta-pages.ts";
import { faultOfFreeList, faultOfTables } from "./trees.ts";

/** Up to this size every value is read at the start (0.2 s for 64 MiB); of a larger file, both ends of each table. */
const readWholeBytes = 64 * 2 ** 20;

/**
 * Refuses a damaged bus before this process maps it. A folder without a database is fine: it will be made. So is an
 * empty file with `mayBeEmpty`: its making was cut short.
 */
export async function checkDatabase(folder: string, options: { readonly mayBeEmpty: boolean }): Promise<void> {
  const file = join(folder, "data.mdb");
  const size = await stat(file).then(
    (found) => found.size,
    () => undefined,
  );
  if (size === undefined || (size === 0 && options.mayBeEmpty)) return;
  const meta = await readMetaPages(file);
  if (meta === undefined) throw new TideError("BUS_DAMAGED", `${file} does not begin as a database (${size} bytes)`);
  const free = await faultOfFreeList(file, meta);
  if (free !== undefined) throw new TideError("BUS_DAMAGED", `the free pages of ${file}: ${free}`);
  const tables = await faultOfTables(file, meta);
  if (tables !== undefined) throw new TideError("BUS_DAMAGED", `the tables of ${file}: ${tables}`);
  const short = size < meta.neededBytes;
  try {
    await readInChild(folder, short || size <= readWholeBytes ? "all" : "ends");
  } catch (error) {
    const length = short ? ` (${size} bytes of ${meta.neededBytes})` : "";
    throw new TideError("BUS_DAMAGED", `the database in ${folder} cannot be read${length}`, { cause: error });
  }
}

/** Rejects with what the child said, or with the signal that ended it. */
function readInChild(folder: string, extent: "all" | "ends"): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      ["--no-warnings", sibling(import.meta.url, "./check-child"), folder, extent],
      { timeout: 120_000 },
      (error, stdout, stderr) => {
        if (error === null && stdout === "ok") return resolve();
        const signal = error?.signal;
        const said = stderr.split("\n").find((line) => /Error/.test(line));
        reject(
          new Error(signal ? `reading it ends with ${signal}` : (said?.trim() ?? "it could not be read to its end")),
        );
      },
    );
  });
}
