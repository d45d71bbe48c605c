import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { codeOf, TideError } from "../../lib/errors.ts";
import type { Bus } from "../bus.ts";
import { checkDatabase } from "./check.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import { Committer } from "./committer.ts";
import { EmbeddedBus } from "./embedded-bus.ts";
import { lockFolder } from "./folder-lock.ts";
import { textKey } from "./keys.ts";
import { createLmdbStore } from "./lmdb-store.ts";
import { createMemoryStore } from "./memory-store.ts";
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
const allBuses = 0xffff;

export async function openBusFolder(options: BusFolderOptions): Promise<BusFolder> {
  const { dataDir } = options;
  if (dataDir === undefined) return folderOver(createMemoryStore(), options, []);
  const folder = join(dataDir, "bus");
  await makeFolder(folder);
  const lock = await lockFolder(dataDir);
  try {
    await checkFormat(dataDir);
    await checkDatabase(folder);
    return folderOver(createLmdbStore(folder), options, [lock]);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

function folderOver(store: Store, options: BusFolderOptions, locks: readonly Disposable[]): BusFolder {
  const committer = new Committer(store);
  const open = new Map<string, EmbeddedBus>();
  const numbers = busNumbers(store, committer);
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
      const bus = new EmbeddedBus({ store, committer, bus: numbers.of(key), options: busOptions });
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

/** The numbers of buses in keys, each given once. A new one is committed before all commits of its bus. */
function busNumbers(store: Store, committer: Committer): { of(key: string): number } {
  const range = { from: textKey(allBuses, "bus/"), to: textKey(allBuses, "bus0") };
  let last = Math.max(-1, ...Array.from(store.range("meta", range), ([, value]) => Number(decodeJson(value))));
  return {
    of(key) {
      const at = textKey(allBuses, `bus/${key}`);
      const known = store.get("meta", at);
      if (known !== undefined) return Number(decodeJson(known));
      last += 1;
      const number = last;
      // a failure here fails every later commit of the bus in the same way, and is told there
      committer.commit({ prepare: (tx) => tx.put("meta", at, encodeJson(number)) }).catch(() => undefined);
      return number;
    },
  };
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new TideError("BUS_UNWRITABLE", `making ${folder}`, { cause: error });
  }
}

async function checkFormat(dataDir: string): Promise<void> {
  const file = join(dataDir, "format.json");
  try {
    const found: unknown = JSON.parse(await readFile(file, "utf8"));
    const number = typeof found === "object" && found !== null && "format" in found ? Number(found.format) : Number.NaN;
    if (number > format)
      throw new TideError("BUS_FORMAT_NEWER", `${dataDir} has format ${number}, this tidemill knows ${format}`);
    if (number !== format) throw new TideError("BUS_DAMAGED", `${file} names no format`);
  } catch (error) {
    if (error instanceof SyntaxError) throw new TideError("BUS_DAMAGED", `${file} is not JSON`, { cause: error });
    if (codeOf(error) !== "ENOENT") throw error;
    await writeWhole(file, `${JSON.stringify({ format })}\n`);
  }
}

async function writeWhole(file: string, text: string): Promise<void> {
  try {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  } catch (error) {
    throw new TideError("BUS_UNWRITABLE", `writing ${file}`, { cause: error });
  }
}
