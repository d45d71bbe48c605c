import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { access, mkdir, readFile, realpath, rename } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheFolder, findProgram } from "../../servers/recipes.ts";

/* The disk and the clock of one process, as a scenario wants them: the other end of shim.c. */

const source = fileURLToPath(new URL("./shim.c", import.meta.url));

/** As in shim.c. */
const cells = [
  "fault",
  "roomBytes",
  "writeDelayUs",
  "syncDelayUs",
  "clockOffsetUs",
  "writes",
  "syncs",
  "refused",
] as const;
type Cell = (typeof cells)[number];

const cellBytes = 8;
const faults = { none: 0, full: 1, readOnly: 2, broken: 3 } as const;

/** What the disk does from now on. */
export interface Disk {
  /**
   * `full`: nothing grows by more than `roomBytes` in all, and `statfs` says so; what is there can be written over.
   * `readOnly`: EROFS for whatever changes something. `broken`: EIO for every sync, as where a device fails behind the page
   * cache.
   */
  readonly fault?: keyof typeof faults;
  readonly roomBytes?: number;
  readonly writeDelayMs?: number;
  readonly syncDelayMs?: number;
}

export interface Shim extends Disposable {
  /** For the environment of the process, which may be there already or not yet. */
  readonly env: Readonly<Record<string, string>>;
  /** What is not named is as on a sound disk. */
  disk(disk: Disk): void;
  /** Sets the wall clock this much ahead (or back); timers go on as they are. */
  clock(aheadMs: number): void;
  /** What was written, synced and refused since the start, under the folder. */
  counted(): { readonly writes: number; readonly syncs: number; readonly refused: number };
}

/** Why there can be no shim here; undefined when there can. */
export function shimUnavailable(): Promise<string | undefined> {
  if (process.platform !== "linux") return Promise.resolve("the preloaded disk needs Linux");
  if (findProgram("cc") === undefined) return Promise.resolve("no C compiler (cc) for the preloaded disk");
  return Promise.resolve(undefined);
}

/** A disk for the files under `folder`, which is made if it is not there. Its control file is `control`. */
export async function startShim(options: {
  readonly folder: string;
  readonly control: string;
  /** Where every change is written down, for `afterPowerCut`; outside of `folder`. */
  readonly journal?: string;
}): Promise<Shim> {
  const library = await builtLibrary(source);
  await mkdir(options.folder, { recursive: true });
  const folder = await realpath(options.folder);
  const control = openSync(options.control, "w+", 0o600);
  writeSync(control, Buffer.alloc(cells.length * cellBytes));
  const set = (cell: Cell, value: number): void => {
    const bytes = Buffer.alloc(cellBytes);
    bytes.writeBigInt64LE(BigInt(Math.round(value)));
    writeSync(control, bytes, 0, cellBytes, cells.indexOf(cell) * cellBytes);
  };
  const get = (cell: Cell): number => {
    const bytes = Buffer.alloc(cellBytes);
    readSync(control, bytes, 0, cellBytes, cells.indexOf(cell) * cellBytes);
    return Number(bytes.readBigInt64LE());
  };
  return {
    env: {
      LD_PRELOAD: library,
      TIDEMILL_SHIM_CONTROL: options.control,
      TIDEMILL_SHIM_FOLDER: folder,
      ...(options.journal === undefined ? {} : { TIDEMILL_SHIM_JOURNAL: options.journal }),
      // libuv writes files with calls then, which can be preloaded
      UV_USE_IO_URING: "0",
    },
    disk({ fault = "none", roomBytes = 0, writeDelayMs = 0, syncDelayMs = 0 }) {
      set("roomBytes", roomBytes);
      set("writeDelayUs", writeDelayMs * 1_000);
      set("syncDelayUs", syncDelayMs * 1_000);
      set("fault", faults[fault]);
    },
    clock: (aheadMs) => set("clockOffsetUs", aheadMs * 1_000),
    counted: () => ({ writes: get("writes"), syncs: get("syncs"), refused: get("refused") }),
    [Symbol.dispose]: () => closeSync(control),
  };
}

/** Compiles a library to preload, from one file of C, where that has not been done yet; answers its path. */
export async function builtLibrary(source: string): Promise<string> {
  const text = await readFile(source);
  const folder = join(cacheFolder(), "shim");
  const library = join(folder, `${createHash("sha256").update(text).digest("hex").slice(0, 16)}.so`);
  const built = await access(library).then(
    () => true,
    () => false,
  );
  if (built) return library;
  await mkdir(folder, { recursive: true });
  // several may build at once: each under a name of its own, and the last renaming wins
  const made = `${library}.${process.pid}.${performance.now()}`;
  await promisify(execFile)("cc", ["-shared", "-fPIC", "-O2", "-Wall", "-o", made, source, "-ldl", "-lpthread"]);
  await rename(made, library);
  return library;
}
