import { expect, test } from "vitest";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { numberedEvent } from "../event-testing.ts";
import { Committer } from "./committer.ts";
import { EmbeddedBus } from "./embedded-bus.ts";
import { textKey } from "./keys.ts";
import { createMemoryStore } from "./memory-store.ts";

const never = new AbortController().signal;

/** A bus whose commits fail while `broken` says so. */
function busOn(disk: { broken: boolean }): EmbeddedBus {
  const memory = createMemoryStore();
  const store = {
    ...memory,
    commit: (writes: Parameters<typeof memory.commit>[0]) =>
      disk.broken ? Promise.reject(new Error("the disk is gone")) : memory.commit(writes),
  };
  return new EmbeddedBus({
    store,
    committer: new Committer(store),
    space: undefined,
    name: { number: 1, nameKey: textKey(1, "name"), named: false },
    options: {
      clock: new VirtualClock(),
      facts: true,
      limits: { maxBytes: 1e9, maxAgeMs: 1e9 },
      maxEventBytes: 1e6,
    },
  });
}

test("what a group took is taken back when the commit fails, and taken again when the events come again", async () => {
  const disk = { broken: false };
  const bus = busOn(disk);
  await bus.events("g").begin("oldest");
  const told: string[] = [];
  using _ = bus.events("g").join?.((entries) => {
    const ids = entries.map(({ event }) => Number.parseInt(event.id, 16)).join();
    told.push(`taken ${ids}`);
    return {
      step: {},
      kept: () => void told.push(`kept ${ids}`),
      failed: () => void told.push(`failed ${ids}`),
    };
  });
  disk.broken = true;
  await expect(bus.publish({ events: [numberedEvent(1)] }, never)).rejects.toThrow("the disk is gone");
  disk.broken = false;
  expect(await bus.events("g").place()).toBe(0);
  await bus.publish({ events: [numberedEvent(1)] }, never);
  expect(told).toEqual(["taken 1", "failed 1", "taken 1", "kept 1"]);
  expect(await bus.events("g").lag()).toMatchObject({ entries: 0 });
});

test("a group that cannot take an event now gets it by its batches, and the event is kept", async () => {
  const bus = busOn({ broken: false });
  await bus.events("g").begin("oldest");
  using _ = bus.events("g").join?.(() => {
    throw new Error("a fault of the reader");
  });
  expect(await bus.publish({ events: [numberedEvent(1)] }, never)).toMatchObject([{ outcome: "stored" }]);
  for await (const batch of bus.events("g").batches({ max: 10, signal: never })) {
    expect(batch.entries).toHaveLength(1);
    break;
  }
});

test("a publication that cannot be written makes no duplicate of its ids in the same commit", async () => {
  const bus = busOn({ broken: false });
  const unwritable = Object.defineProperty({}, "x", {
    enumerable: true,
    get: () => {
      throw new Error("no text of this");
    },
  });
  const { event, ...rest } = numberedEvent(2);
  const broken = { ...rest, event: { ...event, extensions: unwritable } };
  const bad = bus.publish({ events: [numberedEvent(1), broken] }, never);
  const good = bus.publish({ events: [numberedEvent(1)] }, never);
  await expect(bad).rejects.toThrow("no text of this");
  expect(await good).toMatchObject([{ outcome: "stored" }]);
});
