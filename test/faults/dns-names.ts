import { rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { builtLibrary } from "./shim/shim.ts";

const source = fileURLToPath(new URL("./dns-names.c", import.meta.url));

/** What the resolver says of a name: an address, or how it fails. */
export type Resolved = `${number}.${number}.${number}.${number}` | "again" | "none" | "hangs";

/** The names that one process can resolve: the other end of dns-names.c. */
export interface Names {
  /** For the environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** From now on; names that are not there are resolved by the machine. */
  set(names: Readonly<Record<string, Resolved>>): Promise<void>;
}

/** `file` is where the names are kept. */
export async function startNames(file: string, names: Readonly<Record<string, Resolved>>): Promise<Names> {
  const library = await builtLibrary(source);
  const set = async (names: Readonly<Record<string, Resolved>>): Promise<void> => {
    const lines = Object.entries(names).map(([name, what]) => `${name} ${what}\n`);
    // whoever reads it at this moment reads the whole of the old or of the new one
    await writeFile(`${file}.new`, lines.join(""));
    await rename(`${file}.new`, file);
  };
  await set(names);
  return { env: { LD_PRELOAD: library, TIDEMILL_NAMES: file }, set };
}
