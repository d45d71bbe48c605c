import { chmod } from "node:fs/promises";
import { createConnection } from "mysql2/promise";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithServer } from "../../../test/servers/describe.ts";
import { startMariadb } from "../../../test/servers/mariadb.ts";
import { startPostgres } from "../../../test/servers/postgres.ts";
import { freePort, type Server as TestServer } from "../../../test/servers/server.ts";
import { describeWithSmallDisk, mountSmallDisk, type SmallDisk } from "../../../test/small-disk.ts";
import { until } from "../../../test/until.ts";
import { codes } from "../../lib/codes/index.ts";
import { TideError } from "../../lib/errors.ts";
import { placeOf } from "../address.ts";
import { openRecord } from "../open.ts";
import { openStore } from "../open-store.ts";
import type { ServerPlace } from "../options.ts";
import { recordVersion } from "../schema.ts";
import { createWriter } from "../sql/writer.ts";
import { attempt, chunk, decided, fired, stored } from "../testing.ts";
import { mysqlServer } from "./mysql.ts";
import { postgresServer } from "./postgres.ts";
import { openServerStore } from "./server-store.ts";

const bus = { namespace: "default", bus: "default" };
const first = [
  chunk(1, stored("e1", 1), decided("e1", 1, { fired: [fired("f1", "t", [["a", "e1"]])] }), attempt("f1", 1)),
];

interface Kind {
  start(): Promise<TestServer & { readonly url: string }>;
  /** A connection beside the record's. */
  connect(url: string): Promise<{ run(sql: string): Promise<unknown>; end(): Promise<void> }>;
  /** Makes an empty place, and answers its address. */
  fresh(url: string, name: string): Promise<string>;
  /** Ends all other connections. */
  readonly killOthers: string;
  /** Holds up who inserts into `attempt`, until the transaction ends. */
  readonly holdAttempts: readonly string[];
  store(place: ServerPlace, writeTimeoutMs: number): ReturnType<typeof openServerStore>;
}

const mysql: Kind = {
  start: startMariadb,
  async connect(url) {
    const connection = await createConnection({ uri: url, multipleStatements: true });
    return { run: (sql) => connection.query(sql), end: () => connection.end() };
  },
  async fresh(url, name) {
    const other = await mysql.connect(url);
    await other.run(`CREATE DATABASE tide_${name}`);
    await other.end();
    return `${url}_${name}`;
  },
  killOthers: `BEGIN NOT ATOMIC FOR other IN (SELECT id FROM information_schema.processlist
    WHERE id <> CONNECTION_ID() AND user = 'tide') DO EXECUTE IMMEDIATE CONCAT('KILL ', other.id); END FOR; END`,
  holdAttempts: [
    "START TRANSACTION",
    "INSERT INTO attempt (firing_no, round, n, started_us, ended_us, outcome) VALUES (1, 0, 1, 0, 0, 'done')",
  ],
  store: async (place, writeTimeoutMs) =>
    openServerStore(await mysqlServer({ place, busyTimeoutMs: 2_000 }), { place, readOnly: false, writeTimeoutMs }),
};

const postgres: Kind = {
  start: startPostgres,
  async connect(url) {
    const client = new Client({ connectionString: url });
    await client.connect();
    const schema = new URL(url).searchParams.get("schema");
    if (schema !== null) await client.query(`SET search_path TO ${schema}`);
    return { run: (sql) => client.query(sql), end: () => client.end() };
  },
  async fresh(url, name) {
    const other = await postgres.connect(url);
    await other.run(`CREATE SCHEMA ${name}`);
    await other.end();
    return `${url}?schema=${name}`;
  },
  killOthers:
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemill' AND pid <> pg_backend_pid()",
  holdAttempts: ["BEGIN", "LOCK TABLE attempt IN ACCESS EXCLUSIVE MODE"],
  store: async (place, writeTimeoutMs) =>
    openServerStore(await postgresServer({ place, busyTimeoutMs: 2_000 }), { place, readOnly: false, writeTimeoutMs }),
};

function serverPlace(url: string): ServerPlace {
  const place = placeOf(url);
  if (place.kind === "sqlite") throw new TypeError("not a server");
  return place;
}

function describeServer(kind: Kind): void {
  let server: Awaited<ReturnType<Kind["start"]>>;
  beforeAll(async () => {
    server = await kind.start();
  });
  afterAll(() => server.stop());

  test("many that start at once make the tables once", async () => {
    const url = await kind.fresh(server.url, "many");
    const records = await Promise.all(Array.from({ length: 6 }, () => openRecord(url)));
    for (const [at, record] of records.entries())
      await record.apply({ namespace: "n", bus: `b${at}` }, [chunk(1, stored(`e${at}`, 1))]);
    expect(await records[0]?.audit({})).toMatchObject({ receipts: { stored: 6 }, missing: [] });
    await Promise.all(records.map((record) => record[Symbol.asyncDispose]()));
  });

  test("writers of several processes take turns, and give no number twice", async () => {
    const url = await kind.fresh(server.url, "turns");
    await using one = await openRecord(url, { busyTimeoutMs: 20_000 });
    await using other = await openRecord(url, { busyTimeoutMs: 20_000 });
    await Promise.all(
      [one, other].map(async (record, which) => {
        for (let seq = 1; seq <= 30; seq++)
          await record.apply({ namespace: "n", bus: `b${which}` }, [chunk(seq, stored(`e${which}-${seq}`, seq))]);
      }),
    );
    expect(await one.audit({})).toMatchObject({ receipts: { stored: 60 }, missing: [] });
  });

  test("a record of an older version is brought up, with what is in it", async () => {
    const url = await kind.fresh(server.url, "older");
    {
      await using record = await openRecord(url);
      await record.apply(bus, first);
    }
    const other = await kind.connect(url);
    await other.run("ALTER TABLE attempt DROP COLUMN batch");
    await other.run("ALTER TABLE attempt DROP COLUMN batch_size");
    await other.run("ALTER TABLE place DROP COLUMN log");
    for (const column of ["trace_id", "parent_span", "skew_us", "replay_of"])
      await other.run(`ALTER TABLE event DROP COLUMN ${column}`);
    await other.run("DROP TABLE span");
    await other.run("UPDATE record_meta SET version = 1");
    await other.end();
    await expect(openRecord(url, { readOnly: true })).rejects.toMatchObject({ code: "RECORD_UNWRITABLE" });
    await using record = await openRecord(url);
    expect((await record.firing("f1"))?.attempts).toMatchObject([{ n: 1, batch: undefined }]);
    await record.apply(bus, [chunk(2, attempt("f1", 2, { batch: { id: "b", size: 3 } }))]);
    expect((await record.firing("f1"))?.attempts[1]?.batch).toEqual({ id: "b", size: 3 });
    const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    await record.apply(bus, [chunk(3, stored("e8", 8, { trace }))]);
    expect((await record.trace({ id: "e8", limit: 1 }))?.traceId).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
  });

  test("a newer version is refused, at the start and under way; the tables of others are left alone", async () => {
    const url = await kind.fresh(server.url, "newer");
    await expect(openRecord(url, { readOnly: true })).rejects.toMatchObject({ code: "RECORD_MISSING" });
    await using record = await openRecord(url);
    const other = await kind.connect(url);
    await other.run(`UPDATE record_meta SET version = ${recordVersion + 1}`);
    await expect(record.apply(bus, first)).rejects.toMatchObject({ code: "RECORD_NEWER" });
    await expect(openRecord(url)).rejects.toMatchObject({ code: "RECORD_NEWER" });
    await other.end();
    const theirs = await kind.fresh(server.url, "theirs");
    const foreign = await kind.connect(theirs);
    await foreign.run("CREATE TABLE message (id INTEGER)");
    await (await openRecord(theirs))[Symbol.asyncDispose]();
    await foreign.run("DROP TABLE record_meta");
    await expect(openRecord(theirs)).rejects.toMatchObject({ code: "RECORD_DAMAGED" });
    await foreign.end();
  });

  test("a wrong password, an unknown user or database, and TLS that is not there are refused, without the password", async () => {
    const { port } = server;
    const scheme = new URL(server.url).protocol;
    for (const at of [
      `tide:geheim@127.0.0.1:${port}/tide`,
      `nobody:geheim@127.0.0.1:${port}/tide`,
      `tide:mill@127.0.0.1:${port}/other`,
      `tide:mill@127.0.0.1:${port}/tide?sslmode=require`,
    ]) {
      const error = await openRecord(`${scheme}//${at}`, { mayBeAway: true }).catch((error: unknown) => error);
      expect(error, at).toMatchObject({ code: "RECORD_REFUSED" });
      expect(String(error)).not.toMatch(/geheim|mill@/);
    }
    const nobody = `${scheme}//tide:geheim@127.0.0.1:${await freePort()}/tide`;
    const away = await openRecord(nobody).catch((error: unknown) => error);
    expect(away).toMatchObject({ code: "RECORD_AWAY" });
    expect(String(away)).not.toContain("geheim");
    expect(codes.RECORD_AWAY.retry).toBe("backoff");
  });

  test("a connection that is lost in the middle of a transaction leaves nothing of it, and is made again", async () => {
    const url = await kind.fresh(server.url, "lost");
    await using record = await openRecord(url, { busyTimeoutMs: 60_000 });
    expect(await record.place(bus)).toBe(0);
    const other = await kind.connect(url);
    for (const sql of kind.holdAttempts) await other.run(sql);
    const applied = record.apply(bus, first).catch((error: unknown) => error);
    const reader = await kind.connect(url);
    // until it waits for the other's lock, with all of its other rows written
    for (let waits = 0; waits === 0; ) waits = await waiting(kind, reader);
    await reader.run(kind.killOthers).catch(() => undefined);
    expect(await applied).toMatchObject({ code: "RECORD_AWAY" });
    await other.run("ROLLBACK").catch(() => undefined);
    await Promise.allSettled([other.end(), reader.end()]);
    expect(await record.audit({})).toMatchObject({ receipts: { stored: 0 }, firings: { done: 0 } });
    await record.apply(bus, first);
    expect(await record.audit({})).toMatchObject({ receipts: { stored: 1 }, firings: { done: 1 }, missing: [] });
  });

  test("a write that gets no answer is given up, and made again on a new connection", async () => {
    const url = await kind.fresh(server.url, "hung");
    const store = await kind.store(serverPlace(url), 400);
    const writer = createWriter(store);
    const other = await kind.connect(url);
    for (const sql of kind.holdAttempts) await other.run(sql);
    const error = await writer.apply(bus, first).catch((error: unknown) => store.fault(error, "writing"));
    expect(error).toMatchObject({ code: "RECORD_AWAY" });
    await other.run("ROLLBACK");
    await other.end();
    await writer.apply(bus, first);
    expect(await writer.place(bus)).toBe(1);
    await store.close();
  });
}

/** A server whose data is on a disk of its own. */
async function startOn(disk: SmallDisk, kind: Kind): ReturnType<Kind["start"]> {
  // a server that runs as another user passes through it
  await chmod(disk.path, 0o755);
  const before = process.env.TMPDIR;
  process.env.TMPDIR = disk.path;
  try {
    return await kind.start();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

function describeFullDisk(kind: Kind): void {
  describeWithSmallDisk("on a full disk", () => {
    test("it refuses what it cannot keep, keeps what it took, and takes more once there is room", async () => {
      await using disk = mountSmallDisk(400);
      await using server = await startOn(disk, kind);
      await using record = await openRecord(server.url, { busyTimeoutMs: 5_000 });
      const chunkOf = (n: number) => [
        chunk(n, ...Array.from({ length: 500 }, (_, i) => stored(`e${n}-${i}`, 500 * n + i))),
      ];
      await record.apply(bus, chunkOf(1));
      await disk.fill();
      let taken = 1;
      let refused: unknown;
      while (refused === undefined && taken < 1_000) {
        await record.apply(bus, chunkOf(taken + 1)).then(
          () => taken++,
          (error: unknown) => (refused = error),
        );
      }
      expect(refused).toBeInstanceOf(TideError);
      expect((refused as TideError).retry).toBe("backoff");
      await disk.free();
      // one that could not write its own log has ended itself
      await server.start();
      await until("it takes more again", () =>
        record.apply(bus, chunkOf(taken + 1)).then(
          () => true,
          () => false,
        ),
      );
      expect(await record.audit({})).toMatchObject({ receipts: { stored: 500 * (taken + 1) }, missing: [] });
      expect(await record.place(bus)).toBe(taken + 1);
    });
  });
}

/** How many statements of the record wait for a lock. */
async function waiting(kind: Kind, reader: Awaited<ReturnType<Kind["connect"]>>): Promise<number> {
  if (kind === postgres) {
    const found = (await reader.run(
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'tidemill' AND wait_event_type = 'Lock'",
    )) as { readonly rows: readonly unknown[] };
    return found.rows.length;
  }
  const [found] = (await reader.run(
    "SELECT id FROM information_schema.processlist WHERE info LIKE 'INSERT INTO attempt%' AND command = 'Query'",
  )) as readonly [readonly unknown[]];
  return found.length;
}

describe("a record on a server", { timeout: 90_000 }, () => {
  describeWithServer("mariadb", () => {
    describeServer(mysql);
    describeFullDisk(mysql);

    test("tables that a crash left half made are made to their end", async () => {
      await using server = await startMariadb();
      const other = await mysql.connect(server.url);
      await other.run("CREATE TABLE record_meta (version BIGINT PRIMARY KEY)");
      await expect(openRecord(server.url, { readOnly: true })).rejects.toMatchObject({ code: "RECORD_MISSING" });
      await (await openRecord(server.url))[Symbol.asyncDispose]();
      await other.run("UPDATE record_meta SET version = 0");
      await other.run("DROP TABLE attempt");
      await using record = await openRecord(server.url);
      await record.apply(bus, first);
      expect(await record.audit({})).toMatchObject({ receipts: { stored: 1 }, missing: [] });
      await other.end();
    });
  });
  describeWithServer("postgres", () => {
    describeServer(postgres);
    describeFullDisk(postgres);

    test("a database that takes no writes says so, and loses nothing of what came before", async () => {
      await using server = await startPostgres();
      const store = await openStore({ place: placeOf(server.url), readOnly: false, busyTimeoutMs: 2_000 });
      await createWriter(store).apply(bus, first);
      await store.close();
      const other = await postgres.connect(server.url);
      await other.run("ALTER DATABASE tide SET default_transaction_read_only = on");
      await other.end();
      await using record = await openRecord(server.url);
      const second = [chunk(2, stored("e2", 2))];
      await expect(record.apply(bus, second)).rejects.toMatchObject({ code: "RECORD_WRITE_FAILED", retry: "backoff" });
      expect(await record.audit({})).toMatchObject({ receipts: { stored: 1 }, missing: [] });
    });
  });
});
