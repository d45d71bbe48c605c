import { cp, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { lockFolder } from "../bus/embedded/folder-lock.ts";
import { writeFormat } from "../bus/embedded/open.ts";
import { type SalvagedTable, salvageBus } from "../bus/embedded/salvage.ts";
import { codeOf, TideError } from "../lib/errors.ts";

export interface Salvaged {
  readonly from: string;
  readonly to: string;
  readonly tables: readonly SalvagedTable[];
  /** What lies beside the bus and was copied as it is: the record, the files of Jobs. */
  readonly files: readonly string[];
}

/** What belongs to the running process, or is made by the salvage itself. */
const left = /^(bus|format\.json(\.new)?|admin\.json|lock\.sqlite.*)$/;

/**
 * Copies what is readable of a data folder into a new one, which tidemill can run with. The old one stays as it is; no
 * tidemill may run with it meanwhile (BUS_LOCKED). Rejects with BUS_DAMAGED when nothing can be read, with USAGE when
 * the new folder holds something.
 */
export async function salvageDataFolder(from: string, to: string): Promise<Salvaged> {
  const files = (await list(from)).filter((name) => !left.test(name));
  if ((await listOrNone(to)).length > 0) throw new TideError("USAGE", `${to} is not empty`);
  using _ = await lockFolder(from);
  try {
    await mkdir(to, { recursive: true });
  } catch (error) {
    throw new TideError("BUS_UNWRITABLE", `making ${to}`, { cause: error });
  }
  const tables = await salvageBus(join(from, "bus"), join(to, "bus"));
  for (const name of files) await cp(join(from, name), join(to, name), { recursive: true });
  await writeFormat(to);
  return { from, to, tables, files };
}

async function list(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw new TideError("USAGE", `reading ${folder}`, { cause: error });
  }
}

async function listOrNone(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw new TideError("USAGE", `reading ${folder}`, { cause: error });
  }
}
