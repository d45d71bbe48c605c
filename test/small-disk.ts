import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { open, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";

/** A disk of its own, of a size that a test can fill. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Takes all room but `leaveBytes`. */
  fill(leaveBytes?: number): Promise<void>;
  /** Gives it back. */
  free(): Promise<void>;
}

export function mountSmallDisk(sizeMiB: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), "tidemill-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMiB}m`, "tmpfs", path], { stdio: "pipe" });
  } catch (error) {
    rmSync(path, { recursive: true });
    throw error;
  }
  const filler = join(path, "filler");
  return {
    path,
    async fill(leaveBytes = 0) {
      await using file = await open(filler, "a");
      const block = Buffer.alloc(64 * 1024);
      for (;;) {
        const { bavail, bsize } = await statfs(path);
        const room = bavail * bsize - leaveBytes;
        if (room <= 0) return;
        await file.write(block.subarray(0, Math.min(room, block.length))).catch(() => undefined);
      }
    },
    free: () => rm(filler, { force: true }),
    async [Symbol.asyncDispose]() {
      // lazily: a process that was killed a moment ago may still hold it
      execFileSync("umount", ["--lazy", path]);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** A `describe` for tests that need to mount; where that is not allowed they are skipped, with a line that says so. */
export function describeWithSmallDisk(title: string, tests: () => void): void {
  const reason = whyNot();
  if (reason === undefined) return void describe(title, tests);
  process.stderr.write(`SKIPPED: ${title}: a small disk cannot be mounted here (${reason}). To run them: as root\n`);
  describe.skip(title, tests);
}

function whyNot(): string | undefined {
  const path = mkdtempSync(join(tmpdir(), "tidemill-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path], { stdio: "pipe" });
    execFileSync("umount", [path], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n")[1] ?? error.message) : String(error);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}
