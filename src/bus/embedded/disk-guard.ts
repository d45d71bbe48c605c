import { accessSync, constants, statfsSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, TideError } from "../../lib/errors.ts";

/** Less than this on the disk is none: others may write 800 MB a second, and a look is 5 ms old when the next one comes. */
const roomBytes = 4 * 2 ** 20;
/** A look costs 15 µs, where a commit costs 200. */
const lookEveryMs = 5;
const tryEveryMs = 250;

/**
 * Keeps commits from a disk that cannot take them. LMDB must not be the one that finds out: where it cannot write a page, it
 * puts an error of up to 115 bytes into 100 (3.5.6, `mdb_page_flush`), and after a commit that could not even begin it
 * keeps a lock for ever.
 */
export interface DiskGuard {
  /**
   * Before each commit. Rejects with BUS_WRITE_FAILED where a write cannot succeed; undefined, so that nobody waits, while
   * the disk is sound as far as a look tells. After a failure only a write that was synced tells.
   */
  ready(): Promise<void> | undefined;
  /** A commit failed on the disk. */
  failed(why: unknown): void;
}

/** `fineMs`: a clock that is never set. */
export function guardDisk(folder: string, fineMs: () => number = () => performance.now()): DiskGuard {
  let lookedMs = Number.NEGATIVE_INFINITY;
  let failure: { readonly why: unknown; readonly triedMs: number } | undefined;
  return {
    ready() {
      if (failure !== undefined) return again();
      if (fineMs() - lookedMs < lookEveryMs) return undefined;
      lookedMs = fineMs();
      try {
        look(folder);
        return undefined;
      } catch (why) {
        failure = { why, triedMs: fineMs() };
        return Promise.reject(refusal(why));
      }
    },
    failed(why) {
      failure = { why, triedMs: fineMs() };
    },
  };

  async function again(): Promise<void> {
    if (failure === undefined) return;
    if (fineMs() - failure.triedMs < tryEveryMs) throw refusal(failure.why);
    failure = { ...failure, triedMs: fineMs() };
    try {
      look(folder);
      await tryToWrite(folder);
      failure = undefined;
    } catch (why) {
      failure = { why, triedMs: fineMs() };
      throw refusal(why);
    }
  }
}

function refusal(cause: unknown): TideError {
  return new TideError("BUS_WRITE_FAILED", "writing to the bus folder", { cause });
}

/** Finds a disk that is full or was mounted anew for reading alone (as Linux does after errors). */
function look(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < roomBytes) throw new Error(`the disk of ${folder} is full`);
  accessSync(folder, constants.W_OK);
}

async function tryToWrite(folder: string): Promise<void> {
  const file = join(folder, "trial");
  try {
    await using trial = await open(file, "w");
    await trial.writeFile(Buffer.alloc(8_192));
    await trial.datasync();
  } finally {
    await rm(file, { force: true }).catch(() => undefined);
  }
}

/** What `malloc(100)` gives at most, on the systems where LMDB's error goes over its end. */
const errorBytes = 104;

/** Whether LMDB's own error of a failed commit has gone over the end of its memory: what the process does next is open. */
export function damagedMemory(commitError: unknown): boolean {
  const text = /Attempting to write page.*/s.exec(messageOf(commitError))?.[0];
  return text !== undefined && text.length + 1 > errorBytes;
}
