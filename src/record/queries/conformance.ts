import { expect, test } from "vitest";
import type { Fact } from "../../lib/facts.ts";
import { type RecordHarness, recordOf } from "../harness/conformance.ts";
import { attempt, baseUs, decided, fired, receipt, stored } from "../testing.ts";

interface Way {
  readonly source?: string;
  readonly sentUs?: number;
  readonly receivedUs?: number;
  readonly storedAfterUs?: number;
  readonly firedAfterUs?: number;
  readonly doneAfterUs?: number;
}

function way(seq: number, { source = "orders", ...times }: Way): readonly Fact[] {
  const receivedUs = times.receivedUs ?? baseUs + seq * 1_000;
  const storedUs = receivedUs + (times.storedAfterUs ?? 100);
  const atUs = storedUs + (times.firedAfterUs ?? 200);
  const sent = times.sentUs === undefined ? {} : { sentUs: times.sentUs };
  return [
    stored(`e${seq}`, seq, { source, receivedUs, ...sent }),
    decided(`e${seq}`, seq, { storedUs, atUs, fired: [fired(`f${seq}`, "t", [["a", `e${seq}`]])] }),
    attempt(`f${seq}`, 1, { startedUs: atUs, endedUs: atUs + (times.doneAfterUs ?? 300) }),
  ];
}

/** Delays, as each database answers them. */
export function describeAnswers(harness: RecordHarness): void {
  test("each hop is the time between its two moments, and total is the whole way", async () => {
    await using record = await recordOf(harness, ...way(1, { sentUs: baseUs - 5_000, receivedUs: baseUs }));
    const { groups, slowest, aheadOfUs } = await record.delays({});
    expect(groups.map(({ by, hop, count, p50Ms }) => [by, hop, count, p50Ms])).toEqual([
      ["all", "sent-received", 1, 5],
      ["all", "received-stored", 1, 0.1],
      ["all", "stored-fired", 1, 0.2],
      ["all", "fired-done", 1, 0.3],
      ["all", "total", 1, 5.6],
    ]);
    expect(slowest).toEqual(await record.samples({ limit: 5 }));
    expect(slowest[0]).toMatchObject({ event: "e1", source: "orders", sensor: "s", trigger: "t", receivedUs: baseUs });
    expect(aheadOfUs).toEqual([]);
  });

  test("a sender whose clock is ahead is named, and its events are left out of the first hop and count from the receipt", async () => {
    await using record = await recordOf(
      harness,
      ...way(1, { sentUs: baseUs + 90_000, receivedUs: baseUs, source: "early" }),
      ...way(2, { sentUs: baseUs + 40_000, receivedUs: baseUs, source: "early" }),
      ...way(3, { sentUs: baseUs + 900, receivedUs: baseUs, source: "rounded" }),
      ...way(4, { sentUs: baseUs - 900, receivedUs: baseUs, source: "late" }),
    );
    const { groups, aheadOfUs } = await record.delays({ by: "source" });
    expect(aheadOfUs).toEqual([{ source: "early", count: 2, corrected: 0, mostMs: 90 }]);
    const of = (by: string, hop: string) => groups.find((group) => group.by === by && group.hop === hop);
    expect(of("early", "sent-received")).toBeUndefined();
    expect(of("early", "total")).toMatchObject({ count: 2, maxMs: 0.6 });
    expect(of("rounded", "sent-received")).toMatchObject({ count: 1, maxMs: 0 });
    expect(of("late", "total")).toMatchObject({ maxMs: 1.5 });
  });

  test("an event counts once until it is stored, and then with each of its firings", async () => {
    const two = { fired: [fired("f1", "t", [["a", "e1"]]), fired("f2", "u", [["a", "e1"]])] };
    await using record = await recordOf(
      harness,
      stored("e1", 1),
      decided("e1", 1, two),
      attempt("f1", 1),
      attempt("f2", 1, { outcome: "failed", state: "dead" }),
      stored("e2", 2),
      decided("e2", 2),
      receipt("e3", "refused"),
    );
    const counts = async (by?: "sensor" | "trigger") =>
      (await record.delays(by === undefined ? {} : { by })).groups.map((group) => [group.by, group.hop, group.count]);
    expect(await counts()).toEqual([
      ["all", "received-stored", 2],
      ["all", "stored-fired", 2],
      ["all", "fired-done", 1],
      ["all", "total", 1],
    ]);
    expect(await counts("sensor")).toEqual([
      ["s", "received-stored", 1],
      ["s", "stored-fired", 2],
      ["s", "fired-done", 1],
      ["s", "total", 1],
    ]);
    expect((await counts("trigger")).filter(([by]) => by === "s/u")).toEqual([
      ["s/u", "received-stored", 1],
      ["s/u", "stored-fired", 1],
    ]);
    const samples = await record.samples({ limit: 10 });
    expect(samples.map(({ event, trigger }) => [event, trigger])).toEqual([
      ["e2", undefined],
      ["e1", "t"],
      ["e1", "u"],
    ]);
    expect(await record.samples({ limit: 1 })).toHaveLength(1);
  });

  test("the slowest come slowest first, of a range", async () => {
    const ways = Array.from({ length: 40 }, (_, at) => way(at + 1, { doneAfterUs: ((at * 7) % 40) * 1_000 })).flat();
    await using record = await recordOf(harness, ...ways);
    const { slowest } = await record.delays({});
    expect(slowest.map(({ hopsMs }) => hopsMs["fired-done"])).toEqual([39, 38, 37, 36, 35, 34, 33, 32, 31, 30]);
    const { groups } = await record.delays({ fromUs: baseUs + 10_000, toUs: baseUs + 15_000 });
    expect(groups.map(({ count }) => count)).toEqual([5, 5, 5, 5]);
  });
}
