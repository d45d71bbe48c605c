import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const prefix = "tidemill-test-";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * A folder for one server's data. Its name holds the pid of the test process, so that the next run can remove what a
 * killed one left behind.
 */
export async function temporaryFolder(name: string): Promise<string> {
  for (const entry of await readdir(tmpdir())) {
    const owner = entry.startsWith(prefix) ? Number(entry.slice(prefix.length).split("-")[0]) : Number.NaN;
    if (Number.isSafeInteger(owner) && owner > 0 && !isAlive(owner)) {
      await rm(join(tmpdir(), entry), { recursive: true, force: true });
    }
  }
  return mkdtemp(join(tmpdir(), `${prefix}${process.pid}-${name}-`));
}
