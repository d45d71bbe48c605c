import { statfs } from "node:fs/promises";
import type { Clock } from "../../lib/clock.ts";

/** How much room the disk of a folder has, looked up at most once a second. */
export interface DiskSpace {
  /** Looks again when the last look is old; undefined when it is not, so that the hot path need not wait. */
  look(): Promise<void> | undefined;
  /** Why nothing more may be taken in, as of the last look; undefined: there is room. */
  low(): string | undefined;
}

const lookEveryMs = 1_000;

/**
 * Keeps the last `minFreeBytes` of a disk for what was taken in already: it must still be decided, settled and
 * remembered, and each of those steps writes. Below that, only new events are refused.
 */
export function watchDiskSpace(parts: {
  readonly folder: string;
  readonly minFreeBytes: number;
  readonly clock: Clock;
}): DiskSpace {
  const { folder, minFreeBytes, clock } = parts;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let low: string | undefined;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    try {
      const { bavail, bsize } = await statfs(folder);
      const freeBytes = bavail * bsize;
      low =
        freeBytes >= minFreeBytes
          ? undefined
          : `the disk of ${folder} has ${mebibytes(freeBytes)} free; the last ${mebibytes(minFreeBytes)} are kept for events that are already taken in`;
    } catch {
      // where it cannot be asked, the writes themselves tell
      low = undefined;
    } finally {
      lookedMs = clock.nowMs();
      looking = undefined;
    }
  };
  return {
    look() {
      // far off in either direction: a clock that was set back must not keep an old answer
      if (looking === undefined && Math.abs(clock.nowMs() - lookedMs) >= lookEveryMs) looking = look();
      return looking;
    },
    low: () => low,
  };
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)} MiB`;
}
