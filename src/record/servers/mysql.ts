import type { ConnectionOptions, Connection as MysqlConnection, QueryError } from "mysql2";
import { type CodeName, codeOf, messageOf, TideError } from "../../lib/errors.ts";
import { type ServerPlace, shownPlace } from "../options.ts";
import type { Dialect } from "../sql/dialect.ts";
import type { Session } from "../sql/store.ts";
import { MysqlSession } from "./mysql-session.ts";
import type { Connection, Server } from "./server-store.ts";
import { certificateFault, tlsMaterial } from "./tls.ts";

type Driver = typeof import("mysql2");

export interface MysqlOptions {
  readonly place: ServerPlace;
  readonly busyTimeoutMs: number;
}

/** A record in MySQL (8.0 or later) or MariaDB (10.3 or later). */
export async function mysqlServer({ place, busyTimeoutMs }: MysqlOptions): Promise<Server> {
  const driver = await import("mysql2");
  let dialect: Dialect | undefined;
  const server: Server = {
    // the collation is known once the server has said what it is
    get dialect() {
      return dialect ?? dialectWith("utf8mb4_bin");
    },
    atomic: false,
    begin: { read: "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", write: "START TRANSACTION" },
    async connect() {
      const connection = await connectMysql(driver, place);
      try {
        const [row] = await rowsOf(connection, "SELECT VERSION() AS version");
        dialect ??= dialectWith(collationOf(String(row?.version), place));
        // backslashes in texts are escaped by the driver, so the server must read them so; a value that is cut is an error
        await rowsOf(
          connection,
          `SET SESSION sql_mode = 'STRICT_ALL_TABLES', SESSION innodb_lock_wait_timeout = ${Math.max(Math.ceil(busyTimeoutMs / 1000), 1)}`,
        );
      } catch (error) {
        connection.destroy();
        throw error;
      }
      return connectionOver(connection, dialect);
    },
    tables: async (session, names) => {
      const found = await session.all<{ name: string }>(
        `SELECT table_name AS name FROM information_schema.tables
         WHERE table_schema = DATABASE() AND ${session.dialect.among("table_name")}`,
        [names],
      );
      return found.map(({ name }) => name);
    },
    migrating,
    async again(session, text) {
      try {
        await session.run(text);
      } catch (error) {
        if (!done.has(errnoOf(error) ?? 0)) throw error;
      }
    },
    fault: mysqlFault,
  };
  return server;
}

/** A table, column or index that is there already. */
const done: ReadonlySet<number> = new Set([1050, 1060, 1061]);

/** MySQL commits before and after each CREATE: the lock is one of the server's named ones, held by the connection. */
async function migrating(session: Session, step: () => Promise<void>): Promise<void> {
  const lock = "CONCAT('tidemill.record.', MD5(DATABASE()))";
  const [got] = await session.all<{ got: number | null }>(`SELECT GET_LOCK(${lock}, 60) AS got`);
  if (got?.got !== 1) throw new TideError("RECORD_LOCKED", "another process has been making the tables for 60 s");
  try {
    await step();
  } finally {
    await session.run(`DO RELEASE_LOCK(${lock})`);
  }
}

/** Both compare the bytes of a text and do not pad it: `a` and `a ` are two. */
function collationOf(version: string, place: ServerPlace): string {
  const maria = /mariadb/i.test(version);
  const [, major = "0", minor = "0"] = /^(?:5\.5\.5-)?(\d+)\.(\d+)/.exec(version) ?? [];
  const number = Number(major) * 100 + Number(minor);
  if (number < (maria ? 1003 : 800))
    throw new TideError(
      "RECORD_UNSUPPORTED",
      `${shownPlace(place)} is ${maria ? "MariaDB" : "MySQL"} ${major}.${minor}; the record needs MySQL 8.0 or MariaDB 10.3`,
    );
  return maria ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin";
}

function dialectWith(collation: string): Dialect {
  const text = (type: string) => `${type} CHARACTER SET utf8mb4 COLLATE ${collation}`;
  return {
    name: "mysql",
    types: {
      int: "BIGINT",
      real: "DOUBLE",
      word: text("VARCHAR(255)"),
      name: text("VARCHAR(255)"),
      text: text("TEXT"),
    },
    tableOptions: { clustered: " ENGINE=InnoDB ROW_FORMAT=DYNAMIC", plain: " ENGINE=InnoDB ROW_FORMAT=DYNAMIC" },
    partialIndex: false,
    among: (column) => `${column} IN (?)`,
  };
}

/** Fails as the driver does. */
export async function connectMysql(
  driver: Driver,
  place: ServerPlace,
  more: ConnectionOptions = {},
): Promise<MysqlConnection> {
  const { host, port, socket, user, password, database, tls, connectTimeoutMs } = place;
  const connection = driver.createConnection({
    ...(socket === undefined ? { host, port } : { socketPath: socket }),
    user,
    ...(password === undefined ? {} : { password }),
    database,
    charset: "utf8mb4",
    connectTimeout: connectTimeoutMs,
    enableKeepAlive: true,
    decimalNumbers: true,
    dateStrings: true,
    stringifyObjects: true,
    ...(tls === undefined ? {} : { ssl: { ...tlsMaterial(tls), verifyIdentity: tls.verify === "full" } }),
    ...more,
  });
  // the same error rejects the call that is under way
  connection.on("error", () => undefined);
  await new Promise<void>((connected, failed) => {
    connection.connect((error) => (error === null ? connected() : failed(error)));
  });
  return connection;
}

function rowsOf(connection: MysqlConnection, text: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return new Promise((answered, failed) => {
    connection.query(text, (error: QueryError | null, rows: unknown) => {
      if (error === null) answered(Array.isArray(rows) ? rows : []);
      else failed(error);
    });
  });
}

function connectionOver(connection: MysqlConnection, dialect: Dialect): Connection {
  let lost = false;
  const end = (): void => {
    lost = true;
  };
  connection.on("error", end);
  connection.on("end", end);
  const session = new MysqlSession(connection, dialect);
  return {
    session,
    get lost() {
      return lost;
    },
    close: () => new Promise((closed) => connection.end(() => closed())),
    destroy() {
      lost = true;
      connection.destroy();
      // the driver leaves what is under way without an answer
      session.fail(new TideError("RECORD_AWAY", "the server did not answer in time; the connection was ended"));
    },
  };
}

function errnoOf(error: unknown): number | undefined {
  return error instanceof Error && "errno" in error && typeof error.errno === "number" ? error.errno : undefined;
}

/** What MySQL or its driver says, as one of our codes. */
export function mysqlFault(error: unknown, doing: string): TideError {
  if (error instanceof TideError) return error;
  const errno = errnoOf(error);
  const word = codeOf(error) ?? "";
  const code: CodeName =
    (errno === undefined ? undefined : codeOfErrno[errno]) ??
    (certificateFault.test(word) || word === "HANDSHAKE_NO_SSL_SUPPORT" ? "RECORD_REFUSED" : undefined) ??
    (/^(E[A-Z_]+|PROTOCOL_[A-Z_]+)$/.test(word) && !word.startsWith("ER_") ? "RECORD_AWAY" : undefined) ??
    (error instanceof Error && /closed state|connection (is )?closed|connect ETIMEDOUT/i.test(error.message)
      ? "RECORD_AWAY"
      : "RECORD_FAILED");
  return new TideError(code, `${doing}: ${messageOf(error)}`, { cause: error });
}

/** By MySQL's error numbers. */
const codeOfErrno: Readonly<Record<number, CodeName>> = {
  1021: "RECORD_WRITE_FAILED", // ER_DISK_FULL
  1026: "RECORD_WRITE_FAILED", // ER_ERROR_ON_WRITE
  1030: "RECORD_WRITE_FAILED", // ER_GET_ERRNO: the engine's own
  1040: "RECORD_AWAY", // ER_CON_COUNT_ERROR
  1044: "RECORD_REFUSED", // ER_DBACCESS_DENIED_ERROR
  1045: "RECORD_REFUSED", // ER_ACCESS_DENIED_ERROR
  1049: "RECORD_REFUSED", // ER_BAD_DB_ERROR
  1053: "RECORD_AWAY", // ER_SERVER_SHUTDOWN
  1054: "RECORD_DAMAGED", // ER_BAD_FIELD_ERROR
  1114: "RECORD_WRITE_FAILED", // ER_RECORD_FILE_FULL
  1129: "RECORD_AWAY", // ER_HOST_IS_BLOCKED
  1130: "RECORD_REFUSED", // ER_HOST_NOT_PRIVILEGED
  1142: "RECORD_REFUSED", // ER_TABLEACCESS_DENIED_ERROR
  1146: "RECORD_DAMAGED", // ER_NO_SUCH_TABLE
  1203: "RECORD_AWAY", // ER_TOO_MANY_USER_CONNECTIONS
  1205: "RECORD_LOCKED", // ER_LOCK_WAIT_TIMEOUT
  1213: "RECORD_LOCKED", // ER_LOCK_DEADLOCK
  1251: "RECORD_REFUSED", // ER_NOT_SUPPORTED_AUTH_MODE
  1290: "RECORD_WRITE_FAILED", // ER_OPTION_PREVENTS_STATEMENT: --read-only
  1698: "RECORD_REFUSED", // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
  1792: "RECORD_WRITE_FAILED", // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
  1836: "RECORD_WRITE_FAILED", // ER_READ_ONLY_MODE
  1927: "RECORD_AWAY", // ER_CONNECTION_KILLED
  3159: "RECORD_REFUSED", // ER_SECURE_TRANSPORT_REQUIRED
  4031: "RECORD_AWAY", // ER_CLIENT_INTERACTION_TIMEOUT
};
