import type { Client, ClientConfig } from "pg";
import { type CodeName, codeOf, messageOf, TideError } from "../../lib/errors.ts";
import { type ServerPlace, shownPlace } from "../options.ts";
import type { Dialect } from "../sql/dialect.ts";
import type { Session } from "../sql/store.ts";
import { PostgresSession } from "./postgres-session.ts";
import type { Connection, Server } from "./server-store.ts";
import { certificateFault, tlsMaterial } from "./tls.ts";

type Driver = typeof import("pg");

export interface PostgresOptions {
  readonly place: ServerPlace;
  readonly busyTimeoutMs: number;
}

/** `C` compares bytes: the order and equality that the other databases have too. */
const text = 'TEXT COLLATE "C"';

const postgresDialect: Dialect = {
  name: "postgres",
  types: { int: "BIGINT", real: "DOUBLE PRECISION", word: text, name: text, text },
  tableOptions: { clustered: "", plain: "" },
  partialIndex: true,
  among: (column) => `${column} = ANY(?)`,
};

/** A record in Postgres (12 or later). */
export async function postgresServer({ place, busyTimeoutMs }: PostgresOptions): Promise<Server> {
  const driver = await import("pg");
  return {
    dialect: postgresDialect,
    atomic: true,
    begin: { read: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", write: "BEGIN" },
    async connect() {
      const client = await connectPostgres(driver, place);
      const connection = connectionOver(driver, client);
      try {
        const [row] = await connection.session.all<{ server_version_num: string }>("SHOW server_version_num");
        const major = Math.floor(Number(row?.server_version_num) / 10_000);
        if (major < 12)
          throw new TideError(
            "RECORD_UNSUPPORTED",
            `${shownPlace(place)} is Postgres ${major}; the record needs 12 or later`,
          );
        await connection.session.run(`SET lock_timeout = ${Math.max(Math.ceil(busyTimeoutMs), 1)}`);
        return connection;
      } catch (error) {
        connection.destroy();
        throw error;
      }
    },
    async tables(session, names) {
      const found = await session.all<{ name: string }>(
        `SELECT tablename AS name FROM pg_tables
         WHERE schemaname = current_schema() AND ${session.dialect.among("tablename")}`,
        [names],
      );
      return found.map(({ name }) => name);
    },
    async migrating(session, step) {
      await session.run("BEGIN");
      try {
        await session.run("SET LOCAL lock_timeout = 60000");
        await session.run("SELECT pg_advisory_xact_lock(hashtext('tidemill.record.' || current_schema()))");
        await step();
        await session.run("COMMIT");
      } catch (error) {
        await session.run("ROLLBACK").catch(() => undefined);
        throw error;
      }
    },
    again: (session: Session, text: string) => session.run(text),
    fault: postgresFault,
  };
}

/** Fails as the driver does. */
export async function connectPostgres(driver: Driver, place: ServerPlace, more: ClientConfig = {}): Promise<Client> {
  const { host, port, socket, user, password, database, schema, tls, connectTimeoutMs } = place;
  const client = new driver.default.Client({
    host: socket ?? host,
    port,
    user,
    ...(password === undefined ? {} : { password }),
    database,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: "tidemill",
    // the server's name is compared only with `full`
    ssl:
      tls === undefined
        ? false
        : { ...tlsMaterial(tls), ...(tls.verify === "full" ? {} : { checkServerIdentity: () => undefined }) },
    types: { getTypeParser: (oid: number, format?: string) => parserOf(driver, oid, format) } as NonNullable<
      ClientConfig["types"]
    >,
    ...more,
  });
  // the same error rejects the call that is under way
  client.on("error", () => undefined);
  try {
    await client.connect();
    if (schema !== undefined) await client.query(`SET search_path TO ${client.escapeIdentifier(schema)}`);
    return client;
  } catch (error) {
    void client.end().catch(() => undefined);
    throw error;
  }
}

const bigint = 20;
const numeric = 1700;

/** All integers of the record fit into a number; a sum of them comes as `numeric`. */
function parserOf(driver: Driver, oid: number, format: string | undefined): unknown {
  if (oid === bigint || oid === numeric) return Number;
  return driver.default.types.getTypeParser(oid, format as "text");
}

function connectionOver(driver: Driver, client: Client): Connection {
  let lost = false;
  const end = (): void => {
    lost = true;
  };
  client.on("error", end);
  client.on("end", end);
  return {
    session: new PostgresSession(client, { Query: driver.default.Query, dialect: postgresDialect }),
    get lost() {
      return lost;
    },
    close: () => client.end(),
    destroy() {
      lost = true;
      streamOf(client).destroy();
    },
  };
}

/** The socket: the client itself has no way to end at once. */
function streamOf(client: Client): { destroy(): void } {
  return (client as unknown as { readonly connection: { readonly stream: { destroy(): void } } }).connection.stream;
}

/** What Postgres or its driver says, as one of our codes. */
export function postgresFault(error: unknown, doing: string): TideError {
  if (error instanceof TideError) return error;
  const state = codeOf(error) ?? "";
  const message = messageOf(error);
  const code: CodeName =
    (Object.hasOwn(codeOfState, state) ? codeOfState[state] : undefined) ??
    (/^(08|57P)/.test(state) ? "RECORD_AWAY" : undefined) ??
    (/^(28|3D|3F)/.test(state) || certificateFault.test(state) ? "RECORD_REFUSED" : undefined) ??
    (/^53/.test(state) ? "RECORD_WRITE_FAILED" : undefined) ??
    (/^E[A-Z]{3,}/.test(state) ? "RECORD_AWAY" : undefined) ??
    (/does not support SSL|password must be a string/.test(message) ? "RECORD_REFUSED" : undefined) ??
    (/Connection terminated|connection error|timeout expired|not queryable|Client was closed/i.test(message)
      ? "RECORD_AWAY"
      : "RECORD_FAILED");
  return new TideError(code, `${doing}: ${message}`, { cause: error });
}

/** By SQLSTATE. */
const codeOfState: Readonly<Record<string, CodeName>> = {
  "25006": "RECORD_WRITE_FAILED", // read_only_sql_transaction
  "40001": "RECORD_LOCKED", // serialization_failure
  "40P01": "RECORD_LOCKED", // deadlock_detected
  "42501": "RECORD_REFUSED", // insufficient_privilege
  "42703": "RECORD_DAMAGED", // undefined_column
  "42P01": "RECORD_DAMAGED", // undefined_table
  "53300": "RECORD_AWAY", // too_many_connections
  "55P03": "RECORD_LOCKED", // lock_not_available
};
