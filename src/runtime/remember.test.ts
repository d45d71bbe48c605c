import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { describeWithServer } from "../../test/servers/describe.ts";
import { temporaryFolder } from "../../test/servers/folder.ts";
import { startMariadb } from "../../test/servers/mariadb.ts";
import { startPostgres } from "../../test/servers/postgres.ts";
import type { Server } from "../../test/servers/server.ts";
import type { FactChunk } from "../bus/bus.ts";
import { openBusFolder } from "../bus/embedded/open.ts";
import { numberedEvent } from "../bus/event-testing.ts";
import { systemClock } from "../lib/clock.ts";
import { type Log, silentLog } from "../lib/log.ts";
import { openRecord } from "../record/open.ts";
import type { EventRecord } from "../record/record.ts";
import { remember } from "./remember.ts";

const name = { namespace: "default", bus: "default" };

const made = (n: number) => numberedEvent(n, { receivedUs: 1_000 + n });

/** Waits for a fact; each look costs a call, so a short pause lies between two. */
async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await fact())) await pause(5);
}

/** A bus on disk that feeds a record, and the lines that it logs. */
async function feeding(record: EventRecord) {
  const folder = await openBusFolder({ dataDir: await temporaryFolder("remember"), facts: true, clock: systemClock });
  const bus = folder.bus(name.namespace, name.bus);
  const ending = new AbortController();
  const state: { failing: string | undefined } = { failing: undefined };
  const warned: string[] = [];
  const log: Log = { ...silentLog, warn: (fields, message) => void warned.push(JSON.stringify([fields, message])) };
  const { signal } = ending;
  const fed = remember({ bus, name, record, clock: systemClock, random: () => 0, log, signal, state });
  return {
    bus,
    state,
    warned,
    publish: (n: number) => bus.publish({ events: [made(n)] }, signal),
    lag: async () => (await bus.facts("record").lag()).entries,
    async [Symbol.asyncDispose]() {
      ending.abort(new Error("the test is over"));
      await fed;
      await folder[Symbol.asyncDispose]();
    },
  };
}

interface Database extends Server {
  readonly url: string;
}

function describeOutages(start: () => Promise<Database>): void {
  test("a server that is killed under load holds up the record and nothing else; nothing is lost or counted twice", async () => {
    await using server = await start();
    await using record = await openRecord(server.url, { mayBeAway: true });
    await using feed = await feeding(record);
    const total = 3_000;
    for (let n = 0; n < total; n++) {
      const [receipt] = await feed.publish(n);
      expect(receipt?.outcome).toBe("stored");
      if (n % 1_000 === 500) {
        await until(async () => (await record.place(name).catch(() => 0)) > n - 400);
        await server.kill();
      }
      if (n % 1_000 === 800) {
        await until(() => feed.state.failing !== undefined);
        await server.start();
      }
    }
    await until(async () => (await feed.lag()) === 0);
    expect(feed.state.failing).toBeUndefined();
    expect(await record.audit({})).toMatchObject({ receipts: { stored: total, duplicate: 0 }, missing: [] });
    expect(feed.warned.join("\n")).toContain("they wait in the bus");
    expect(feed.warned.join("\n")).not.toContain(new URL(server.url).password);
  });

  test("a server that is not there at the start is said, and gets all once it is", async () => {
    await using server = await start();
    await server.stop({ keep: true });
    await expect(openRecord(server.url)).rejects.toMatchObject({ code: "RECORD_AWAY", retry: "backoff" });
    await using record = await openRecord(server.url, { mayBeAway: true });
    await using feed = await feeding(record);
    for (let n = 0; n < 50; n++) await feed.publish(n);
    await until(() => feed.state.failing !== undefined);
    expect(feed.state.failing).toContain(`127.0.0.1:${server.port}`);
    await expect(record.audit({})).rejects.toMatchObject({ code: "RECORD_AWAY" });
    await server.start();
    await until(async () => (await feed.lag()) === 0);
    expect(await record.audit({})).toMatchObject({ receipts: { stored: 50 }, missing: [] });
  });
}

describe("the record while its database is away", { timeout: 90_000 }, () => {
  describeWithServer("mariadb", () => describeOutages(startMariadb));
  describeWithServer("postgres", () => describeOutages(startPostgres));
});

test("a backlog of facts goes to the record in parts of a bounded size, all of it and in its order", async () => {
  await using folder = await openBusFolder({ dataDir: undefined, facts: true, clock: systemClock });
  const bus = folder.bus(name.namespace, name.bus);
  const perCommit = 400;
  const commits = 20;
  const never = new AbortController().signal;
  for (let from = 0; from < commits * perCommit; from += perCommit)
    await bus.publish({ events: Array.from({ length: perCommit }, (_, at) => made(from + at)) }, never);
  await using record = await openRecord("sqlite::memory:");
  const applied: (readonly FactChunk[])[] = [];
  const watched: EventRecord = {
    ...record,
    place: (of) => record.place(of),
    apply(of, chunks) {
      applied.push(chunks);
      return record.apply(of, chunks);
    },
  };
  const ending = new AbortController();
  const fed = remember({
    ...{ bus, name, record: watched, clock: systemClock, random: () => 0, log: silentLog },
    ...{ signal: ending.signal, state: { failing: undefined } },
  });
  await until(async () => applied.length > 0 && (await bus.facts("record").lag()).entries === 0);
  ending.abort(new Error("the test is over"));
  await fed;
  const all = applied.flat();
  expect(all.map(({ seq }) => seq)).toEqual(all.map((_, at) => at + 1));
  expect(all.flatMap(({ json }) => JSON.parse(json) as unknown[])).toHaveLength(commits * perCommit);
  expect(applied.length).toBeGreaterThan(1);
  for (const chunks of applied) {
    const characters = chunks.reduce((sum, { json }) => sum + json.length, 0);
    expect(chunks.length === 1 || characters <= 512 * 1024).toBe(true);
  }
});
