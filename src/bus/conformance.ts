import { afterEach, describe, expect, it } from "vitest";
import { isTide } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import type { Fact } from "../lib/facts.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import type { Batch, Bus, LogEntry, NewEvent, NewFiring } from "./bus.ts";
import { eventOf, numberedId as id } from "./event-testing.ts";
import { describeKeyOrder } from "./key-order/conformance.ts";

/** What a driver brings to the suite. Buses of one harness share one place on disk or in a broker. */
export interface BusHarness {
  open(options: {
    readonly clock: VirtualClock;
    readonly maxBytes?: number;
    readonly maxAgeMs?: number;
    readonly maxEventBytes?: number;
  }): Promise<OpenBuses>;
  /** Removes what is left. */
  clear(): Promise<void>;
}

export interface OpenBuses extends AsyncDisposable {
  bus(namespace: string, name: string): Bus & { retain(): Promise<void> };
}

const never = new AbortController().signal;

function event(id: string, data: unknown = { n: 1 }): Event {
  return eventOf(id, Buffer.from(JSON.stringify(data)));
}

function made(
  id: string,
  options: { readonly data?: unknown; readonly dedup?: boolean; readonly receivedUs?: number } = {},
): NewEvent {
  return { event: event(id, options.data), receivedUs: options.receivedUs ?? 1_000, dedup: options.dedup ?? true };
}

function firing(
  n: number,
  entry: { readonly seq: number; readonly event: Event },
  options: { readonly dueUs?: number; readonly queue?: string } = {},
): NewFiring {
  return {
    queue: options.queue ?? "s/t",
    id: id(n),
    dueUs: options.dueUs ?? 0,
    madeUs: 0,
    revision: "r1",
    sensor: "s",
    trigger: "t",
    events: [{ dependency: "d", id: entry.event.id, seq: entry.seq }],
  };
}

async function firstBatch<T>(batches: AsyncIterable<Batch<T>>): Promise<Batch<T>> {
  for await (const batch of batches) return batch;
  throw new Error("the log ended");
}

async function factsOf(bus: Bus, group = "test"): Promise<readonly Fact[]> {
  await bus.facts(group).begin("oldest");
  const lag = await bus.facts(group).lag();
  if (lag.entries === 0) return [];
  const batch = await firstBatch(bus.facts(group).batches({ max: 1000, signal: never }));
  return batch.entries.flatMap((chunk) => JSON.parse(chunk.json) as Fact[]);
}

/** The suite that every driver passes. `survives: false` leaves out what needs a restart, with the reason in its name. */
export function describeBus(driver: string, harness: BusHarness, options: { readonly survives: boolean }): void {
  describe(`${driver} bus`, () => {
    const opened: OpenBuses[] = [];
    const open = async (
      more: Partial<Parameters<BusHarness["open"]>[0]> = {},
    ): Promise<{
      readonly bus: Bus & { retain(): Promise<void> };
      readonly buses: OpenBuses;
      readonly clock: VirtualClock;
    }> => {
      const clock = more.clock ?? new VirtualClock();
      const buses = await harness.open({ ...more, clock });
      opened.push(buses);
      return { bus: buses.bus("default", "default"), buses, clock };
    };
    const close = async (buses: OpenBuses): Promise<void> => {
      opened.splice(opened.indexOf(buses), 1);
      await buses[Symbol.asyncDispose]();
    };
    afterEach(async () => {
      while (opened.length > 0) await opened.pop()?.[Symbol.asyncDispose]();
      await harness.clear();
    });
    /** Publishes and returns the entries as a reader sees them. */
    const entries = async (bus: Bus, count: number): Promise<readonly LogEntry[]> => {
      await bus.events("entries").begin("oldest");
      await bus.publish({ events: Array.from({ length: count }, (_, n) => made(id(n))) }, never);
      return (await firstBatch(bus.events("entries").batches({ max: count, signal: never }))).entries;
    };

    describe("publish", () => {
      it("gives a receipt for each event, in order", async () => {
        const { bus } = await open();
        const receipts = await bus.publish({ events: [made(id(1)), made(id(2))] }, never);
        expect(receipts).toEqual([
          { id: id(1), outcome: "stored" },
          { id: id(2), outcome: "stored" },
        ]);
      });

      it("answers duplicate for an id that it has, in one call, in calls at once and later", async () => {
        const { bus } = await open();
        const [one, two] = await Promise.all([
          bus.publish({ events: [made(id(1)), made(id(1))] }, never),
          bus.publish({ events: [made(id(1))] }, never),
        ]);
        const three = await bus.publish({ events: [made(id(1))] }, never);
        expect([...one, ...two, ...three].map((receipt) => receipt.outcome)).toEqual([
          "stored",
          "duplicate",
          "duplicate",
          "duplicate",
        ]);
        expect((await factsOf(bus)).map((fact) => (fact.k === "receipt" ? fact.outcome : fact.k))).toEqual([
          "stored",
          "duplicate",
          "duplicate",
          "duplicate",
        ]);
      });

      it("takes the same id again as a new occurrence once its dedup window has ended", async () => {
        const { bus } = await open();
        await bus.publish({ events: [made(id(1))] }, never);
        await bus.endDedup([id(1)], 5_000);
        const [within] = await bus.publish({ events: [made(id(1), { receivedUs: 4_999 })] }, never);
        const [beyond] = await bus.publish({ events: [made(id(1), { receivedUs: 5_001 })] }, never);
        expect(within).toEqual({ id: id(1), outcome: "duplicate" });
        expect(beyond?.outcome).toBe("stored");
        expect(beyond?.id).toMatch(/^[0-9a-f]{32}$/);
        expect(beyond?.id).not.toBe(id(1));
        const [again] = await bus.publish({ events: [made(id(1), { receivedUs: 5_002 })] }, never);
        expect(again).toEqual({ id: beyond?.id, outcome: "duplicate" });
      });

      it("finds a later occurrence by the id that its receipt has", async () => {
        const { bus } = await open();
        const [first] = await entries(bus, 1);
        await bus.endDedup([id(0)], 5_000);
        const [later] = await bus.publish({ events: [made(id(0), { receivedUs: 5_001 })] }, never);
        expect(await bus.seqOf(later?.id ?? "")).toBeGreaterThan((first as LogEntry).seq);
      });

      it("refuses an event over the size limit with a reason, and keeps the others of the call", async () => {
        const { bus } = await open({ maxEventBytes: 100 });
        const receipts = await bus.publish({ events: [made(id(1), { data: "x".repeat(200) }), made(id(2))] }, never);
        expect(receipts.map((receipt) => receipt.outcome)).toEqual(["refused", "stored"]);
        expect(receipts[0]?.reason).toContain("maxEventBytes 100");
      });

      it("keeps the bytes of the data, extensions and times as they came", async () => {
        const { bus } = await open();
        const data = Buffer.from('{ "big": 12345678901234567890,\n "é": "\\u0000" }');
        await bus.events("g").begin("oldest");
        await bus.publish(
          {
            events: [
              {
                event: { ...event(id(1)), data, extensions: { senttime: "x" } },
                receivedUs: 7,
                sentUs: 3,
                dedup: false,
              },
            ],
          },
          never,
        );
        const batch = await firstBatch(bus.events("g").batches({ max: 10, signal: never }));
        expect(Buffer.from(batch.entries[0]?.event.data ?? []).equals(data)).toBe(true);
        expect(batch.entries[0]).toMatchObject({ receivedUs: 7, sentUs: 3, event: { extensions: { senttime: "x" } } });
      });

      it("says no when its size is filled by events that are still needed, and yes again when they are not", async () => {
        const { bus } = await open({ maxBytes: 20_000 });
        await bus.events("slow").begin("oldest");
        const publish = (n: number) => bus.publish({ events: [made(id(n), { data: "x".repeat(1000) })] }, never);
        const stored: number[] = [];
        const refusal = await (async () => {
          for (let n = 1; n < 100; n++) {
            try {
              await publish(n);
              stored.push(n);
            } catch (error) {
              return error;
            }
          }
          return undefined;
        })();
        expect(isTide(refusal, "BUS_FULL")).toBe(true);
        expect(bus.stats().warning).toContain("full");
        const batch = await firstBatch(bus.events("slow").batches({ max: 1000, signal: never }));
        expect(batch.entries).toHaveLength(stored.length);
        await batch.commit({});
        await expect(publish(1000)).resolves.toMatchObject([{ outcome: "stored" }]);
      });
    });

    describe("log", () => {
      it("hands entries in order, once per group, and waits at the end for more", async () => {
        const { bus } = await open();
        await bus.events("a").begin("oldest");
        const seen: string[] = [];
        const stop = new AbortController();
        const reader = (async () => {
          for await (const batch of bus.events("a").batches({ max: 2, signal: stop.signal })) {
            for (const entry of batch.entries) seen.push(entry.event.id);
            await batch.commit({});
            if (seen.length === 5) stop.abort();
          }
        })();
        for (let n = 1; n <= 5; n++) await bus.publish({ events: [made(id(n))] }, never);
        await reader;
        expect(seen).toEqual([1, 2, 3, 4, 5].map(id));
      });

      it("lets a group at the end of the log take new entries in their own commit, and hands it the others", async (cx) => {
        const { bus } = await open();
        const log = bus.events("g");
        if (log.join === undefined) return cx.skip("the driver has no join");
        await log.begin("oldest");
        let willing = true;
        const taken: number[] = [];
        const kept: number[] = [];
        const joined = log.join((entries) => {
          if (!willing) return undefined;
          taken.push(...entries.map(({ seq }) => seq));
          return {
            step: { firings: entries.map((entry) => firing(100 + entry.seq, entry)) },
            kept: () => kept.push(...entries.map(({ seq }) => seq)),
            failed: () => undefined,
          };
        });
        await bus.publish({ events: [made(id(1)), made(id(2))] }, never);
        expect({ taken, kept, place: await log.place() }).toEqual({ taken: [1, 2], kept: [1, 2], place: 2 });
        expect(await bus.queue("s/t").firingsOf(id(2))).toEqual([id(102)]);
        willing = false;
        await bus.publish({ events: [made(id(3))] }, never);
        willing = true;
        // it has not read all before them
        await bus.publish({ events: [made(id(4))] }, never);
        expect(taken).toEqual([1, 2]);
        const batch = await firstBatch(log.batches({ max: 10, signal: never }));
        expect(batch.entries.map(({ seq }) => seq)).toEqual([3, 4]);
        await batch.commit({});
        await bus.publish({ events: [made(id(5))] }, never);
        expect(taken).toEqual([1, 2, 5]);
        joined[Symbol.dispose]();
        await bus.publish({ events: [made(id(6))] }, never);
        expect({ taken, kept }).toEqual({ taken: [1, 2, 5], kept: [1, 2, 5] });
      });

      it("begins a new group at the newest entry unless told otherwise", async () => {
        const { bus } = await open();
        await bus.publish({ events: [made(id(1))] }, never);
        const place = await bus.events("late").begin("new");
        await bus.publish({ events: [made(id(2))] }, never);
        const batch = await firstBatch(bus.events("late").batches({ max: 10, signal: never }));
        expect(batch.afterSeq).toBe(place);
        expect(batch.entries.map((entry) => entry.event.id)).toEqual([id(2)]);
        expect(await bus.events("late").begin("oldest")).toBe(place);
      });

      it("ends at the abort, also while it waits", async () => {
        const { bus } = await open();
        const stop = new AbortController();
        const reader = (async () => {
          for await (const _ of bus.events("a").batches({ max: 1, signal: stop.signal }))
            throw new Error("nothing to read");
        })();
        stop.abort();
        await reader;
      });

      it("tells how far a group is behind", async () => {
        const { bus } = await open();
        await bus.events("a").begin("oldest");
        await bus.publish({ events: [made(id(1), { receivedUs: 42 }), made(id(2))] }, never);
        expect(await bus.events("a").lag()).toEqual({ entries: 2, oldestUs: 42 });
        await (await firstBatch(bus.events("a").batches({ max: 10, signal: never }))).commit({});
        expect(await bus.events("a").lag()).toEqual({ entries: 0, oldestUs: undefined });
      });

      it("finds an event by its place and by its id", async () => {
        const { bus } = await open();
        const [first] = await entries(bus, 1);
        expect((await bus.event(first?.seq ?? -1))?.event.id).toBe(id(0));
        expect(await bus.seqOf(id(0))).toBe(first?.seq);
        expect(await bus.seqOf(id(77))).toBeUndefined();
      });

      it("reads entries after a place without a group, in order", async () => {
        const { bus } = await open();
        const all = await entries(bus, 5);
        const read = async (afterSeq: number, max: number) =>
          (await bus.entries({ afterSeq, max })).map(({ event }) => event.id);
        expect(await read(0, 10)).toEqual(all.map(({ event }) => event.id));
        expect(await read(all[1]?.seq ?? 0, 2)).toEqual([id(2), id(3)]);
        expect(await read(all[4]?.seq ?? 0, 2)).toEqual([]);
      });

      it("keeps namespaces and buses apart", async () => {
        const { buses, bus } = await open();
        const other = buses.bus("team", "default");
        await other.events("g").begin("oldest");
        await bus.events("g").begin("oldest");
        await bus.publish({ events: [made(id(1))] }, never);
        await other.publish({ events: [made(id(1)), made(id(2))] }, never);
        expect((await bus.events("g").lag()).entries).toBe(1);
        expect((await other.events("g").lag()).entries).toBe(2);
      });
    });

    describe("commit", () => {
      it("moves the place and keeps state, firings and facts together", async () => {
        const { bus } = await open();
        await bus.events("g").begin("oldest");
        await bus.publish({ events: [made(id(1))] }, never);
        const batch = await firstBatch(bus.events("g").batches({ max: 10, signal: never }));
        const entry = batch.entries[0] as LogEntry;
        await batch.commit({
          state: [{ store: "sensors", key: "s/t", value: Buffer.from("waiting") }],
          firings: [firing(9, entry)],
          facts: [{ k: "firing", firing: id(9), state: "pending", atUs: 1 }],
        });
        expect((await bus.state("sensors").get("s/t"))?.toString()).toBe("waiting");
        expect((await bus.events("g").lag()).entries).toBe(0);
        const [claimed] = await bus.queue("s/t").claim({ max: 10, signal: never });
        expect(claimed).toMatchObject({ id: id(9), attempts: 0, loaded: [{ dependency: "d", event: { id: id(1) } }] });
        expect((await factsOf(bus)).map((fact) => fact.k)).toEqual(["stored", "firing"]);
      });

      it("lists state by prefix, in key order, and forgets what is deleted", async () => {
        const { bus } = await open();
        const state = bus.state("plans");
        for (const key of ["a/2", "a/1", "b/1"]) await state.put(key, Buffer.from(key));
        await state.delete("a/2");
        await bus.state("other").put("a/9", Buffer.from("x"));
        const found: string[] = [];
        for await (const [key, value] of state.list("a/")) found.push(`${key}=${Buffer.from(value).toString()}`);
        expect(found).toEqual(["a/1=a/1"]);
      });

      it("moves and drops places of other groups", async () => {
        const { bus } = await open();
        await bus.publish({ events: [made(id(1)), made(id(2))] }, never);
        await bus.commit({ places: [{ group: "x", seq: 1 }] });
        expect(await bus.events("x").place()).toBe(1);
        await bus.commit({ places: [{ group: "x", seq: null }] });
        expect(await bus.events("x").place()).toBeUndefined();
      });
    });

    describe("queue", () => {
      it("gives a claimed firing to nobody else until it is released", async () => {
        const { bus } = await open();
        const [entry] = await entries(bus, 1);
        await bus.commit({ firings: [firing(1, entry as LogEntry), firing(2, entry as LogEntry)] });
        const queue = bus.queue("s/t");
        const [one] = await queue.claim({ max: 1, signal: never });
        const [two] = await queue.claim({ max: 5, signal: never });
        expect([one?.id, two?.id]).toEqual([id(1), id(2)]);
        expect(queue.depth()).toEqual({ pending: 0, running: 2 });
        queue.release([id(1)]);
        expect((await queue.claim({ max: 5, signal: never })).map((claimed) => claimed.id)).toEqual([id(1)]);
      });

      it("gives a released firing not before the time that was said, untouched", async () => {
        const { bus, clock } = await open();
        const [entry] = await entries(bus, 1);
        await bus.commit({ firings: [firing(1, entry as LogEntry), firing(2, entry as LogEntry)] });
        const queue = bus.queue("s/t");
        const [one] = await queue.claim({ max: 1, signal: never });
        queue.release([one?.id ?? ""], (clock.nowMs() + 5_000) * 1000);
        expect((await queue.claim({ max: 5, signal: never })).map((claimed) => claimed.id)).toEqual([id(2)]);
        const later = queue.claim({ max: 5, signal: never });
        await clock.advance(4_999);
        expect(queue.depth()).toEqual({ pending: 1, running: 1 });
        await clock.advance(1);
        expect(await later).toEqual([one]);
      });

      it("waits for work, and ends with nothing at the abort", async () => {
        const { bus } = await open();
        const [entry] = await entries(bus, 1);
        const stop = new AbortController();
        const claim = bus.queue("s/t").claim({ max: 1, signal: stop.signal });
        await bus.commit({ firings: [firing(1, entry as LogEntry)] });
        expect((await claim).map((claimed) => claimed.id)).toEqual([id(1)]);
        const empty = bus.queue("s/t").claim({ max: 1, signal: stop.signal });
        stop.abort();
        expect(await empty).toEqual([]);
      });

      it("holds a retried firing back until it is due, while others go on", async () => {
        const { bus, clock } = await open();
        const [entry] = await entries(bus, 1);
        const queue = bus.queue("s/t");
        await bus.commit({ firings: [firing(1, entry as LogEntry), firing(2, entry as LogEntry)] });
        await queue.claim({ max: 1, signal: never });
        await queue.settle([{ id: id(1), outcome: { retryAtUs: (clock.nowMs() + 5_000) * 1000 }, facts: [] }]);
        const [next] = await queue.claim({ max: 5, signal: never });
        expect(next?.id).toBe(id(2));
        const later = queue.claim({ max: 5, signal: never });
        await clock.advance(4_999);
        expect(queue.depth().pending).toBe(1);
        await clock.advance(1);
        expect(await later).toMatchObject([{ id: id(1), attempts: 1 }]);
      });

      it("with serial gives one at a time, and a retry holds those behind it", async () => {
        const { bus, clock } = await open();
        const [entry] = await entries(bus, 1);
        const queue = bus.queue("s/t");
        const claim = () => queue.claim({ max: 5, serial: true, signal: never });
        await bus.commit({ firings: [1, 2, 3].map((n) => firing(n, entry as LogEntry)) });
        expect((await claim()).map((claimed) => claimed.id)).toEqual([id(1)]);
        await queue.settle([{ id: id(1), outcome: { retryAtUs: (clock.nowMs() + 1_000) * 1000 }, facts: [] }]);
        const second = claim();
        await clock.advance(1_000);
        expect((await second).map((claimed) => claimed.id)).toEqual([id(1)]);
        await queue.settle([{ id: id(1), outcome: "done", facts: [] }]);
        expect((await claim()).map((claimed) => claimed.id)).toEqual([id(2)]);
      });

      it("keeps a backlog larger than its memory in order, none lost and none twice", async () => {
        const { bus } = await open();
        const [entry] = await entries(bus, 1);
        const queue = bus.queue("s/t");
        const count = 3_000;
        for (let from = 0; from < count; from += 500) {
          await bus.commit({ firings: Array.from({ length: 500 }, (_, n) => firing(from + n, entry as LogEntry)) });
        }
        const seen: string[] = [];
        while (seen.length <= count) {
          const claimed = await queue.claim({ max: 64, signal: never });
          for (const one of claimed) seen.push(one.id);
          await queue.settle(claimed.map((one) => ({ id: one.id, outcome: "done" as const, facts: [] })));
          if (seen.length === 1_024) await bus.commit({ firings: [firing(count, entry as LogEntry)] });
        }
        expect(seen).toEqual(Array.from({ length: count + 1 }, (_, n) => id(n)));
      });

      it("keeps queues apart and knows their names", async () => {
        const { bus } = await open();
        const [entry] = await entries(bus, 1);
        await bus.commit({
          firings: [firing(1, entry as LogEntry, { queue: "a" }), firing(2, entry as LogEntry, { queue: "b" })],
        });
        expect((await bus.queue("b").claim({ max: 5, signal: never })).map((one) => one.id)).toEqual([id(2)]);
        expect([...(await bus.queues())].sort()).toEqual(["a", "b"]);
        expect(await bus.queue("a").firingsOf(id(0))).toEqual([id(1)]);
        expect(await bus.queue("a").firingsOf(id(5))).toEqual([]);
      });

      it("keeps what died with its events and reason, to be retried under the same or a new id, or dropped", async () => {
        const { bus } = await open();
        const [entry] = await entries(bus, 1);
        const queue = bus.queue("s/t");
        await bus.commit({ firings: [1, 2, 3].map((n) => firing(n, entry as LogEntry)) });
        await queue.claim({ max: 5, signal: never });
        const dead = { code: "TM4001", message: "no", atUs: 5 };
        await queue.settle([1, 2, 3].map((n) => ({ id: id(n), outcome: { dead }, facts: [] })));
        expect(queue.dead().count()).toBe(3);
        expect(await queue.dead().get(id(2))).toMatchObject({
          reason: dead,
          firing: { attempts: 1 },
          events: [{ dependency: "d", event: { id: id(0) } }],
        });
        expect((await queue.dead().list({ limit: 2 })).map((letter) => letter.firing.id)).toEqual([id(1), id(2)]);
        expect((await queue.dead().list({ after: id(2) })).map((letter) => letter.firing.id)).toEqual([id(3)]);
        expect(await queue.dead().retry(id(1), { dueUs: 0, facts: [] })).toBe(true);
        expect(await queue.dead().retry(id(2), { dueUs: 0, newId: id(20), facts: [] })).toBe(true);
        expect(await queue.dead().drop(id(3), [])).toBe(true);
        expect(await queue.dead().drop(id(3), [])).toBe(false);
        expect(queue.dead().count()).toBe(0);
        const retried = { rounds: 1, last: dead };
        expect(await queue.claim({ max: 5, signal: never })).toMatchObject([
          { id: id(1), attempts: 0, retried, loaded: [{ event: { id: id(0) } }] },
          { id: id(20), attempts: 0, retried },
        ]);
        const again = { ...dead, status: "500", atUs: 6 };
        await queue.settle([{ id: id(20), outcome: { dead: again }, facts: [] }]);
        expect(await queue.dead().get(id(20))).toMatchObject({ reason: again, firing: { attempts: 1, retried } });
        await queue.dead().retry(id(20), { dueUs: 0, by: "op", facts: [] });
        expect(await queue.claim({ max: 5, signal: never })).toMatchObject([
          { id: id(20), retried: { rounds: 2, last: again, by: "op" } },
        ]);
      });

      it("changes a dead letter once, though many ask at the same time", async () => {
        const { bus } = await open();
        const [entry] = await entries(bus, 1);
        const queue = bus.queue("s/t");
        await bus.commit({ firings: [1, 2].map((n) => firing(n, entry as LogEntry)) });
        await queue.claim({ max: 5, signal: never });
        const dead = { code: "TM4001", message: "no", atUs: 5 };
        await queue.settle([1, 2].map((n) => ({ id: id(n), outcome: { dead }, facts: [] })));
        const letters = queue.dead();
        const retries = [1, 2, 3].map(() => letters.retry(id(1), { dueUs: 0, facts: [] }));
        expect(await Promise.all([...retries, letters.drop(id(1), [])])).toEqual([true, false, false, false]);
        const successor = { firing: firing(7, entry as LogEntry), facts: [] };
        const both = [letters.succeed(id(2), { ...successor, drop: false }), letters.drop(id(2), [])];
        expect(await Promise.all(both)).toEqual([true, false]);
        expect(await letters.get(id(2))).toMatchObject({ reason: dead, firing: { successor: id(7) } });
        expect(await queue.claim({ max: 5, signal: never })).toMatchObject([{ id: id(1) }, { id: id(7) }]);
        const firing8 = firing(8, entry as LogEntry);
        expect(await letters.succeed(id(2), { firing: firing8, drop: true, facts: [] })).toBe(true);
        expect([letters.count(), await letters.get(id(2))]).toEqual([0, undefined]);
      });

      it("writes a dead firing and the one that its death makes in one commit", async () => {
        const { bus } = await open();
        const [entry] = await entries(bus, 1);
        await bus.commit({ firings: [firing(1, entry as LogEntry)] });
        await bus.queue("s/t").claim({ max: 1, signal: never });
        await bus.queue("s/t").settle([
          {
            id: id(1),
            outcome: { dead: { code: "c", message: "m", atUs: 1 } },
            facts: [],
            firings: [{ ...firing(2, entry as LogEntry, { queue: "s/t/dlq" }), parent: id(1) }],
          },
        ]);
        expect(await bus.queue("s/t/dlq").claim({ max: 1, signal: never })).toMatchObject([
          { id: id(2), parent: id(1) },
        ]);
      });
    });

    describe("retention", () => {
      it("takes what is old, with its dedup entry, and only what everybody has read", async () => {
        const { bus, clock } = await open({ maxAgeMs: 1_000 });
        await bus.events("g").begin("oldest");
        const nowUs = clock.nowMs() * 1000;
        await bus.publish({ events: [made(id(1), { receivedUs: nowUs }), made(id(2), { receivedUs: nowUs })] }, never);
        await clock.advance(2_000);
        await bus.retain();
        expect((await bus.events("g").lag()).entries).toBe(2);
        await (await firstBatch(bus.events("g").batches({ max: 10, signal: never }))).commit({});
        await bus.retain();
        expect(await bus.seqOf(id(1))).toBeUndefined();
        const [again] = await bus.publish({ events: [made(id(1), { receivedUs: nowUs })] }, never);
        expect(again?.outcome).toBe("stored");
      });

      it("knows a later occurrence of an id for as long as that is kept, not as long as the first", async () => {
        const { bus, clock } = await open({ maxAgeMs: 1_000 });
        await bus.events("g").begin("oldest");
        const read = async (): Promise<void> =>
          (await firstBatch(bus.events("g").batches({ max: 10, signal: never }))).commit({});
        const nowUs = (): number => clock.nowMs() * 1000;
        await bus.publish({ events: [made(id(1), { receivedUs: nowUs() })] }, never);
        await bus.endDedup([id(1)], nowUs());
        await clock.advance(900);
        const [later] = await bus.publish({ events: [made(id(1), { receivedUs: nowUs() })] }, never);
        await read();
        await clock.advance(200);
        await bus.retain();
        const [again] = await bus.publish({ events: [made(id(1), { receivedUs: nowUs() })] }, never);
        expect(again).toEqual({ id: later?.id, outcome: "duplicate" });
        await clock.advance(2_000);
        await bus.retain();
        expect(await bus.seqOf(later?.id ?? "")).toBeUndefined();
        expect(await bus.seqOf(id(1))).toBeUndefined();
      });

      it("keeps an event that a live firing needs", async () => {
        const { bus, clock } = await open({ maxAgeMs: 1_000 });
        const [entry] = await entries(bus, 1);
        await bus.commit({
          firings: [firing(1, entry as LogEntry)],
          places: [{ group: "entries", seq: (entry as LogEntry).seq }],
        });
        await clock.advance(10_000);
        await bus.retain();
        const [claimed] = await bus.queue("s/t").claim({ max: 1, signal: never });
        expect(claimed?.loaded).toHaveLength(1);
        await bus.queue("s/t").settle([{ id: id(1), outcome: "done", facts: [] }]);
        await bus.retain();
        expect(await bus.seqOf(id(0))).toBeUndefined();
      });
    });

    describeKeyOrder(harness, options);

    if (options.survives) {
      describe("restart", () => {
        it("finds events, places, state, firings with their attempts, and dead letters again", async () => {
          const { bus, buses, clock } = await open();
          const [first] = await entries(bus, 3);
          const queue = bus.queue("s/t");
          await bus.commit({
            state: [{ store: "st", key: "k", value: Buffer.from("v") }],
            firings: [1, 2, 3].map((n) => firing(n, first as LogEntry)),
            places: [{ group: "g", seq: (first as LogEntry).seq }],
          });
          await queue.claim({ max: 3, signal: never });
          await queue.settle([
            { id: id(1), outcome: { retryAtUs: clock.nowMs() * 1000 }, facts: [] },
            { id: id(2), outcome: { dead: { code: "c", message: "m", atUs: 1 } }, facts: [] },
          ]);
          await close(buses);
          const again = await open({ clock });
          expect((await again.bus.events("g").lag()).entries).toBe(2);
          expect((await again.bus.state("st").get("k"))?.toString()).toBe("v");
          const claimed = await again.bus.queue("s/t").claim({ max: 5, signal: never });
          expect(claimed.map((one) => [one.id, one.attempts, one.loaded.length])).toEqual([
            [id(1), 1, 1],
            [id(3), 0, 1],
          ]);
          expect(again.bus.queue("s/t").dead().count()).toBe(1);
          expect((await again.bus.publish({ events: [made(id(0))] }, never))[0]?.outcome).toBe("duplicate");
        });

        it("never gives a place twice, also when all events were taken by retention", async () => {
          const { bus, buses, clock } = await open({ maxAgeMs: 1 });
          const [first] = await entries(bus, 1);
          await bus.commit({ places: [{ group: "entries", seq: (first as LogEntry).seq }] });
          await clock.advance(10);
          await bus.retain();
          expect(await bus.seqOf(id(0))).toBeUndefined();
          await close(buses);
          const again = await open({ clock });
          await again.bus.publish({ events: [made(id(50))] }, never);
          expect(await again.bus.seqOf(id(50))).toBeGreaterThan((first as LogEntry).seq);
        });
      });
    }
  });
}
