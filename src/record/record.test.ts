import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeRecord } from "./conformance.ts";
import { openRecord } from "./open.ts";
import { chunk, stored } from "./testing.ts";

const bus = { namespace: "default", bus: "default" };
let folder = "";
let files = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemill-record-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeRecord({
  name: "SQLite",
  async fresh() {
    files += 1;
    return join(folder, `${files}`, "record.sqlite");
  },
  async alter(url, statements) {
    const database = new DatabaseSync(url);
    for (const statement of statements) database.exec(statement);
    database.close();
  },
  withPassword: (url) => url,
});

test("a record in memory takes facts and answers", async () => {
  await using record = await openRecord("sqlite::memory:");
  await record.apply(bus, [chunk(1, stored("e1", 1))]);
  expect(await record.audit({})).toMatchObject({ receipts: { stored: 1 } });
  expect(record.url).toBe("sqlite::memory:");
});
