import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";

const keptRuns = 5;

/** The folder for a run inside `all`; of the older runs the last few stay. Run names are times in base 36. */
export async function runFolder(all: string, run: string): Promise<string> {
  await mkdir(all, { recursive: true });
  // eight digits until the year 2059: the names sort by age
  const runs = (await readdir(all)).filter((name) => /^[0-9a-z]{8}$/.test(name)).sort();
  for (const old of runs.slice(0, Math.max(0, runs.length - keptRuns + 1))) {
    await rm(path.join(all, old), { recursive: true, force: true });
  }
  return path.join(all, run);
}
