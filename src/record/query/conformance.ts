import { expect, test } from "vitest";
import { type RecordHarness, recordOf } from "../harness/conformance.ts";
import { openRecord } from "../open.ts";
import { attempt, baseUs, chunk, decided, fired, stored } from "../testing.ts";
import { queryRecord } from "./query.ts";
import { savedQueries } from "./saved.ts";

const bus = { namespace: "default", bus: "default" };

/** A person's own queries, and those that come with tidemill. */
export function describeQueries(harness: RecordHarness): void {
  const ask = (url: string, sql: string, more: { readonly limit?: number; readonly timeoutMs?: number } = {}) =>
    queryRecord(url, { sql, limit: 100, timeoutMs: 20_000, ...more });

  async function filled(): Promise<string> {
    const url = await harness.fresh();
    await using record = await openRecord(url);
    const facts = Array.from({ length: 40 }, (_, at) => {
      const seq = at + 1;
      const receivedUs = baseUs + at * 60_000_000;
      return [
        stored(`e${seq}`, seq, { receivedUs, sentUs: receivedUs - seq * 10 }),
        decided(`e${seq}`, seq, {
          storedUs: receivedUs + 100 * seq,
          atUs: receivedUs + 250 * seq,
          fired: [fired(`f${seq}`, at % 2 === 0 ? "t" : "u", [["a", `e${seq}`]])],
        }),
        ...(seq === 7
          ? [attempt(`f${seq}`, 1, { outcome: "failed", state: "dead", code: "TM4001", error: "refused" })]
          : [attempt(`f${seq}`, 1, { startedUs: receivedUs + 300 * seq, endedUs: receivedUs + 1_000 * seq })]),
      ];
    });
    await record.apply(bus, [chunk(1, ...facts.flat())]);
    return url;
  }

  test("every saved query runs, and `delays` is what the delays are", async () => {
    const url = await filled();
    const answers = await Promise.all(savedQueries.map(({ sql }) => ask(url, sql(0))));
    const of = (name: string) => answers[savedQueries.findIndex((one) => one.name === name)];
    await using record = await openRecord(url, { readOnly: true });
    const { groups, slowest } = await record.delays({});
    expect(of("delays")?.rows.map(([, ...row]) => row)).toEqual(
      groups.map(({ hop, count, p50Ms, p95Ms, p99Ms, maxMs }) => [hop, count, p50Ms, p95Ms, p99Ms, maxMs]),
    );
    expect(of("delays")?.columns).toEqual(["step", "hop", "events", "p50_ms", "p95_ms", "p99_ms", "max_ms"]);
    expect(
      of("slowest")
        ?.rows.slice(0, 10)
        .map(([event]) => event),
    ).toEqual(slowest.map(({ event }) => event));
    expect(of("failures")?.rows).toEqual([["s", "t", "TM4001", 1, 1, expect.any(Number)]]);
    expect(of("backlog")?.rows).toEqual([["s", "t", "dead", 1, baseUs]]);
    expect(of("delays-by-trigger")?.rows.map((row) => row.slice(0, 3))).toEqual([
      ["s", "t", 19],
      ["s", "u", 20],
    ]);
    expect(of("delays-by-hour")?.rows.map(([, events]) => events)).toEqual([19, 20]);
    const later = await ask(url, savedQueries[0]?.sql(baseUs + 30 * 60_000_000) ?? "");
    expect(later.rows.map(([, , events]) => events)).toEqual([10, 10, 10, 10, 10]);
  });

  test("a query changes nothing, however it is asked to", async () => {
    await using record = await recordOf(harness, stored("e1", 1), decided("e1", 1));
    const url = harness.withPassword(record.url);
    for (const sql of [
      "DELETE FROM event",
      "UPDATE event SET source = 'x'",
      "DROP TABLE event",
      "CREATE TABLE mine (x INTEGER)",
      "INSERT INTO record_meta (version) VALUES (7)",
      "SELECT 1; DELETE FROM event",
      "SELECT 1; COMMIT; DELETE FROM event",
      "SELEC 1",
      "SELECT * FROM nothing_like_it",
    ])
      await expect(ask(url, sql), sql).rejects.toMatchObject({ code: "RECORD_QUERY" });
    await ask(url, "COMMIT").catch(() => undefined);
    expect(await record.audit({})).toMatchObject({ receipts: { stored: 1 }, missing: [] });
    expect((await ask(url, "SELECT count(*) AS n FROM record_meta")).rows).toEqual([[1]]);
  });

  test("a query is ended at its time limit, and its rows at their limit", async () => {
    const url = await filled();
    const cross = Array.from({ length: 9 }, (_, at) => `event e${at}`).join(" CROSS JOIN ");
    const began = performance.now();
    await expect(ask(url, `SELECT count(*) FROM ${cross}`, { timeoutMs: 300 })).rejects.toMatchObject({
      code: "RECORD_QUERY_TIMEOUT",
    });
    expect(performance.now() - began).toBeLessThan(10_000);
    const { rows, truncated } = await ask(url, `SELECT e0.id AS id, e0.seq AS id FROM ${cross}`, { limit: 3 });
    expect([rows.length, truncated]).toEqual([3, true]);
    const own = await ask(url, "SELECT id, seq, sent_us AS id, reason FROM event WHERE id = 'e3'");
    expect(own).toEqual({
      columns: ["id", "seq", "id_2", "reason"],
      rows: [["e3", 3, baseUs + 120_000_000 - 30, null]],
      truncated: false,
    });
  });
}
