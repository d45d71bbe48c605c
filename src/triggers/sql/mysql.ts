import type { PoolConnection, PoolOptions, ResultSetHeader } from "mysql2/promise";
import type { Egress } from "../../kit/egress.ts";
import { guardedSocket } from "../../kit/egress-connect.ts";
import { type ServerPlace, type SqlAddress, sqlTlsMaterial } from "../../lib/sql-place.ts";
import type { SqlDatabase } from "./database.ts";
import { type Lending, lend } from "./lend.ts";

type Driver = typeof import("mysql2/promise");

export interface ServerParts<D> {
  readonly driver: D;
  readonly shown: string;
  readonly poolSize: number;
  readonly address: SqlAddress;
  readonly egress: Egress;
}

/** MySQL and MariaDB. */
export function openMysql(place: ServerPlace, parts: ServerParts<Driver>): SqlDatabase {
  const { driver, shown, poolSize, address, egress } = parts;
  const { host, port, socket, user, password, database, tls, connectTimeoutMs } = place;
  const options: PoolOptions = {
    host,
    // the driver's own would ask nobody for leave
    stream: () => {
      const opened = guardedSocket(egress, socket === undefined ? { host, port } : { path: socket });
      opened.once("connect", () => opened.setKeepAlive(true));
      return opened.setNoDelay(true);
    },
    user,
    ...(password === undefined ? {} : { password }),
    database,
    charset: "utf8mb4",
    connectTimeout: connectTimeoutMs,
    connectionLimit: poolSize,
    ...(tls === undefined ? {} : { ssl: { ...sqlTlsMaterial(tls, address), verifyIdentity: tls.verify === "full" } }),
  };
  const pool = driver.createPool(options);
  // times are UTC, and a value that would be cut is an error
  const session = "SET SESSION time_zone = '+00:00', SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')";
  pool.pool.on("connection", (connection) => connection.query(session, () => undefined));
  const connections: Lending<PoolConnection> = {
    take: () => pool.getConnection(),
    giveBack: (connection, whole) => (whole ? connection.release() : connection.destroy()),
  };
  return {
    kind: "mysql",
    shown,
    with: (signal, step) =>
      lend(connections, signal, (connection) =>
        step({
          async run(sql, values) {
            const sent = values.map((value) => (typeof value === "bigint" ? String(value) : value));
            // SAVEPOINT and its like cannot be prepared
            const [answer] = await (sent.length === 0 ? connection.query(sql) : connection.execute(sql, sent));
            if (Array.isArray(answer)) return { changed: 0, found: answer.length };
            return { changed: (answer as ResultSetHeader).affectedRows, found: 0 };
          },
        }),
      ),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}
