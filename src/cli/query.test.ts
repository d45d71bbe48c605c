import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tidemill } from "../../test/tidemill.ts";
import { answers } from "../console/answers.ts";
import { openRecord } from "../record/open.ts";
import { attempt, chunk, decided, fired, stored } from "../record/testing.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-query-"));
  await using record = await openRecord(join(folder, "record.sqlite"));
  const facts = [1, 2, 3].flatMap((n) => [
    stored(`e${n}`, n, { source: n === 3 ? "=cmd()" : "orders" }),
    decided(`e${n}`, n, { fired: [fired(`f${n}`, "t", [["a", `e${n}`]])] }),
    attempt(`f${n}`, 1),
  ]);
  await record.apply({ namespace: "default", bus: "default" }, [chunk(1, ...facts)]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const query = (...args: string[]) => tidemill(["query", "--data-dir", folder, ...args]);

test("one statement is answered as a table, as JSON, and as CSV without a formula", async () => {
  const sql = "SELECT source, count(*) AS events FROM event GROUP BY source ORDER BY events DESC";
  expect(await query(sql)).toEqual({ code: 0, out: "SOURCE  EVENTS\norders  2\n=cmd()  1\n", err: "" });
  expect(answers.query.parse(JSON.parse((await query(sql, "-o", "json")).out))).toEqual({
    columns: ["source", "events"],
    items: [
      { source: "orders", events: 2 },
      { source: "=cmd()", events: 1 },
    ],
    truncated: false,
  });
  expect((await query(sql, "-o", "csv")).out).toBe("source,events\r\norders,2\r\n'=cmd(),1\r\n");
  const cut = await query("SELECT id, received_us FROM event", "--limit", "1");
  expect(cut.out).toMatch(/^ID {2}RECEIVED_US\ne1 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\n$/);
  expect(cut.err).toBe("there are more rows than 1: add --limit\n");
});

test("saved queries are listed and run by their name", async () => {
  const { items } = answers["query-list"].parse(JSON.parse((await query("--list", "-o", "json")).out));
  expect(items.length).toBeGreaterThan(5);
  for (const { name, sql } of items.slice(0, 2)) {
    const byName = await query(name, "-o", "json");
    expect([name, byName.code, byName.err]).toEqual([name, 0, ""]);
    expect((await query(sql, "-o", "json")).out).toBe(byName.out);
  }
  expect((await query("delays", "--since", "1m")).err).toBe("no rows\n");
});

test("what cannot be asked is refused with what to do", async () => {
  const cases: readonly (readonly [string[], number, string])[] = [
    [[], 2, "give one SQL statement"],
    [["delay"], 2, "did you mean delays?"],
    [["SELECT 1", "--since", "1h"], 2, "--since is for saved queries"],
    [["DELETE FROM event"], 2, "readonly database"],
    [["SELECT 1; SELECT 2"], 2, "one statement at a time"],
    [["SELECT x FROM event"], 2, "no such column: x"],
    [["SELECT 1", "--record", "redis://u:geheim@h/x"], 2, "nothing that tidemill knows"],
    [["SELECT 1", "--record", "mysql://u:geheim@127.0.0.1:1/x"], 1, "ECONNREFUSED"],
    [["SELECT 1", "--data-dir", join(folder, "none")], 2, "there is no record at"],
    [["SELECT count(*) FROM event a, event b, event c, event d", "--timeout", "soon"], 2, "write a duration"],
  ];
  for (const [args, code, says] of cases) {
    const answer = await query(...args);
    expect([args, answer.code, answer.out]).toEqual([args, code, ""]);
    expect(answer.err).toContain(says);
    expect(answer.err).not.toContain("geheim");
  }
});
