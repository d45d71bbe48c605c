import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { NewFiring } from "../bus.ts";
import { encodeJson } from "./codec.ts";
import { Committer, type Transaction } from "./committer.ts";
import { lastPlace, queueKey, textKey } from "./keys.ts";
import { createLmdbStore } from "./lmdb-store.ts";
import { createMemoryStore } from "./memory-store.ts";
import { openBusFolder } from "./open.ts";
import { endEra, keepEra, RowCount } from "./row-count.ts";
import { salvageBus } from "./salvage.ts";
import type { Store } from "./store.ts";

const bus = 1;
const range = { from: queueKey(bus, 1, 0), to: queueKey(bus, 1, lastPlace) };
const countKey = textKey(bus, "rows/queue/s/t");
const countOn = (store: Store): RowCount => new RowCount({ store, bus, table: "queue", name: "s/t", range });

/** A store in memory that says how many rows were read, and whose commits fail while `broken` says so. */
async function storeInMemory(): Promise<Store & { read: number; broken: boolean }> {
  const memory = createMemoryStore();
  const store = {
    ...memory,
    read: 0,
    broken: false,
    *range(...given: Parameters<Store["range"]>) {
      for (const row of memory.range(...given)) {
        store.read += 1;
        yield row;
      }
    },
    commit: (writes: Parameters<Store["commit"]>[0]) =>
      store.broken ? Promise.reject(new Error("the disk is gone")) : memory.commit(writes),
  };
  await store.commit([keepEra(store)]);
  return store;
}

function put(tx: Transaction, count: RowCount, seq: number): void {
  tx.put("queue", queueKey(bus, 1, seq), encodeJson(seq));
  count.added(tx);
}

function remove(tx: Transaction, count: RowCount, seq: number): void {
  tx.remove("queue", queueKey(bus, 1, seq));
  count.removed(tx);
}

/** Puts so many rows in one commit. */
async function fill(store: Store, rows: number): Promise<RowCount> {
  const count = countOn(store);
  await new Committer(store).commit({
    prepare(tx) {
      for (let seq = 1; seq <= rows; seq++) put(tx, count, seq);
    },
  });
  return count;
}

test("many rows are not read at the start", async () => {
  const store = await storeInMemory();
  await fill(store, 1_000);
  expect(countOn(store).rows).toBe(1_000);
  expect(store.read).toBe(0);
});

test("few rows keep no count, also where there were many", async () => {
  const store = await storeInMemory();
  const count = await fill(store, 300);
  expect(store.get("meta", countKey)).toBeDefined();
  await new Committer(store).commit({
    prepare(tx) {
      for (let seq = 1; seq <= 200; seq++) remove(tx, count, seq);
    },
  });
  expect(store.get("meta", countKey)).toBeUndefined();
  expect(countOn(store).rows).toBe(100);
});

test("a folder that keeps no count has its rows counted, and a count from its next commit on", async () => {
  const store = await storeInMemory();
  await fill(store, 1_000);
  await store.commit([{ table: "meta", key: countKey, value: undefined }]);
  const count = countOn(store);
  expect(count.rows).toBe(1_000);
  await new Committer(store).commit({ prepare: (tx) => put(tx, count, 1_001) });
  store.read = 0;
  expect(countOn(store).rows).toBe(1_001);
  expect(store.read).toBe(0);
});

test.each([
  ["of another era", encodeJson({ rows: 7, era: "another" })],
  ["without an era", encodeJson({ rows: 7 })],
  ["that is no number", encodeJson({ rows: "7" })],
  ["that is null", encodeJson(null)],
  ["whose checksum is wrong", Buffer.alloc(20, 7)],
  ["that is cut off", Buffer.alloc(3)],
])("a count %s is not believed", async (_, value) => {
  const store = await storeInMemory();
  await fill(store, 300);
  await store.commit([{ table: "meta", key: countKey, value }]);
  expect(countOn(store).rows).toBe(300);
});

test("no count is believed once its era has ended", async () => {
  const store = await storeInMemory();
  const count = await fill(store, 300);
  await store.commit([{ table: "queue", key: queueKey(bus, 1, 1), value: undefined }, endEra]);
  expect(countOn(store).rows).toBe(299);
  await store.commit([keepEra(store)]);
  expect(countOn(store).rows).toBe(299);
  expect(count.rows).toBe(300);
});

test("what is kept is what is there, whatever fails in between", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          added: fc.integer({ min: 0, max: 300 }),
          removed: fc.integer({ min: 0, max: 300 }),
          way: fc.constantFrom("kept", "kept", "commit fails", "member throws", "opened again"),
        }),
        { maxLength: 12 },
      ),
      async (steps) => {
        const store = await storeInMemory();
        const committer = new Committer(store);
        let count = countOn(store);
        let there: number[] = [];
        let next = 1;
        for (const { added, removed, way } of steps) {
          const going = there.slice(0, removed);
          const coming = Array.from({ length: added }, () => next++);
          store.broken = way === "commit fails";
          const committed = committer.commit({
            prepare(tx) {
              for (const seq of coming) put(tx, count, seq);
              for (const seq of going) remove(tx, count, seq);
              if (way === "member throws") throw new Error("thrown");
            },
          });
          const failed = await committed.then(
            () => false,
            () => true,
          );
          store.broken = false;
          if (!failed) there = [...there.slice(removed), ...coming];
          if (way === "opened again") count = countOn(store);
          expect(count.rows).toBe(there.length);
          expect(countOn(store).rows).toBe(there.length);
        }
      },
    ),
  ));

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "tidemill-rows-"));
});

afterEach(() => rm(dir, { recursive: true, force: true }));

const firing = (n: number): NewFiring => ({
  queue: "s/t",
  id: `f${n}`,
  sensor: "s",
  trigger: "t",
  revision: "r",
  events: [],
  dueUs: 0,
  madeUs: 0,
});

async function pendingIn(dataDir: string): Promise<number> {
  await using folder = await openBusFolder({ dataDir, facts: false });
  return folder.bus("default", "default").queue("s/t").depth().pending;
}

/** The folder has 300 firings in a queue. */
async function withFirings(): Promise<void> {
  await using folder = await openBusFolder({ dataDir: dir, facts: false });
  await folder.bus("default", "default").commit({ firings: Array.from({ length: 300 }, (_, n) => firing(n)) });
}

/** Changes the bus folder by hand. */
async function changed(change: (store: Store) => Parameters<Store["commit"]>[0], folder = dir): Promise<void> {
  const store = createLmdbStore(join(folder, "bus"));
  await store.commit(change(store));
  await store.close();
}

/** Takes the first firing away, and tells nobody. */
function withoutFirst(store: Store): ReturnType<Parameters<typeof changed>[0]> {
  const [first] = [...store.range("queue", { from: Buffer.from([0]), to: Buffer.alloc(12, 0xff), limit: 1 })];
  return first === undefined ? [] : [{ table: "queue", key: first[0], value: undefined }];
}

test("a folder that is opened again goes by the count that it keeps", async () => {
  await withFirings();
  expect(await pendingIn(dir)).toBe(300);
  await changed(withoutFirst);
  // which shows that nothing was counted
  expect(await pendingIn(dir)).toBe(300);
});

test("a folder that a tidemill has changed which keeps no counts is counted anew", async () => {
  await withFirings();
  // what such a one does at each start
  await changed((store) => [...withoutFirst(store), endEra]);
  expect(await pendingIn(dir)).toBe(299);
});

test("many dead letters are not read at the next start either", async () => {
  await withFirings();
  {
    await using folder = await openBusFolder({ dataDir: dir, facts: false });
    const queue = folder.bus("default", "default").queue("s/t");
    const claimed = await queue.claim({ max: 300, signal: AbortSignal.timeout(10_000) });
    const dead = { code: "TM7001", message: "it failed", atUs: 1 };
    await queue.settle(claimed.map(({ id }) => ({ id, outcome: { dead }, facts: [] })));
    await queue.dead().drop("f1", []);
    expect(queue.dead().count()).toBe(299);
  }
  await changed((store) => {
    const [first] = [...store.range("dead", { from: Buffer.from([0]), to: Buffer.alloc(12, 0xff), limit: 1 })];
    return first === undefined ? [] : [{ table: "dead", key: first[0], value: undefined }];
  });
  await using folder = await openBusFolder({ dataDir: dir, facts: false });
  const queue = folder.bus("default", "default").queue("s/t");
  // which shows that nothing was counted
  expect(queue.dead().count()).toBe(299);
  expect(queue.depth().pending).toBe(0);
});

test("a salvaged folder is counted anew", async () => {
  await withFirings();
  await changed(withoutFirst);
  const to = join(dir, "salvaged");
  await mkdir(to);
  await salvageBus(join(dir, "bus"), join(to, "bus"));
  expect(await pendingIn(to)).toBe(299);
});
