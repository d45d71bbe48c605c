import { access, constants, mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { codeOf, TideError } from "../../lib/errors.ts";
import type { Bus } from "../bus.ts";
import { checkDatabase } from "./check.ts";
import { decodeJson } from "./codec.ts";
import { Committer } from "./committer.ts";
import { type DiskSpace, watchDiskSpace } from "./disk-space.ts";
import { type BusName, EmbeddedBus } from "./embedded-bus.ts";
import { lockFolder } from "./folder-lock.ts";
import { allBuses, textKey } from "./keys.ts";
import { createLmdbStore } from "./lmdb-store.ts";
import { createMemoryStore } from "./memory-store.ts";
import { keepEra } from "./row-count.ts";
import type { Store } from "./store.ts";

export interface BusFolderOptions {
  /** The data folder; undefined keeps everything in memory (`--ephemeral`). */
  readonly dataDir: string | undefined;
  readonly facts: boolean;
  readonly clock?: Clock;
  /** Of each bus; 1 GiB unless given. */
  readonly maxBytes?: number;
  /** 7 days unless given, as Argo Events' JetStream default. */
  readonly maxAgeMs?: number;
  /** 1 MiB unless given. */
  readonly maxEventBytes?: number;
  /** With less room than this on its disk, the bus takes no new events; 64 MiB unless given. */
  readonly minFreeBytes?: number;
}

/** All buses of one data folder: they share a database and its group commit. */
export interface BusFolder extends AsyncDisposable {
  bus(namespace: string, name: string): BusWithRetention;
  /** Whether events survive this process. */
  readonly durable: boolean;
}

export type BusWithRetention = Bus & { retain(): Promise<void> };

/** The layout of the data folder; a folder with a higher number is refused. */
const format = 1;

export async function openBusFolder(options: BusFolderOptions): Promise<BusFolder> {
  const { dataDir, clock = systemClock, minFreeBytes = 64 * 2 ** 20 } = options;
  if (dataDir === undefined) return folderOver({ store: createMemoryStore(), space: undefined, locks: [] }, options);
  const folder = join(dataDir, "bus");
  await makeFolder(folder);
  const lock = await lockFolder(dataDir);
  try {
    const known = await hasFormat(dataDir);
    await checkDatabase(folder, { mayBeEmpty: !known });
    const store = openStore(folder);
    if (!known) {
      await store.commit([keepEra(store)]);
      // last: without it, an empty database is one whose making was cut short
      await writeFormat(dataDir);
    }
    return folderOver({ store, space: watchDiskSpace({ folder, minFreeBytes, clock }), locks: [lock] }, options);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

interface OpenFolder {
  readonly store: Store;
  readonly space: DiskSpace | undefined;
  readonly locks: readonly Disposable[];
}

function folderOver({ store, space, locks }: OpenFolder, options: BusFolderOptions): BusFolder {
  const committer = new Committer(store);
  const open = new Map<string, EmbeddedBus>();
  const numbers = busNumbers(store);
  const busOptions = {
    clock: options.clock ?? systemClock,
    facts: options.facts,
    limits: { maxBytes: options.maxBytes ?? 2 ** 30, maxAgeMs: options.maxAgeMs ?? 7 * 86_400_000 },
    maxEventBytes: options.maxEventBytes ?? 2 ** 20,
  };
  return {
    durable: store.kind === "embedded",
    bus(namespace, name) {
      const key = `${namespace}/${name}`;
      const known = open.get(key);
      if (known !== undefined) return known;
      const bus = new EmbeddedBus({ store, committer, space, name: numbers.of(key), options: busOptions });
      open.set(key, bus);
      return bus;
    },
    async [Symbol.asyncDispose]() {
      await committer.close();
      await store.close();
      for (const lock of locks) lock[Symbol.dispose]();
    },
  };
}

/** The numbers of buses in keys, each given once. A new one becomes durable with the first commit of its bus. */
function busNumbers(store: Store): { of(key: string): BusName } {
  const range = { from: textKey(allBuses, "bus/"), to: textKey(allBuses, "bus0") };
  let last = Math.max(-1, ...Array.from(store.range("meta", range), ([, value]) => Number(decodeJson(value))));
  return {
    of(key) {
      const nameKey = textKey(allBuses, `bus/${key}`);
      const known = store.get("meta", nameKey);
      if (known !== undefined) return { number: Number(decodeJson(known)), nameKey, named: true };
      last += 1;
      return { number: last, nameKey, named: false };
    },
  };
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new TideError("BUS_UNWRITABLE", `making or writing ${folder}`, { cause: error });
  }
}

function openStore(folder: string): Store {
  try {
    return createLmdbStore(folder);
  } catch (error) {
    throw new TideError("BUS_UNWRITABLE", `opening the database in ${folder}`, { cause: error });
  }
}

/** False for a new folder; throws for one whose format this version does not know. */
async function hasFormat(dataDir: string): Promise<boolean> {
  const file = formatFile(dataDir);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw new TideError("BUS_UNWRITABLE", `reading ${file}`, { cause: error });
  }
  const number = formatOf(text);
  if (number === undefined) throw new TideError("BUS_DAMAGED", `${file} names no format`);
  if (number > format)
    throw new TideError("BUS_FORMAT_NEWER", `${dataDir} has format ${number}, this tidemill knows ${format}`);
  return true;
}

function formatOf(text: string): number | undefined {
  try {
    const found: unknown = JSON.parse(text);
    const number = typeof found === "object" && found !== null && "format" in found ? found.format : undefined;
    return typeof number === "number" && Number.isInteger(number) && number >= 1 ? number : undefined;
  } catch {
    return undefined;
  }
}

/** Marks a folder as one of this version's. */
export function writeFormat(dataDir: string): Promise<void> {
  return writeWhole(formatFile(dataDir), `${JSON.stringify({ format })}\n`);
}

function formatFile(dataDir: string): string {
  return join(dataDir, "format.json");
}

/** Synced before it has its name, and then the name: a power cut must not leave an empty file under it. */
async function writeWhole(file: string, text: string): Promise<void> {
  try {
    {
      await using fresh = await open(`${file}.new`, "w");
      await fresh.writeFile(text);
      await fresh.sync();
    }
    await rename(`${file}.new`, file);
    await using folder = await open(dirname(file), "r");
    await folder.sync();
  } catch (error) {
    throw new TideError("BUS_UNWRITABLE", `writing ${file}`, { cause: error });
  }
}
