import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Fact } from "../lib/facts.ts";
import { openRecord } from "./open.ts";
import { attempt, baseUs, chunk, decided, fired, receipt, stored } from "./testing.ts";

const bus = { namespace: "default", bus: "default" };
let folder = "";
let files = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemill-record-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newPath(): string {
  files += 1;
  return join(folder, `${files}`, "record.sqlite");
}

async function recordOf(...facts: readonly Fact[]) {
  const record = await openRecord(newPath());
  await record.apply(bus, [chunk(1, ...facts)]);
  return record;
}

test("an event that goes all the way is found with its decision, firing and attempts", async () => {
  await using record = await recordOf(
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
  const path = newPath();
  const chunks = [
    chunk(3, stored("e1", 1), receipt("e1", "duplicate")),
    chunk(4, decided("e1", 1, { fired: [fired("f1", "t", [["a", "e1"]])] })),
    chunk(7, attempt("f1", 1)),
  ];
  let before: unknown;
  {
    await using record = await openRecord(path);
    expect(await record.place(bus)).toBe(0);
    await record.apply(bus, chunks.slice(0, 2));
    await record.apply(bus, chunks.slice(0, 2));
    expect(await record.place(bus)).toBe(4);
  }
  {
    await using record = await openRecord(path);
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

test("what waits becomes fired, superseded, reset or expired; each event's sum holds at every step", async () => {
  await using record = await openRecord(newPath());
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
  await using record = await recordOf(stored("same", 1));
  const other = { namespace: "other", bus: "default" };
  await record.apply(other, [chunk(1, stored("same", 1), decided("same", 1))]);
  expect(await record.audit({})).toMatchObject({ receipts: { stored: 2 }, decisions: { undecided: 1, unmatched: 1 } });
  expect(await record.audit({ namespace: "other" })).toMatchObject({ receipts: { stored: 1 } });
});

test("events come in pages, newest first, of a source, an event name and a range", async () => {
  await using record = await openRecord(newPath());
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
  await using record = await recordOf(stored("e\ud800", 1), receipt("e\ud800", "duplicate"));
  await record.apply(bus, [chunk(2, receipt("e\ud800", "duplicate"))]);
  expect(await record.audit({})).toMatchObject({ receipts: { stored: 1, duplicate: 2 } });
  expect((await record.events({ limit: 9 })).items).toHaveLength(1);
});

test("audit names what a sum lacks", async () => {
  const path = newPath();
  {
    await using record = await openRecord(path);
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
  const database = new DatabaseSync(path);
  database.exec("DELETE FROM firing WHERE id = 'f3'; UPDATE firing SET state = 'done' WHERE id = 'f5'");
  database.close();
  await using record = await openRecord(path);
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
  await using record = await openRecord(newPath());
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

test("a record in memory takes facts and answers", async () => {
  await using record = await openRecord("sqlite::memory:");
  await record.apply(bus, [chunk(1, stored("e1", 1))]);
  expect(await record.audit({})).toMatchObject({ receipts: { stored: 1 } });
  expect(record.url).toBe("sqlite::memory:");
});
