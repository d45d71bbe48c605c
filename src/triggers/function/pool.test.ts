import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Spec } from "./link.ts";
import { FunctionPool } from "./pool.ts";
import type { Runner } from "./runner.ts";

const folder = mkdtempSync(join(tmpdir(), "tidemill-pool-"));
const module = join(folder, "m.mjs");
writeFileSync(module, "export const handler = () => 1;");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;

function spec(name = ""): Spec {
  const setup = { module, exportName: undefined };
  return { setup, isolation: "worker", memoryLimit: 64, env: { NAME: name }, read: [], write: [] };
}

async function ready(pool: FunctionPool, name = ""): Promise<Runner> {
  const runner = await pool.take(spec(name), signal);
  await runner.ready(signal);
  return runner;
}

test("a thread that is free is used again; one that runs is not given to another call", async () => {
  await using pool = new FunctionPool();
  const one = await ready(pool);
  const two = await ready(pool);
  expect(two).not.toBe(one);
  expect(pool.size).toEqual({ all: 2, idle: 0 });
  pool.giveBack(one);
  expect(await ready(pool)).toBe(one);
  const other = await ready(pool, "other");
  expect([one, two]).not.toContain(other);
});

test("calls wait in their order while there are too many threads; one that gives up waits no more", async () => {
  await using pool = new FunctionPool({ most: 1 });
  const one = await ready(pool);
  const gone = new AbortController();
  const order: string[] = [];
  const told = async (name: string): Promise<Runner> => {
    const runner = await pool.take(spec(), signal);
    order.push(name);
    return runner;
  };
  const first = told("first");
  const given = pool.take(spec(), gone.signal);
  const last = told("last");
  const reason = new Error("given up");
  gone.abort(reason);
  await expect(given).rejects.toBe(reason);
  pool.giveBack(one);
  expect(await first).toBe(one);
  pool.giveBack(one);
  expect(await last).toBe(one);
  expect(order).toEqual(["first", "last"]);
  await expect(pool.take(spec(), gone.signal)).rejects.toBe(reason);
});

test("a free thread makes room for another function", async () => {
  await using pool = new FunctionPool({ most: 2 });
  const [a, b] = [await ready(pool, "a"), await ready(pool, "b")];
  pool.giveBack(a);
  pool.giveBack(b);
  const c = await ready(pool, "c");
  expect(pool.size).toEqual({ all: 2, idle: 1 });
  expect([a.usable, b.usable, c.usable]).toEqual([false, true, true]);
});

test("a thread that has nothing to do is ended after a while", async () => {
  await using pool = new FunctionPool({ idleMs: 50 });
  const one = await ready(pool);
  pool.giveBack(one);
  await expect.poll(() => pool.size).toEqual({ all: 0, idle: 0 });
  expect(one.usable).toBe(false);
  expect((await ready(pool)).usable).toBe(true);
});
