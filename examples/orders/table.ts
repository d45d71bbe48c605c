import type { Pool, RowDataPacket } from "mysql2/promise";
import type { Channel, Message } from "./message.ts";
import { nowUs } from "./message.ts";

/** One row of the table `message`. Times are Unix microseconds. */
export interface MessageRow {
  readonly author: string;
  readonly id: string;
  readonly channel: Channel;
  readonly sentUs: number;
  readonly insertedUs: number;
  /** How often it was delivered; more than 1 when an answer was lost and the delivery tried again. */
  readonly deliveries: number;
  /** Deliveries under another idempotency key than the first: 0, or something acted twice. */
  readonly otherKeys: number;
}

/** The table that the service and the Jobs write to, and the report reads from. */
export interface MessageTable extends AsyncDisposable {
  /** Inserts a message once per channel and id; a repetition is only counted. Durable when it resolves. */
  insert(channel: Channel, message: Message, key: string): Promise<void>;
  /** The rows of one run of the generator, or all, inserted at `sinceUs` or later; in the order they were inserted. */
  rows(run?: string, sinceUs?: number): Promise<readonly MessageRow[]>;
}

// `message(author, id, channel, sent_us, inserted_us, ...)` is understood by both; only the upsert differs
const create = `CREATE TABLE IF NOT EXISTS message (
  author VARCHAR(64) NOT NULL,
  id VARCHAR(64) NOT NULL,
  channel VARCHAR(16) NOT NULL,
  sent_us BIGINT NOT NULL,
  inserted_us BIGINT NOT NULL,
  first_key VARCHAR(255) NOT NULL,
  deliveries INTEGER NOT NULL DEFAULT 1,
  other_keys INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (channel, id)
)`;

const insert = "INSERT INTO message (author, id, channel, sent_us, inserted_us, first_key) VALUES (?, ?, ?, ?, ?, ?)";

const select = `SELECT author, id, channel, sent_us AS sentUs, inserted_us AS insertedUs, deliveries,
  other_keys AS otherKeys FROM message WHERE id LIKE ? AND inserted_us >= ? ORDER BY inserted_us, channel, id`;

/** `sqlite:PATH` or `mysql://user:password@host:port/database`; the table is made where it is missing. */
export async function openTable(url: string): Promise<MessageTable> {
  if (url.startsWith("sqlite:")) return openSqlite(url.slice("sqlite:".length));
  if (url.startsWith("mysql:")) return openMysql(url);
  throw new Error(`DATABASE_URL must begin with sqlite: or mysql://, not ${url.split(":", 1)[0]}:`);
}

async function openSqlite(path: string): Promise<MessageTable> {
  const { DatabaseSync } = await import("node:sqlite");
  // the service and several Jobs write to it at the same time: each waits for the others
  const database = new DatabaseSync(path, { timeout: 10_000 });
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  database.exec(create);
  const upsert = database.prepare(
    `${insert} ON CONFLICT (channel, id) DO UPDATE SET deliveries = deliveries + 1,
     other_keys = other_keys + (first_key <> excluded.first_key)`,
  );
  const query = database.prepare(select);
  return {
    insert: async (...given) => {
      upsert.run(...valuesOf(...given));
    },
    rows: async (run, sinceUs = 0) => query.all(patternOf(run), sinceUs) as unknown as readonly MessageRow[],
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

async function openMysql(url: string): Promise<MessageTable> {
  const { createPool } = await import("mysql2/promise");
  const pool: Pool = createPool({ uri: url, connectionLimit: 8, connectTimeout: 10_000 });
  try {
    await pool.query(create);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const upsert = `${insert} ON DUPLICATE KEY UPDATE deliveries = deliveries + 1,
    other_keys = other_keys + (first_key <> VALUES(first_key))`;
  return {
    insert: async (...given) => {
      await pool.query(upsert, valuesOf(...given));
    },
    rows: async (run, sinceUs = 0) => {
      const [rows] = await pool.query<RowDataPacket[]>(select, [patternOf(run), sinceUs]);
      return rows as unknown as readonly MessageRow[];
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

function valuesOf(channel: Channel, { author, id, sentUs }: Message, key: string): (string | number)[] {
  return [author, id, channel, sentUs, nowUs(), key];
}

function patternOf(run: string | undefined): string {
  return run === undefined ? "%" : `${run}-%`;
}
