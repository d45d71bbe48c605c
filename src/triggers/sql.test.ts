import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { describeWithServer } from "../../test/servers/describe.ts";
import { type MariadbServer, startMariadb } from "../../test/servers/mariadb.ts";
import { type PostgresServer, startPostgres } from "../../test/servers/postgres.ts";
import type { Outcome } from "../kit/trigger.ts";
import type { SqlConfig } from "./sql/config.ts";
import type { SqlKind } from "./sql/statement.ts";
import { sql } from "./sql.ts";
import { type Trial, trial } from "./trial.ts";

/** A database that the tests look into by themselves. */
interface Seen {
  readonly url: () => string;
  readonly run: (text: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;
}

const columns: Readonly<Record<SqlKind, string>> = {
  mysql:
    "`key` VARCHAR(64) UNIQUE, nr BIGINT UNIQUE, name VARCHAR(60) CHARACTER SET utf8mb4, data JSON, at DATETIME(6), ok BOOLEAN",
  postgres: '"key" TEXT UNIQUE, nr BIGINT UNIQUE, name VARCHAR(60), data JSONB, at TIMESTAMPTZ, ok BOOLEAN',
  sqlite: '"key" TEXT UNIQUE, nr INTEGER UNIQUE, name TEXT CHECK (length(name) <= 60), data TEXT, at TEXT, ok INTEGER',
};

function open(url: string, config: Partial<SqlConfig>): Promise<Trial> {
  return trial(sql, { urlSecret: { name: "db", key: "url" }, ...config }, { secrets: { "db/url": url } });
}

const bytes = (row: unknown): Uint8Array => Buffer.from(JSON.stringify(row));
/** What one made of the text of an event would do. */
const hostile = [
  "x'); DROP TABLE orders; --",
  'x"); DROP TABLE orders; --',
  "\\'); DROP TABLE orders; -- ",
  "' OR '1'='1",
  "`; DROP TABLE orders; --",
  "$1 ? :name $$",
  "\u02bc; DROP TABLE orders",
  "日本 😀 \\",
];

function behaves(kind: SqlKind, { url, run }: Seen): void {
  beforeEach(async () => {
    await run("DROP TABLE IF EXISTS orders");
    await run(`CREATE TABLE orders (${columns[kind]})`);
  });
  const rows = () => run("SELECT * FROM orders ORDER BY nr");
  const count = async () => Number((await run("SELECT COUNT(*) AS n FROM orders"))[0]?.n);

  test("a row is inserted with the values of the payload, each as its type says", async () => {
    await using one = await open(url(), {
      table: "orders",
      key: "key",
      columns: { name: "fixed" },
      types: { at: "timestamp", ok: "boolean" },
    });
    const payload = Buffer.from(
      '{"nr":9007199254740993,"data":{"big":12345678901234567890,"list":[1,null]},"at":"2026-01-05T10:00:00.123456+01:00","ok":true}',
    );
    expect(await one.fire({ key: "k1", payload })).toEqual({ said: "1 row into orders" });
    const [row] = await run("SELECT CAST(nr AS CHAR(30)) AS nr, name, CAST(data AS CHAR(200)) AS data, ok FROM orders");
    expect(String(row?.nr).trim()).toBe("9007199254740993");
    expect(row?.name).toBe("fixed");
    expect(String(row?.data).replaceAll(" ", "")).toContain('"big":12345678901234567890');
    expect([1, "1", true]).toContain(row?.ok);
    const [at] = await run(
      kind === "postgres"
        ? "SELECT to_char(at AT TIME ZONE 'UTC', 'HH24:MI:SS.US') AS at FROM orders"
        : "SELECT at FROM orders",
    );
    const time = at?.at instanceof Date ? at.at.toISOString() : String(at?.at);
    expect(time).toContain("09:00:00.123");
  });

  test("an absent value is null, and so is null", async () => {
    await using one = await open(url(), { table: "orders" });
    await one.fire({ payload: bytes({ nr: 1, name: null }) });
    expect((await rows())[0]).toMatchObject({ name: null, data: null });
  });

  test("text of an event is a value, whatever it is", async () => {
    await using one = await open(url(), { table: "orders" });
    await using other = await open(url(), { statement: "INSERT INTO orders (nr, name) VALUES (:nr, :name)" });
    for (const [nr, name] of hostile.entries()) {
      await one.fire({ payload: bytes({ nr, name }) });
      await other.fire({ payload: bytes({ nr: nr + 100, name }) });
    }
    expect((await rows()).map(({ name }) => name)).toEqual([...hostile, ...hostile]);
  });

  test("a name of a column that an event makes is a name", async () => {
    await using one = await open(url(), { table: "orders" });
    const column = 'nr) VALUES (7); DROP TABLE orders; --"`';
    await expect(one.fire({ payload: bytes({ [column]: 1 }) })).rejects.toMatchObject({ code: "SQL_STATEMENT" });
    expect(await rows()).toEqual([]);
  });

  test("a row that is written again under its key is there once", async () => {
    await using one = await open(url(), { table: "orders", key: "key" });
    expect((await one.fire({ key: "k1", payload: bytes({ nr: 1 }) })).said).toBe("1 row into orders");
    expect((await one.fire({ key: "k1", payload: bytes({ nr: 1 }) })).said).toBe("already in orders");
    expect(await count()).toBe(1);
    // another firing that breaks another rule is no repetition
    await expect(one.fire({ key: "k2", payload: bytes({ nr: 1 }) })).rejects.toMatchObject({ code: "SQL_CONSTRAINT" });
  });

  test("a row that is there already is refused, left or updated, as is wanted", async () => {
    await using first = await open(url(), { table: "orders" });
    await first.fire({ payload: bytes({ nr: 1, name: "a" }) });
    await expect(first.fire({ payload: bytes({ nr: 1, name: "b" }) })).rejects.toMatchObject({
      code: "SQL_CONSTRAINT",
      retry: "never",
    });
    await using ignoring = await open(url(), { table: "orders", onConflict: "ignore", conflictColumns: ["nr"] });
    await ignoring.fire({ payload: bytes({ nr: 1, name: "b" }) });
    expect(await rows()).toMatchObject([{ name: "a" }]);
    await using updating = await open(url(), { table: "orders", onConflict: "update", conflictColumns: ["nr"] });
    await updating.fire({ payload: bytes({ nr: 1, name: "b" }) });
    expect(await rows()).toMatchObject([{ name: "b" }]);
  });

  test("a statement has its values by name, and knows the firing's id", async () => {
    const text = "INSERT INTO orders (nr, name) VALUES (:nr, :key) -- :not 'a value\n";
    await using one = await open(url(), { statement: text });
    expect(await one.fire({ key: "k1", payload: bytes({ nr: 3 }) })).toEqual({ said: "1 row changed" });
    expect(await rows()).toMatchObject([{ name: "k1" }]);
    await expect(one.fire({ payload: bytes({}) })).rejects.toMatchObject({ code: "MESSAGE_INVALID" });
  });

  test("rows of a batch are written together, but for those that a constraint refuses", async () => {
    await using one = await open(url(), { table: "orders", key: "key" });
    const items = [1, 2, 2, 3].map((nr, at) => ({
      config: { urlSecret: { name: "db", key: "url" }, table: "orders", key: "key" },
      key: `k${at}`,
      payload: bytes({ nr }),
      events: new Map(),
      trace: { traceparent: "" },
    }));
    const batch = { size: items.length, keys: items.map(({ key }) => key), items } as never;
    const outcome: Outcome = await one.fire({ batch });
    expect(outcome).toEqual({ said: "3 rows into orders", failedItems: [2] });
    expect(await count()).toBe(3);
    expect(await one.fire({ batch })).toEqual({ said: "already in orders", failedItems: [2] });
    const broken = items.map((item) => ({ ...item, config: { ...item.config, table: "nowhere" } }));
    await expect(one.fire({ batch: { size: 4, keys: [], items: broken } as never })).rejects.toMatchObject({
      code: "SQL_STATEMENT",
    });
    expect(await count()).toBe(3);
  });

  test.each([
    [{ nr: "not a number" }, kind === "sqlite" ? undefined : "SQL_CONSTRAINT"],
    [{ nr: 1, name: "n".repeat(61) }, "SQL_CONSTRAINT"],
    [{ nothing: 1 }, "SQL_STATEMENT"],
  ])("%j is %s", async (row, code) => {
    if (code === undefined) return;
    await using one = await open(url(), { table: "orders" });
    await expect(one.fire({ payload: bytes(row) })).rejects.toMatchObject({ code, retry: "never" });
  });

  test("many firings at once share the connections", async () => {
    await using one = await open(url(), { table: "orders", key: "key", poolSize: 4 });
    await Promise.all(
      Array.from({ length: 50 }, (_, nr) => one.fire({ key: `k${nr % 25}`, payload: bytes({ nr: nr % 25 }) })),
    );
    expect(await count()).toBe(25);
  });
}

describe("with SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemill-sql-"));
  const path = join(folder, "shop.sqlite");
  const run = async (text: string) => {
    const database = new DatabaseSync(path);
    try {
      const statement = database.prepare(text);
      if (statement.columns().length > 0) return statement.all();
      statement.run();
      return [];
    } finally {
      database.close();
    }
  };
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  behaves("sqlite", { url: () => `sqlite:${path}`, run });

  test("the path is meant from the manifest's folder", async () => {
    const config = { url: "sqlite:./shop.sqlite", table: "orders" };
    await using one = await trial(sql, config, { folder });
    await one.fire({ payload: bytes({ nr: 1 }) });
    expect(await run("SELECT nr FROM orders")).toMatchObject([{ nr: 1 }]);
  });

  test("the lock of another program is waited for", async () => {
    await using one = await open(`sqlite:${path}`, { table: "orders" });
    const other = new DatabaseSync(path);
    other.exec("BEGIN EXCLUSIVE");
    const writing = one.fire({ payload: bytes({ nr: 1 }) });
    await new Promise((resolve) => setTimeout(resolve, 50));
    other.exec("COMMIT");
    other.close();
    await writing;
  });
});

describeWithServer("mariadb", () => {
  let server: MariadbServer;
  const run: Seen["run"] = async (text) => {
    const { createConnection } = await import("mysql2/promise");
    const connection = await createConnection({ uri: server.url, supportBigNumbers: true, timezone: "Z" });
    try {
      const [found] = await connection.query(text);
      return Array.isArray(found) ? (found as Readonly<Record<string, unknown>>[]) : [];
    } finally {
      await connection.end();
    }
  };
  beforeAll(async () => {
    server = await startMariadb();
  }, 60_000);
  afterAll(() => server.stop());
  behaves("mysql", { url: () => server.url, run });
  breaks(() => server, run);
});

describeWithServer("postgres", () => {
  let server: PostgresServer;
  const run: Seen["run"] = async (text) => {
    const { default: pg } = await import("pg");
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      return (await client.query(text)).rows as Readonly<Record<string, unknown>>[];
    } finally {
      await client.end();
    }
  };
  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server.stop());
  behaves("postgres", { url: () => server.url, run });
  breaks(() => server, run);
});

/** A server that ends in the middle, is away, or does not let us in. */
function breaks(
  server: () => { readonly url: string; kill(): Promise<void>; start(): Promise<void> },
  run: Seen["run"],
): void {
  test("a wrong password is refused", async () => {
    await using one = await open(server().url.replace(/:[^:@/]+@/, ":wrong@"), { table: "orders" });
    const failed = one.fire({ payload: bytes({ nr: 1 }) });
    await expect(failed).rejects.toMatchObject({ code: "SQL_REFUSED" });
    await expect(failed).rejects.not.toThrow("wrong");
  });

  test("a write that is aborted ends at once, and leaves nothing open", async () => {
    await run("DELETE FROM orders");
    await using one = await open(server().url, { table: "orders", poolSize: 1 });
    const pause = server().url.startsWith("mysql") ? "SELECT SLEEP(5)" : "SELECT pg_sleep(5)";
    await using slow = await open(server().url, { statement: pause, poolSize: 1 });
    const startedMs = performance.now();
    await expect(slow.fire({ signal: AbortSignal.timeout(200) })).rejects.toThrow();
    expect(performance.now() - startedMs).toBeLessThan(1_200);
    await one.fire({ payload: bytes({ nr: 1 }) });
    expect(await run("SELECT nr FROM orders")).toHaveLength(1);
  });

  test("with a key, a row is there once though the server was killed in the middle", async () => {
    await run("DELETE FROM orders");
    await using one = await open(server().url, { table: "orders", key: "key" });
    const writes = Array.from({ length: 40 }, (_, nr) => ({ key: `k${nr}`, payload: bytes({ nr }) }));
    const first = writes.map((write) => one.fire(write).catch((error: unknown) => error));
    await Promise.race(first);
    await server().kill();
    const outcomes = await Promise.all(first);
    for (const outcome of outcomes) if (outcome instanceof Error) expect(outcome).toMatchObject({ retry: "backoff" });
    await expect(one.fire({ key: "k0", payload: bytes({ nr: 0 }) })).rejects.toMatchObject({ retry: "backoff" });
    await server().start();
    for (const write of writes) await one.fire(write);
    expect(Number((await run("SELECT COUNT(*) AS n FROM orders"))[0]?.n)).toBe(40);
  }, 60_000);
}
