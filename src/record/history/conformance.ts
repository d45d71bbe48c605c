import fc from "fast-check";
import { expect, test } from "vitest";
import { createReader } from "../sql/reader.ts";
import { type RetainCursor, retainBatch } from "../sql/retain.ts";
import type { Store } from "../sql/store.ts";
import { createWriter } from "../sql/writer.ts";
import { baseUs, chunk } from "../testing.ts";
import { chunksOf, sizes, steps, World } from "./testing.ts";

const bus = { namespace: "default", bus: "default" };

export interface HistoryHarness {
  /** How many histories. */
  readonly runs: number;
  /** Gives an empty store, and takes it back. */
  withStore(step: (store: Store) => Promise<void>): Promise<void>;
}

/** Any history that the stages could make, against a plain count of it. */
export function describeHistories({ runs, withStore }: HistoryHarness): void {
  test("the sums of any legal history are those of a plain count, however it is cut, applied and repeated", async () => {
    await fc.assert(
      fc.asyncProperty(steps, sizes, sizes, async (taken, chunkSizes, applySizes) => {
        const world = new World();
        for (const { what, choice } of taken) world.step(what, choice);
        const chunks = chunksOf(world.facts, chunkSizes);
        await withStore(async (store) => {
          const writer = createWriter(store);
          for (let at = 0, i = 0; at < chunks.length; i++) {
            const size = applySizes[i % applySizes.length] ?? 1;
            // from one before: what was applied comes again, as after a crash between the two commits
            await writer.apply(bus, chunks.slice(Math.max(at - 1, 0), at + size));
            at += size;
          }
          const { missing, ...sums } = await createReader(store).audit({});
          expect(missing).toEqual([]);
          expect(sums).toEqual(world.sums());
          // what retention leaves still adds up
          let after: RetainCursor | undefined;
          do after = (await retainBatch(store, baseUs + 20_000_000, after)).next;
          while (after !== undefined);
          expect((await createReader(store).audit({})).missing).toEqual([]);
        });
      }),
      { numRuns: runs },
    );
  });

  test("an event or an attempt that is left out of a history is found missing", async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), async (taken, which) => {
        const world = new World();
        for (const what of ["store", "store", "store", "decide", "decide", "decide"]) world.step(what, which);
        for (const { what, choice } of taken) world.step(what, choice);
        const lastSeq = world.facts.reduce((most, fact) => (fact.k === "decided" ? Math.max(most, fact.seq) : most), 0);
        const needed = world.facts.filter(
          (fact, at) =>
            (fact.k === "decided" &&
              fact.ended === undefined &&
              fact.only === undefined &&
              fact.seq > 1 &&
              fact.seq < lastSeq) ||
            (fact.k === "attempt" &&
              world.facts
                .slice(at + 1)
                .some((later) => later.k === "attempt" && later.firing === fact.firing && later.n > fact.n)),
        );
        const lost = needed[which % Math.max(needed.length, 1)];
        expect(lost).toBeDefined();
        await withStore(async (store) => {
          await createWriter(store).apply(bus, [chunk(1, ...world.facts.filter((fact) => fact !== lost))]);
          expect((await createReader(store).audit({})).missing).not.toEqual([]);
        });
      }),
      { numRuns: Math.ceil(runs / 2) },
    );
  });
}
