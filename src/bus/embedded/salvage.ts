import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { TideError } from "../../lib/errors.ts";
import { sibling } from "../../lib/sibling.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import { type BusNumber, placeOf, textKey } from "./keys.ts";
import { createLmdbStore } from "./lmdb-store.ts";
import { type MetaPages, readMetaPages } from "./meta-pages.ts";
import { scanPages } from "./page-scan.ts";
import { endEra } from "./row-count.ts";
import { everything, type Table, tables, type Write } from "./store.ts";

/** What came over of one table. */
export interface SalvagedTable {
  readonly table: Table;
  readonly copied: number;
  /** Values that were there and did not match their checksum. */
  readonly damaged: number;
  /** Whether all of it could be read; otherwise nobody knows how much is missing. */
  readonly whole: boolean;
}

/**
 * Copies what is readable of a bus folder into a new one. Works on a copy of the file, filled up with zeros to the
 * length that it should have, and in child processes: a damaged page may end whoever reads it. Each table is read from
 * its beginning up to the first bad page, then from its end down to the last one; events and facts that are still missing
 * are looked for on every page.
 */
export async function salvageBus(from: string, to: string): Promise<readonly SalvagedTable[]> {
  const file = join(from, "data.mdb");
  const meta = await readMetaPages(file).catch((error: unknown) => {
    throw new TideError("BUS_DAMAGED", `reading ${file}`, { cause: error });
  });
  if (meta === undefined)
    throw new TideError("BUS_DAMAGED", `${file} is no database any more: nothing in it can be found`);
  await mkdir(to, { recursive: true });
  const copy = await mkdtemp(join(to, "salvage-"));
  try {
    await copyFile(file, join(copy, "data.mdb"));
    const { size } = await stat(file);
    if (size < meta.neededBytes) await truncate(join(copy, "data.mdb"), meta.neededBytes);
    const found: SalvagedTable[] = [];
    for (const table of tables) found.push(await salvageTable({ from: copy, to, table }));
    if (found.some((one) => !one.whole)) await addScanned(join(copy, "data.mdb"), { meta, to, found });
    await mend(to, found);
    return found;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Rows of logs and names that no tree leads to any more, for the tables that could not be read to their end. */
async function addScanned(
  file: string,
  { meta, to, found }: { readonly meta: MetaPages; readonly to: string; readonly found: SalvagedTable[] },
): Promise<void> {
  const store = createLmdbStore(to);
  try {
    let waiting: Write[] = [];
    const keep = async (): Promise<void> => {
      if (waiting.length > 0) await store.commit(waiting);
      waiting = [];
    };
    for await (const { table, key, value } of scanPages(file, meta)) {
      const at = found.findIndex((one) => one.table === table && !one.whole);
      const known = found[at];
      if (known === undefined || store.get(table, key) !== undefined) continue;
      if (!waiting.some((one) => one.table === table && one.key.equals(key))) {
        waiting.push({ table, key: Buffer.from(key), value: Buffer.from(value) });
        found[at] = { ...known, copied: known.copied + 1 };
      }
      if (waiting.length >= 200) await keep();
    }
    await keep();
  } finally {
    await store.close();
  }
}

interface Folders {
  readonly from: string;
  readonly to: string;
  readonly table: Table;
}

interface Progress {
  /** The last key that is in the new folder, in hex; empty before the first. */
  readonly at: string;
  readonly copied: number;
  readonly damaged: number;
  readonly ended: boolean;
}

async function salvageTable(folders: Folders): Promise<SalvagedTable> {
  const up = await readUntilBad(folders, { reverse: false, beyond: "" });
  if (up.ended) return { table: folders.table, copied: up.copied, damaged: up.damaged, whole: true };
  const down = await readUntilBad(folders, { reverse: true, beyond: up.at });
  return { table: folders.table, copied: up.copied + down.copied, damaged: up.damaged + down.damaged, whole: false };
}

/** Rows per commit: what was read and not yet written when a child died is tried again in smaller steps. */
const steps = [500, 25, 1];

async function readUntilBad(
  folders: Folders,
  way: { readonly reverse: boolean; readonly beyond: string },
): Promise<Progress> {
  let sum: Progress = { at: "", copied: 0, damaged: 0, ended: false };
  for (const rows of steps) {
    const already = sum.copied + sum.damaged;
    const { at, copied, damaged, ended } = await inChild(folders, { ...way, start: sum.at, rows, already });
    sum = { at: at || sum.at, copied: sum.copied + copied, damaged: sum.damaged + damaged, ended };
    if (ended) break;
  }
  return sum;
}

/** What a child of `salvageBus` is asked. Keys are in hex; empty stands for an end of the table. */
export interface SalvageOrder extends Folders {
  readonly reverse: boolean;
  /** Reading goes on after this key. */
  readonly start: string;
  /** When reading backwards: the end, a key that is copied already. */
  readonly beyond: string;
  readonly rows: number;
  /** How many rows were copied or found damaged before. */
  readonly already: number;
}

async function inChild(folders: Folders, way: Omit<SalvageOrder, keyof Folders>): Promise<Progress> {
  const order: SalvageOrder = { ...folders, ...way };
  const child = spawn(
    process.execPath,
    ["--no-warnings", sibling(import.meta.url, "./salvage-child"), JSON.stringify(order)],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  let last: Progress = { at: "", copied: 0, damaged: 0, ended: false };
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const patience = stillness(() => child.kill("SIGKILL"));
  for await (const line of createInterface({ input: child.stdout })) {
    patience.again();
    last = JSON.parse(line) as Progress;
  }
  await gone;
  patience.stop();
  return last;
}

/** A damaged tree can have a circle: a child that says nothing for this long makes no progress. */
const stillnessMs = 20_000;

function stillness(end: () => void): { again(): void; stop(): void } {
  let timer = setTimeout(end, stillnessMs);
  return {
    again() {
      clearTimeout(timer);
      timer = setTimeout(end, stillnessMs);
    },
    stop: () => clearTimeout(timer),
  };
}

/** Places that may have been given to what is lost are not given again. */
const placesSkipped = 1_000_000;

/**
 * Counts anew what the new folder holds, and where a log is not whole, goes on well after its last place: readers of
 * that log (the record above all) must not take a new entry for one that they have had.
 */
async function mend(folder: string, found: readonly SalvagedTable[]): Promise<void> {
  const store = createLmdbStore(folder);
  try {
    const bytes = new Map<BusNumber, number>();
    const last = new Map<string, number>();
    for (const table of ["events", "facts"] as const) {
      for (const [key, value] of store.range(table, everything)) {
        const bus = key.readUInt16BE(0);
        bytes.set(bus, (bytes.get(bus) ?? 0) + value.byteLength);
        last.set(`${bus} last/${table}`, placeOf(key));
      }
    }
    const whole = found.every((one) => one.whole && one.damaged === 0);
    // rows of queues may be missing
    const writes: Write[] = [endEra];
    for (const [bus, count] of bytes) {
      writes.push({ table: "meta", key: textKey(bus, "bytes"), value: encodeJson(count) });
      if (whole) continue;
      for (const table of ["events", "facts"]) {
        const key = textKey(bus, `last/${table}`);
        const counter = store.get("meta", key);
        const counted = counter === undefined ? 0 : Number(decodeJson(counter));
        const newest = Math.max(counted, last.get(`${bus} last/${table}`) ?? 0);
        writes.push({ table: "meta", key, value: encodeJson(newest + placesSkipped) });
      }
    }
    await store.commit(writes);
  } finally {
    await store.close();
  }
}
