import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { Bus, Claimed, NewFiring } from "../bus.ts";
import type { BusHarness, OpenBuses } from "../conformance.ts";

const never = new AbortController().signal;

/** `a1` is the firing 1 of key a; `-1` has no key. */
function firing(name: string): NewFiring {
  const key = name.slice(0, 1);
  const { length } = name;
  return {
    queue: "s/t",
    id: name,
    dueUs: 0,
    madeUs: 0,
    revision: "r1",
    sensor: "s",
    trigger: "t",
    events: [{ dependency: "d", id: `e${length}`, seq: 0 }],
    ...(key === "-" ? {} : { orderKey: key }),
  };
}

const done = (name: string) => ({ id: name, outcome: "done", facts: [] }) as const;
const dead = (name: string) => ({ id: name, outcome: { dead: { code: "c", message: "m", atUs: 1 } }, facts: [] });
const names = (claimed: readonly Claimed[]) => claimed.map((one) => one.id);

/** The part of the suite about `orderKey`. */
export function describeKeyOrder(harness: BusHarness, options: { readonly survives: boolean }): void {
  describe("firings with an order key", () => {
    const opened: OpenBuses[] = [];
    const open = async (clock = new VirtualClock()): Promise<{ readonly bus: Bus; readonly clock: VirtualClock }> => {
      const buses = await harness.open({ clock });
      opened.push(buses);
      return { bus: buses.bus("default", "default"), clock };
    };
    const close = async (): Promise<void> => {
      while (opened.length > 0) await opened.pop()?.[Symbol.asyncDispose]();
    };
    const make = (bus: Bus, ...all: readonly string[]) => bus.commit({ firings: all.map(firing) });
    const claim = async (bus: Bus, max = 50) => names(await bus.queue("s/t").claim({ max, signal: never }));
    /** What can be claimed now: nothing, where a claim would wait. */
    const ready = async (bus: Bus, clock: VirtualClock): Promise<readonly string[]> => {
      const stop = new AbortController();
      const claimed = bus.queue("s/t").claim({ max: 50, signal: stop.signal });
      await clock.advance(0);
      stop.abort();
      return names(await claimed);
    };
    afterEach(async () => {
      await close();
      await harness.clear();
    });

    it("run one after the other within a key; other keys and none at all go on", async () => {
      const { bus, clock } = await open();
      await make(bus, "a1", "a2", "b1", "-1", "a3", "b2", "-2");
      expect(await claim(bus)).toEqual(["a1", "b1", "-1", "-2"]);
      expect(await ready(bus, clock)).toEqual([]);
      await bus.queue("s/t").settle([done("a1")]);
      expect(await ready(bus, clock)).toEqual(["a2"]);
      await bus.queue("s/t").settle([done("b1"), done("a2")]);
      expect((await ready(bus, clock)).toSorted()).toEqual(["a3", "b2"]);
    });

    it("wait while the first of their key is retried, and go on when it is dead", async () => {
      const { bus, clock } = await open();
      const queue = bus.queue("s/t");
      await make(bus, "a1", "a2", "b1");
      await claim(bus);
      await queue.settle([{ id: "a1", outcome: { retryAtUs: (clock.nowMs() + 5_000) * 1000 }, facts: [] }, done("b1")]);
      await make(bus, "b2");
      expect(await ready(bus, clock)).toEqual(["b2"]);
      const retried = claim(bus);
      await clock.advance(5_000);
      expect(await retried).toEqual(["a1"]);
      await queue.settle([dead("a1")]);
      expect(await ready(bus, clock)).toEqual(["a2"]);
    });

    it("keep their turn when they are released", async () => {
      const { bus, clock } = await open();
      await make(bus, "a1", "a2");
      await claim(bus);
      bus.queue("s/t").release(["a1"]);
      expect(await ready(bus, clock)).toEqual(["a1"]);
    });

    it("have lost their turn once dead: tried again, they just run", async () => {
      const { bus, clock } = await open();
      const queue = bus.queue("s/t");
      await make(bus, "a1", "a2", "a3");
      await claim(bus);
      await queue.settle([dead("a1")]);
      expect(await claim(bus)).toEqual(["a2"]);
      await queue.dead().retry("a1", { dueUs: 0, facts: [] });
      expect(await ready(bus, clock)).toEqual(["a1"]);
      await queue.settle([done("a1")]);
      expect(await ready(bus, clock)).toEqual([]);
    });

    it("hold up nobody, however many wait behind one", async () => {
      const { bus, clock } = await open();
      const count = 6_000;
      for (let from = 0; from < count; from += 1_000)
        await make(bus, ...Array.from({ length: 1_000 }, (_, n) => `a${from + n}`));
      await make(bus, "b1");
      expect(await claim(bus, 1)).toEqual(["a0"]);
      expect(await claim(bus)).toEqual(["b1"]);
      for (let n = 0; n < 3; n++) {
        await bus.queue("s/t").settle([done(`a${n}`)]);
        expect(await ready(bus, clock)).toEqual([`a${n + 1}`]);
      }
      expect(bus.queue("s/t").depth()).toEqual({ pending: count - 4, running: 2 });
    });

    it("are never two of a key at once, and start in the order in which they were made", async () => {
      const step = fc.oneof(
        fc.record({
          kind: fc.constant("make" as const),
          keys: fc.array(fc.constantFrom("a", "b", "-"), { maxLength: 4 }),
        }),
        fc.record({ kind: fc.constant("claim" as const), max: fc.integer({ min: 1, max: 3 }) }),
        fc.record({ kind: fc.constant("end" as const), at: fc.nat(5), how: fc.constantFrom("done", "dead", "retry") }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const { bus, clock } = await open();
          const queue = bus.queue("s/t");
          const running: string[] = [];
          const ended: string[] = [];
          let made = 0;
          const take = async (max: number): Promise<void> => {
            for (const name of (await ready(bus, clock)).slice(0, max)) running.push(name);
          };
          const end = async (name: string, how: string): Promise<void> => {
            running.splice(running.indexOf(name), 1);
            const retryAtUs = (clock.nowMs() + 1) * 1000;
            await queue.settle([
              how === "retry"
                ? { id: name, outcome: { retryAtUs }, facts: [] }
                : how === "dead"
                  ? dead(name)
                  : done(name),
            ]);
            if (how !== "retry") ended.push(name);
            await clock.advance(1);
          };
          for (const one of steps) {
            if (one.kind === "make") await make(bus, ...one.keys.map((key) => `${key}${++made}`));
            else if (one.kind === "claim") await take(50);
            else if (running.length > 0) await end(running[one.at % running.length] ?? "", one.how);
            for (const key of ["a", "b"]) expect(running.filter((name) => name.startsWith(key)).length).toBeLessThan(2);
          }
          for (let rounds = 0; ended.length < made && rounds < 500; rounds++) {
            await take(50);
            for (const name of [...running]) await end(name, "done");
          }
          expect(ended).toHaveLength(made);
          for (const key of ["a", "b"]) {
            const order = ended.filter((name) => name.startsWith(key)).map((name) => Number(name.slice(1)));
            expect(order).toEqual(order.toSorted((x, y) => x - y));
          }
          await close();
          await harness.clear();
        }),
        { numRuns: options.survives ? 8 : 60 },
      );
    });

    if (!options.survives) return;

    it("keep their order over a restart", async () => {
      const { bus, clock } = await open();
      await make(bus, "a1", "a2", "b1", "b2");
      await claim(bus);
      await bus
        .queue("s/t")
        .settle([{ id: "a1", outcome: { retryAtUs: (clock.nowMs() + 5_000) * 1000 }, facts: [] }, done("b1")]);
      await close();
      const again = await open(clock);
      expect(await ready(again.bus, clock)).toEqual(["b2"]);
      const retried = claim(again.bus);
      await clock.advance(5_000);
      expect(await retried).toEqual(["a1"]);
      await again.bus.queue("s/t").settle([done("a1")]);
      expect(await ready(again.bus, clock)).toEqual(["a2"]);
    });
  });
}
