import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { placeOf } from "./address.ts";
import { openRecord } from "./open.ts";
import { shownPlace } from "./options.ts";
import { createWriter } from "./sql/writer.ts";
import { openSqlite, sqliteError } from "./sqlite/store.ts";
import { attempt, chunk, decided, fired, stored } from "./testing.ts";

const bus = { namespace: "default", bus: "default" };
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemill-record-open-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a wrong address says so without its password", async () => {
  const wrong = [
    "",
    "sqlite:",
    "redis://:geheim@h",
    "a\0b",
    "mysql://u:geheim@h",
    "postgres://u:geheim@h/",
    "mysql://u:geh/eim@h:x/db",
  ];
  const badParameters = ["sslmode=prefer", "sslmode=geheim", "pasword=geheim", "connect_timeout=geheim"];
  for (const url of [...wrong, ...badParameters.map((parameter) => `postgres://u@h/db?${parameter}`)]) {
    const error = await openRecord(url).catch((error: unknown) => error);
    expect(error, url).toMatchObject({ code: "RECORD_URL" });
    expect(String(error)).not.toContain("geheim");
  }
});

test("the address of a server is read with its parameters, and shown without its password", () => {
  const place = placeOf(
    "postgresql://u%40x:p%2Fw@db.example:6543/rec%20ord?sslmode=verify-ca&sslrootcert=/ca.pem&schema=tide",
  );
  expect(place).toMatchObject({ kind: "postgres", host: "db.example", port: 6543, user: "u@x", password: "p/w" });
  expect(place).toMatchObject({ database: "rec ord", schema: "tide", connectTimeoutMs: 10_000 });
  expect(place).toMatchObject({ tls: { verify: "chain", caFile: "/ca.pem" } });
  expect(shownPlace(place)).toBe("postgres://u%40x@db.example:6543/rec%20ord?schema=tide");
  expect(placeOf("mariadb://u@[::1]/r?ssl-mode=VERIFY_IDENTITY&connect_timeout=3")).toMatchObject({
    ...{
      kind: "mysql",
      host: "::1",
      port: 3306,
      password: undefined,
      tls: { verify: "full" },
      connectTimeoutMs: 3_000,
    },
  });
  expect(placeOf("mysql://u@h/r?socket=/run/mysqld.sock")).toMatchObject({
    socket: "/run/mysqld.sock",
    tls: undefined,
  });
});

test("a path, sqlite:PATH, sqlite:///PATH and a file URL are the same file", async () => {
  const path = join(folder, "same", "record.sqlite");
  for (const url of [path, `sqlite:${path}`, `sqlite://${path}`, `file://${path}`]) {
    await using record = await openRecord(url);
    expect(record.url).toBe(`sqlite:${path}`);
  }
});

test("a folder that cannot be made, and a folder in place of the file, are said at once", async () => {
  writeFileSync(join(folder, "file"), "");
  await expect(openRecord(join(folder, "file", "record.sqlite"))).rejects.toMatchObject({ code: "RECORD_UNWRITABLE" });
  mkdirSync(join(folder, "is-a-folder"));
  await expect(openRecord(join(folder, "is-a-folder"))).rejects.toMatchObject({ code: "RECORD_UNWRITABLE" });
});

test("read-only, nothing is made, and what is there is read", async () => {
  const path = join(folder, "read-only.sqlite");
  await expect(openRecord(path, { readOnly: true })).rejects.toMatchObject({ code: "RECORD_MISSING" });
  expect(existsSync(path)).toBe(false);
  await using writing = await openRecord(path);
  await writing.apply(bus, [chunk(1, stored("e1", 1))]);
  await using reading = await openRecord(path, { readOnly: true });
  expect(await reading.event("e1")).toMatchObject({ seq: 1 });
  await expect(reading.apply(bus, [chunk(2, stored("e2", 2))])).rejects.toMatchObject({ code: "RECORD_WRITE_FAILED" });
  await writing.apply(bus, [chunk(2, stored("e2", 2))]);
  expect(await reading.event("e2")).toMatchObject({ seq: 2 });
});

test("a record from before there were traces is brought up, with what is in it", async () => {
  const path = join(folder, "older.sqlite");
  {
    await using record = await openRecord(path);
    await record.apply(bus, [chunk(1, stored("e1", 1))]);
  }
  const database = new DatabaseSync(path);
  database.exec("DROP INDEX event_by_trace; DROP TABLE span; UPDATE record_meta SET version = 3");
  for (const column of ["trace_id", "parent_span", "skew_us", "replay_of"])
    database.exec(`ALTER TABLE event DROP COLUMN ${column}`);
  database.close();
  await using record = await openRecord(path);
  const trace = `00-${"4".repeat(32)}-00f067aa0ba902b7-01`;
  await record.apply(bus, [chunk(2, stored("e2", 2, { trace }))]);
  expect((await record.trace({ id: "e1", limit: 9 }))?.events).toMatchObject([{ id: "e1", parentSpan: undefined }]);
  expect((await record.trace({ id: "4".repeat(32), limit: 9 }))?.events).toMatchObject([{ id: "e2" }]);
});

test("a record of a newer version is refused", async () => {
  const path = join(folder, "newer.sqlite");
  await (await openRecord(path))[Symbol.asyncDispose]();
  const database = new DatabaseSync(path);
  database.exec("UPDATE record_meta SET version = 99");
  database.close();
  const error = await openRecord(path).catch((error: unknown) => error);
  expect(error).toMatchObject({ code: "RECORD_NEWER", message: expect.stringContaining("version 99") });
});

test("a file that is no database, or the database of something else, is left alone", async () => {
  const path = join(folder, "text.sqlite");
  writeFileSync(path, "not a database ".repeat(1_000));
  await expect(openRecord(path)).rejects.toMatchObject({ code: "RECORD_DAMAGED" });
  const foreign = join(folder, "foreign.sqlite");
  const database = new DatabaseSync(foreign);
  database.exec("CREATE TABLE theirs (x)");
  database.close();
  await expect(openRecord(foreign)).rejects.toMatchObject({ code: "RECORD_DAMAGED" });
});

test("a damaged file is a clear error, never a crash", async () => {
  const path = join(folder, "damaged.sqlite");
  {
    await using record = await openRecord(path);
    const facts = Array.from({ length: 3_000 }, (_, at) => stored(`e${at}`, at + 1));
    await record.apply(bus, [chunk(1, ...facts)]);
  }
  const size = statSync(path).size;
  const file = openSync(path, "r+");
  for (let at = 8_192; at < size; at += 4_096) writeSync(file, Buffer.alloc(2_000, 0xaa), 0, 2_000, at);
  closeSync(file);
  await using record = await openRecord(path).catch((error: unknown) => {
    expect(error).toMatchObject({ code: "RECORD_DAMAGED" });
    return undefined;
  });
  if (record !== undefined) await expect(record.audit({})).rejects.toMatchObject({ code: "RECORD_DAMAGED" });
  const cut = openSync(path, "r+");
  ftruncateSync(cut, 5_000);
  closeSync(cut);
  const outcome = await openRecord(path).then(
    async (opened) => {
      await using _opened = opened;
      return opened.audit({}).catch((error: unknown) => error);
    },
    (error: unknown) => error,
  );
  expect(outcome).toMatchObject({ code: "RECORD_DAMAGED" });
});

test("while another program holds the lock nothing is applied, and afterwards it is", async () => {
  const path = join(folder, "locked.sqlite");
  await using record = await openRecord(path, { busyTimeoutMs: 20 });
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const first = [chunk(1, stored("e1", 1), decided("e1", 1))];
  await expect(record.apply(bus, first)).rejects.toMatchObject({ code: "RECORD_LOCKED", retry: "backoff" });
  expect(await record.place(bus)).toBe(0);
  expect(await record.event("e1")).toBeUndefined();
  other.exec("ROLLBACK");
  other.close();
  await record.apply(bus, first);
  expect(await record.audit({})).toMatchObject({ receipts: { stored: 1 }, decisions: { unmatched: 1 } });
});

test("a full disk applies nothing, and the same facts go in once there is room", async () => {
  const store = await openSqlite({ path: join(folder, "full.sqlite"), readOnly: false, busyTimeoutMs: 20 });
  const { database } = store;
  const writer = createWriter(store);
  await writer.apply(bus, [chunk(1, stored("e0", 1))]);
  const pages = Number(database.prepare("PRAGMA page_count").get()?.page_count);
  database.exec(`PRAGMA max_page_count = ${pages + 4}`);
  const many = Array.from({ length: 5_000 }, (_, at) => stored(`e${at + 1}`, at + 2));
  const failed = async (): Promise<unknown> => {
    try {
      await writer.apply(bus, [chunk(2, ...many)]);
      return undefined;
    } catch (error) {
      return sqliteError(error, "writing");
    }
  };
  expect(await failed()).toMatchObject({ code: "RECORD_WRITE_FAILED", retry: "backoff" });
  expect(await writer.place(bus)).toBe(1);
  expect(database.prepare("SELECT count(*) AS n FROM event").get()?.n).toBe(1);
  database.exec("PRAGMA max_page_count = 1000000");
  expect(await failed()).toBeUndefined();
  expect(database.prepare("SELECT count(*) AS n FROM event").get()?.n).toBe(5_001);
  database.close();
});

test("a chunk that cannot be read applies nothing and is named", async () => {
  await using record = await openRecord(join(folder, "facts.sqlite"));
  const good = chunk(1, stored("e1", 1));
  for (const json of ["{", "{}", "[null]", "[1]", '[{"k":"new kind"}]', '[{"k":"stored","event":"x","seq":{}}]']) {
    await expect(record.apply(bus, [good, { seq: 2, json }])).rejects.toMatchObject({ code: "RECORD_FACTS_BAD" });
    expect(await record.place(bus)).toBe(0);
  }
  await record.apply(bus, [good]);
  expect(await record.place(bus)).toBe(1);
});

test("a process that forgets to close its record ends, and SQLite prints no warning", () => {
  const script = `
    import { openRecord } from ${JSON.stringify(new URL("./open.ts", import.meta.url).href)};
    const record = await openRecord(${JSON.stringify(join(folder, "forgotten.sqlite"))});
    await record.audit({});
    process.stdout.write("answered " + process.moduleLoadList.includes("NativeModule sqlite"));`;
  const ran = spawnSync(process.execPath, ["--input-type=module-typescript", "--eval", script], {
    encoding: "utf8",
    timeout: 25_000,
  });
  // the list of loaded modules: Node 22 warns in each thread that loads node:sqlite, unless told not to
  expect([ran.status, ran.stdout, ran.stderr]).toEqual([0, "answered false", ""]);
});

test("a closed record says so, and calls under way are answered before it closes", async () => {
  const record = await openRecord(join(folder, "closed.sqlite"));
  const applied = record.apply(bus, [
    chunk(1, stored("e1", 1), decided("e1", 1, { fired: [fired("f1", "t", [["a", "e1"]])] }), attempt("f1", 1)),
  ]);
  await applied;
  await record[Symbol.asyncDispose]();
  await record[Symbol.asyncDispose]();
  await expect(record.audit({})).rejects.toMatchObject({ code: "RECORD_CLOSED" });
  await expect(record.place(bus)).rejects.toMatchObject({ code: "RECORD_CLOSED" });
});
