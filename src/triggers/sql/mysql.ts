import type { PoolOptions, ResultSetHeader } from "mysql2/promise";
import { abortable } from "../../lib/abort.ts";
import { type ServerPlace, type SqlAddress, sqlTlsMaterial } from "../../lib/sql-place.ts";
import type { SqlDatabase } from "./database.ts";

type Driver = typeof import("mysql2/promise");

export interface ServerParts<D> {
  readonly driver: D;
  readonly shown: string;
  readonly poolSize: number;
  readonly address: SqlAddress;
}

/** MySQL and MariaDB. */
export function openMysql(place: ServerPlace, { driver, shown, poolSize, address }: ServerParts<Driver>): SqlDatabase {
  const { host, port, socket, user, password, database, tls, connectTimeoutMs } = place;
  const options: PoolOptions = {
    ...(socket === undefined ? { host, port } : { socketPath: socket }),
    user,
    ...(password === undefined ? {} : { password }),
    database,
    charset: "utf8mb4",
    connectTimeout: connectTimeoutMs,
    connectionLimit: poolSize,
    enableKeepAlive: true,
    ...(tls === undefined ? {} : { ssl: { ...sqlTlsMaterial(tls, address), verifyIdentity: tls.verify === "full" } }),
  };
  const pool = driver.createPool(options);
  // times are UTC, and a value that would be cut is an error
  const session = "SET SESSION time_zone = '+00:00', SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')";
  pool.pool.on("connection", (connection) => connection.query(session, () => undefined));
  return {
    kind: "mysql",
    shown,
    async with(signal, step) {
      signal.throwIfAborted();
      const connecting = pool.getConnection();
      const connection = await abortable(connecting, signal).catch((error: unknown) => {
        connecting.then((late) => late.release()).catch(() => undefined);
        throw error;
      });
      let whole = false;
      try {
        const result = await abortable(
          step({
            async run(sql, values) {
              const sent = values.map((value) => (typeof value === "bigint" ? String(value) : value));
              // SAVEPOINT and its like cannot be prepared
              const [answer] = await (sent.length === 0 ? connection.query(sql) : connection.execute(sql, sent));
              if (Array.isArray(answer)) return { changed: 0, found: answer.length };
              return { changed: (answer as ResultSetHeader).affectedRows, found: 0 };
            },
          }),
          signal,
        );
        whole = true;
        return result;
      } finally {
        // what is open on it is undone by its end
        if (whole) connection.release();
        else connection.destroy();
      }
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}
