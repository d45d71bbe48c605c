import { expect, test } from "vitest";
import type { Fact } from "../../lib/facts.ts";
import { type RecordHarness, recordOf } from "../harness/conformance.ts";
import { openRecord } from "../open.ts";
import { attempt, baseUs, chunk, decided, fired, receipt, stored } from "../testing.ts";

const bus = { namespace: "default", bus: "default" };

/** What the tables hold, and for how long. */
export function describeKeeping(harness: RecordHarness): void {
  test("events come in pages, newest first, of a source, an event name and a range", async () => {
    await using record = await openRecord(await harness.fresh());
    const facts = Array.from({ length: 25 }, (_, at) =>
      stored(`e${at}`, at + 1, { subject: at % 2 === 0 ? "new" : "paid" }),
    );
    await record.apply(bus, [chunk(1, ...facts)]);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await record.events({ limit: 10, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(seen).toEqual(facts.map(({ event }) => event).reverse());
    expect((await record.events({ source: "orders/paid", limit: 99 })).items).toHaveLength(12);
    expect((await record.events({ source: "orders", limit: 99 })).items).toHaveLength(25);
    expect((await record.events({ source: "order", limit: 99 })).items).toHaveLength(0);
    const range = { fromUs: baseUs + 2_000_000, toUs: baseUs + 5_000_000, limit: 99 };
    expect((await record.events(range)).items.map(({ seq }) => seq)).toEqual([4, 3, 2]);
    await expect(record.events({ limit: 1, cursor: "1; DROP TABLE event" })).rejects.toMatchObject({
      code: "RECORD_CURSOR",
    });
  });

  test("hostile texts come back as they were, and a huge reason is cut", async () => {
    const id = `'"; DROP TABLE event; --\u0000\u202e\u{1f600}__proto__`;
    await using record = await recordOf(
      harness,
      stored(id, 1, { source: "__proto__", subject: "constructor" }),
      decided(id, 1, { fired: [{ ...fired("f'\u0000\"", "__proto__", [["toString", id]]), sensor: "<script>" }] }),
      attempt("f'\u0000\"", 1, { outcome: "failed", state: "dead", code: "TM4001", error: "x".repeat(3_000_000) }),
    );
    expect(await record.event(id)).toMatchObject({ id, source: "__proto__", subject: "constructor" });
    const { decisions, firings } = await record.history(id);
    expect(decisions).toMatchObject([{ sensor: "<script>", trigger: "__proto__", dependency: "toString" }]);
    expect(firings[0]?.events).toEqual([{ dependency: "toString", event: id }]);
    expect(firings[0]?.attempts[0]?.error).toHaveLength(4_000);
    await record.apply(bus, [chunk(2, receipt(id, "duplicate"), attempt("f'\u0000\"", 2, { startedUs: baseUs }))]);
    expect(await record.event(id)).toMatchObject({ receipt: "stored", duplicates: 1 });
    expect((await record.firing("f'\u0000\""))?.attempts).toHaveLength(2);
    expect((await record.audit({})).missing).toEqual([]);
  });

  test("half a surrogate pair, which is no Unicode, is one event however often it comes", async () => {
    await using record = await recordOf(harness, stored("e\ud800", 1), receipt("e\ud800", "duplicate"));
    await record.apply(bus, [chunk(2, receipt("e\ud800", "duplicate"))]);
    expect(await record.audit({})).toMatchObject({ receipts: { stored: 1, duplicate: 2 } });
    expect((await record.events({ limit: 9 })).items).toHaveLength(1);
  });

  test("audit names what a sum lacks", async () => {
    const url = await harness.fresh();
    {
      await using record = await openRecord(url);
      await record.apply(bus, [
        chunk(
          1,
          ...[1, 2, 3, 4, 5, 6].map((seq) => stored(`e${seq}`, seq)),
          decided("e1", 1, { matched: 3, filtered: 1, fired: [fired("f1", "t", [["a", "e1"]])] }),
          decided("e2", 2, { fired: [fired("f2", "t", [["a", "e2"]])] }),
          decided("e3", 3, { fired: [fired("f3", "t", [["a", "e3"]])] }),
          decided("e5", 5, { fired: [fired("f5", "t", [["a", "e5"]])] }),
          decided("ghost", 7, { filtered: 1 }),
          attempt("f2", 2),
          attempt("unknown", 1),
        ),
      ]);
    }
    await harness.alter(url, [
      "DELETE FROM firing WHERE id = 'f3'",
      "UPDATE firing SET state = 'done' WHERE id = 'f5'",
    ]);
    await using record = await openRecord(url);
    const { missing } = await record.audit({});
    expect(missing).toEqual([
      { id: "ghost", what: "an event was decided that is not recorded as stored" },
      { id: "e4", what: "an event is undecided, although later ones are decided" },
      { id: "e1", what: "3 subscriptions matched the event, 1 were filtered and 1 have a decision" },
      { id: "e3", what: "the event fired trigger t of sensor s, but the firing is not recorded" },
      { id: "unknown", what: "a firing ran that no recorded decision made (was the record off when it was decided?)" },
      { id: "f5", what: "the firing is done, but no attempt is recorded" },
      { id: "f2", what: "attempt 2 of the firing is recorded, but 1 in all" },
    ]);
  });

  test("a record that begins in the middle does not miss what came before it", async () => {
    await using record = await recordOf(
      harness,
      decided("old", 41, { waiting: [{ sensor: "s", trigger: "t", dependency: "a" }] }),
      stored("e1", 42),
      decided("e1", 42, {
        fired: [
          fired("f1", "t", [
            ["a", "old"],
            ["b", "e1"],
          ]),
        ],
      }),
      receipt("older", "duplicate"),
    );
    expect(await record.audit({})).toMatchObject({ receipts: { stored: 1, duplicate: 1 }, missing: [] });
    expect((await record.events({ limit: 9 })).items.map(({ id }) => id)).toEqual(["e1", "older"]);
  });

  test("retention takes old finished events and leaves what is not finished", async () => {
    const finished = (at: number): readonly Fact[] => [
      stored(`e${at}`, at),
      decided(`e${at}`, at, { fired: [fired(`f${at}`, "t", [["a", `e${at}`]])] }),
      attempt(`f${at}`, 1),
    ];
    await using record = await openRecord(await harness.fresh());
    await record.apply(bus, [chunk(1, ...Array.from({ length: 1_200 }, (_, at) => finished(at + 1)).flat())]);
    const open: readonly Fact[] = [
      stored("undecided", 1_204, { receivedUs: baseUs }),
      stored("waits", 1_201, { receivedUs: baseUs }),
      decided("waits", 1_201, { waiting: [{ sensor: "s", trigger: "t", dependency: "a" }] }),
      stored("dead", 1_202, { receivedUs: baseUs }),
      decided("dead", 1_202, { fired: [fired("fd", "t", [["a", "dead"]])] }),
      attempt("fd", 1, { outcome: "failed", state: "dead", error: "500" }),
      stored("running", 1_203, { receivedUs: baseUs }),
      decided("running", 1_203, { fired: [fired("fp", "t", [["a", "running"]])] }),
      receipt("refused", "refused"),
    ];
    await record.apply(bus, [chunk(2, ...open)]);
    // all up to e1100, and the refused draft
    expect(await record.retain(baseUs + 1_100_000_001)).toBe(1_101);
    expect(await record.retain(baseUs + 1_100_000_001)).toBe(0);
    expect(await record.audit({})).toMatchObject({
      receipts: { stored: 104, refused: 0 },
      firings: { done: 100, dead: 1, pending: 1 },
      missing: [],
    });
    expect(await record.firing("f1")).toBeUndefined();
    expect(await record.event("waits")).toBeDefined();
    // a sensor that catches up alone may still speak of what is gone
    await record.apply(bus, [chunk(3, decided("e9", 9, { only: "late", filtered: 1 }))]);
    expect((await record.audit({})).missing).toEqual([]);
  });

  test("a firing goes with the last of its events", async () => {
    await using record = await recordOf(
      harness,
      stored("e1", 1),
      decided("e1", 1, { waiting: [{ sensor: "s", trigger: "t", dependency: "a" }] }),
      stored("e2", 200),
      decided("e2", 200, {
        fired: [
          fired("f1", "t", [
            ["a", "e1"],
            ["b", "e2"],
          ]),
        ],
      }),
      attempt("f1", 1),
    );
    expect(await record.retain(baseUs + 100_000_000)).toBe(1);
    expect((await record.firing("f1"))?.attempts).toHaveLength(1);
    expect((await record.audit({})).missing).toEqual([]);
    expect(await record.retain(baseUs + 300_000_000)).toBe(1);
    expect(await record.firing("f1")).toBeUndefined();
  });
}
