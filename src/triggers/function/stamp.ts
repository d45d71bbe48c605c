import type { statSync } from "node:fs";

/** What a file is like: another one means that it was written, or another is in its place. Empty: it is not there. */
export function stampOf(path: string, stat: typeof statSync): string {
  const there = stat(path, { throwIfNoEntry: false });
  return there === undefined ? "" : `${there.mtimeMs} ${there.size} ${there.ino}`;
}
