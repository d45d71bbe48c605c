import { join } from "node:path";
import { TideError } from "../../lib/errors.ts";

/**
 * Owns a data folder for this process. LMDB lets a second process write to an open database, so the lock is our own: a
 * SQLite file held in an exclusive transaction, which the kernel frees when the process dies, however it dies.
 */
export async function lockFolder(folder: string): Promise<Disposable> {
  const { DatabaseSync } = await import("node:sqlite");
  const file = join(folder, "lock.sqlite");
  let db: InstanceType<typeof DatabaseSync> | undefined;
  try {
    db = new DatabaseSync(file, { timeout: 0 });
    db.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    db?.close();
    if (error instanceof Error && /locked/i.test(error.message)) {
      throw new TideError("BUS_LOCKED", `another tidemill process owns ${folder}`, { cause: error });
    }
    throw new TideError("BUS_UNWRITABLE", `locking ${file}`, { cause: error });
  }
  const held = db;
  return {
    [Symbol.dispose]() {
      held.exec("ROLLBACK");
      held.close();
    },
  };
}
