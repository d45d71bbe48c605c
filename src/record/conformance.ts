import { describe, expect, test } from "vitest";
import type { Fact } from "../lib/facts.ts";
import { type RecordHarness, recordOf } from "./harness/conformance.ts";
import { openRecord } from "./open.ts";
import { describeAnswers } from "./queries/conformance.ts";
import { describeTraces } from "./queries/trace-conformance.ts";
import { describeQueries } from "./query/conformance.ts";
import { describeKeeping } from "./sql/conformance.ts";
import { attempt, baseUs, chunk, decided, fired, receipt, stored } from "./testing.ts";

const bus = { namespace: "default", bus: "default" };

/** One suite for every database. */
export function describeRecord(harness: RecordHarness): void {
  describe(`the record in ${harness.name}`, () => {
    describeFacts(harness);
    describeKeeping(harness);
    describeAnswers(harness);
    describeTraces(harness);
    describeQueries(harness);
  });
}

/** Facts into rows. */
function describeFacts(harness: RecordHarness): void {
  test("an event that goes all the way is found with its decision, firing and attempts", async () => {
    await using record = await recordOf(
      harness,
      stored("e1", 1, { sentUs: baseUs }),
      decided("e1", 1, { filtered: 1, fired: [fired("f1", "t", [["a", "e1"]])] }),
      attempt("f1", 1, { outcome: "failed", code: "TM4001", error: "refused", state: "pending", dueUs: baseUs + 9 }),
      attempt("f1", 2, { status: "200" }),
    );
    const event = await record.event("e1");
    expect(event).toMatchObject({ id: "e1", seq: 1, source: "orders", receipt: "stored", matched: 2, filtered: 1 });
    expect(event).toMatchObject({ sentUs: baseUs, storedUs: baseUs + 1_002_000, decidedUs: baseUs + 1_003_000 });
    expect(event).toMatchObject({ nowMs: (baseUs + 1_003_000) / 1000, seed: 7, planSet: "plans", bytes: 5 });
    const history = await record.history("e1");
    expect(history.decisions).toMatchObject([
      { sensor: "s", trigger: "t", dependency: "a", decision: "fired", firing: "f1" },
    ]);
    expect(history.firings).toHaveLength(1);
    expect(history.firings[0]).toEqual(await record.firing("f1"));
    expect(history.firings[0]).toMatchObject({
      state: "done",
      dueUs: baseUs + 9,
      revision: "r1",
      events: [{ dependency: "a", event: "e1" }],
      attempts: [
        { n: 1, outcome: "failed", code: "TM4001", error: "refused" },
        { n: 2, outcome: "done", status: "200" },
      ],
    });
    expect(await record.event("nobody")).toBeUndefined();
    expect(await record.firing("nobody")).toBeUndefined();
  });

  test("a chunk that comes again is applied once, also after a restart and in parts", async () => {
    const url = await harness.fresh();
    const chunks = [
      chunk(3, stored("e1", 1), receipt("e1", "duplicate")),
      chunk(4, decided("e1", 1, { fired: [fired("f1", "t", [["a", "e1"]])] })),
      chunk(7, attempt("f1", 1)),
    ];
    let before: unknown;
    {
      await using record = await openRecord(url);
      expect(await record.place(bus)).toBe(0);
      await record.apply(bus, chunks.slice(0, 2));
      await record.apply(bus, chunks.slice(0, 2));
      expect(await record.place(bus)).toBe(4);
    }
    {
      await using record = await openRecord(url);
      expect(await record.place(bus)).toBe(4);
      await record.apply(bus, chunks);
      expect(await record.place(bus)).toBe(7);
      before = [await record.audit({}), await record.event("e1"), await record.history("e1")];
      await record.apply(bus, chunks);
      expect([await record.audit({}), await record.event("e1"), await record.history("e1")]).toEqual(before);
      expect(await record.audit({})).toMatchObject({
        receipts: { stored: 1, duplicate: 1 },
        decisions: { fired: 1 },
        firings: { done: 1 },
        missing: [],
      });
    }
  });

  test("the fact log of a new data folder is counted from its start, in the record of an old one", async () => {
    await using record = await openRecord(await harness.fresh());
    await record.apply(bus, [chunk(7, stored("e1", 1), decided("e1", 1))]);
    // from before logs had a name: taken for the same
    await record.apply({ ...bus, log: "first" }, [chunk(7, stored("e1", 1)), chunk(8, stored("e2", 2))]);
    expect(await record.place({ ...bus, log: "first" })).toBe(8);
    expect(await record.place({ ...bus, log: "second" })).toBe(0);
    await record.apply({ ...bus, log: "second" }, [chunk(1, stored("e3", 1), decided("e3", 1))]);
    expect(await record.place({ ...bus, log: "second" })).toBe(1);
    expect(await record.audit({})).toMatchObject({ receipts: { stored: 3, duplicate: 0 } });
  });

  test("what waits becomes fired, superseded, reset or expired; each event's sum holds at every step", async () => {
    await using record = await openRecord(await harness.fresh());
    const waits = (dependency: string, trigger = "t") => ({ sensor: "s", trigger, dependency, reason: "waits for b" });
    const steps: readonly (readonly [readonly Fact[], Record<string, number>])[] = [
      [[stored("e1", 1), decided("e1", 1, { waiting: [waits("a")] })], { waiting: 1 }],
      [
        [stored("e2", 2), decided("e2", 2, { waiting: [waits("a")], superseded: [{ ...waits("a"), event: "e1" }] })],
        { waiting: 1, superseded: 1 },
      ],
      [
        [
          stored("e3", 3),
          decided("e3", 3, {
            fired: [
              fired("f1", "t", [
                ["a", "e2"],
                ["b", "e3"],
              ]),
            ],
          }),
        ],
        { fired: 2, superseded: 1, waiting: 0 },
      ],
      [[stored("e4", 4), decided("e4", 4, { waiting: [waits("a")] })], { fired: 2, superseded: 1, waiting: 1 }],
      [
        [decided("e4", 4, { matched: 1, ended: [{ ...waits("a"), event: "e4", decision: "reset" }] })],
        { fired: 2, superseded: 1, waiting: 0, reset: 1 },
      ],
    ];
    for (const [at, [facts, sums]] of steps.entries()) {
      await record.apply(bus, [chunk(at + 1, ...facts)]);
      const audit = await record.audit({});
      expect(audit.decisions).toMatchObject(sums);
      expect(audit.missing).toEqual([]);
    }
    expect((await record.history("e2")).decisions).toMatchObject([{ decision: "fired", firing: "f1" }]);
    expect((await record.event("e4"))?.matched).toBe(1);
    expect((await record.firing("f1"))?.events).toEqual([
      { dependency: "a", event: "e2" },
      { dependency: "b", event: "e3" },
    ]);
  });

  test("an event that waits for one dependency and fires by another, in one decision, has fired in both", async () => {
    await using record = await recordOf(
      harness,
      stored("e1", 1),
      decided("e1", 1, {
        waiting: [{ sensor: "s", trigger: "t", dependency: "a", reason: "waits for b" }],
        fired: [
          fired("f1", "t", [
            ["a", "e1"],
            ["b", "e1"],
          ]),
        ],
      }),
    );
    expect(await record.audit({})).toMatchObject({ decisions: { fired: 2, waiting: 0 }, missing: [] });
  });

  test("a sensor that catches up alone adds to a decided event, once however often it is told", async () => {
    await using record = await recordOf(
      harness,
      stored("e1", 1),
      decided("e1", 1, { filtered: 2, fired: [fired("f1", "t", [["a", "e1"]])] }),
    );
    const late = decided("e1", 1, {
      only: "late",
      filtered: 1,
      fired: [{ ...fired("f2", "u", [["a", "e1"]]), sensor: "late" }],
    });
    for (const seq of [2, 3]) {
      await record.apply(bus, [chunk(seq, late)]);
      expect(await record.event("e1")).toMatchObject({ matched: 5, filtered: 3 });
      expect(await record.audit({})).toMatchObject({ decisions: { fired: 2, filtered: 3 }, missing: [] });
    }
    await record.apply(bus, [chunk(4, decided("e1", 1, { filtered: 2, fired: [fired("f1", "t", [["a", "e1"]])] }))]);
    expect(await record.event("e1")).toMatchObject({ matched: 5, filtered: 3 });
  });

  test("a dead letter that is tried again keeps the attempts of both rounds; a dlqTrigger has its parent", async () => {
    const failed = { outcome: "failed", code: "TM4002", error: "500" } as const;
    await using record = await recordOf(
      harness,
      stored("e1", 1),
      decided("e1", 1, { fired: [fired("f1", "t", [["a", "e1"]])] }),
      attempt("f1", 1, { ...failed, state: "pending", dueUs: baseUs }),
      attempt("f1", 2, { ...failed, state: "dead" }),
      {
        k: "firing",
        firing: "f1/dlq",
        state: "pending",
        atUs: baseUs,
        created: { sensor: "s", trigger: "t-dlq", revision: "r1", events: [["a", "e1"]], parent: "f1" },
      },
    );
    expect((await record.audit({})).firings).toMatchObject({ dead: 1, pending: 1 });
    expect((await record.events({ firing: "dead", limit: 5 })).items.map(({ id }) => id)).toEqual(["e1"]);
    await record.apply(bus, [
      chunk(2, { k: "firing", firing: "f1", state: "pending", atUs: baseUs + 5, dueUs: baseUs + 6, reason: "retry" }),
      chunk(3, attempt("f1", 1), attempt("f1/dlq", 1)),
    ]);
    expect((await record.firing("f1"))?.attempts.map(({ n, outcome }) => [n, outcome])).toEqual([
      [1, "failed"],
      [2, "failed"],
      [1, "done"],
    ]);
    expect(await record.firing("f1/dlq")).toMatchObject({ parent: "f1", trigger: "t-dlq", state: "done" });
    expect(await record.audit({})).toMatchObject({ firings: { done: 2, dead: 0 }, missing: [] });
    expect((await record.history("e1")).firings.map(({ id }) => id)).toEqual(["f1", "f1/dlq"]);
  });

  test("receipts that stored nothing are counted, and a draft that is stored at last is one event", async () => {
    await using record = await recordOf(
      harness,
      receipt("e1", "refused", { reason: "the bus is full" }),
      receipt("e1", "refused", { reason: "the bus is full" }),
      receipt("e2", "filtered", { reason: "filter.expression is false" }),
    );
    expect(await record.event("e1")).toMatchObject({ receipt: "refused", reason: "the bus is full" });
    expect((await record.event("e1"))?.seq).toBeUndefined();
    await record.apply(bus, [chunk(2, stored("e1", 9), receipt("e1", "duplicate"))]);
    expect(await record.event("e1")).toMatchObject({ receipt: "stored", seq: 9, duplicates: 1 });
    expect((await record.event("e1"))?.reason).toBeUndefined();
    expect(await record.audit({})).toMatchObject({
      receipts: { stored: 1, duplicate: 1, filtered: 1, refused: 2 },
      decisions: { undecided: 1 },
      missing: [],
    });
    const ids = async (receipt: "stored" | "refused" | "filtered" | "duplicate") =>
      (await record.events({ receipt, limit: 9 })).items.map(({ id }) => id);
    expect(await ids("refused")).toEqual(["e1"]);
    expect(await ids("filtered")).toEqual(["e2"]);
    expect(await ids("duplicate")).toEqual(["e1"]);
  });

  test("the same id on two buses is two events", async () => {
    await using record = await recordOf(harness, stored("same", 1));
    const other = { namespace: "other", bus: "default" };
    await record.apply(other, [chunk(1, stored("same", 1), decided("same", 1))]);
    expect(await record.audit({})).toMatchObject({
      receipts: { stored: 2 },
      decisions: { undecided: 1, unmatched: 1 },
    });
    expect(await record.audit({ namespace: "other" })).toMatchObject({ receipts: { stored: 1 } });
  });
}
