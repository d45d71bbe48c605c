import type { PoolClient } from "pg";
import { guardedSocket } from "../../kit/egress-connect.ts";
import { type ServerPlace, sqlTlsMaterial } from "../../lib/sql-place.ts";
import type { SqlDatabase } from "./database.ts";
import { type Lending, lend } from "./lend.ts";
import type { ServerParts } from "./mysql.ts";

type Driver = typeof import("pg");

export function openPostgres(place: ServerPlace, parts: ServerParts<Driver>): SqlDatabase {
  const { driver, shown, poolSize, address, egress } = parts;
  const { host, port, socket, user, password, database, schema, tls, connectTimeoutMs } = place;
  const { Pool, escapeIdentifier } = driver.default;
  const pool = new Pool({
    host: socket ?? host,
    port,
    // the driver's own would ask nobody for leave; it tells it to connect, which it does already
    stream: () => {
      const opened = guardedSocket(
        egress,
        socket === undefined ? { host, port } : { path: `${socket}/.s.PGSQL.${port}` },
      );
      return Object.assign(opened, { connect: () => opened });
    },
    user,
    ...(password === undefined ? {} : { password }),
    database,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: "tidemill",
    max: poolSize,
    ssl:
      tls === undefined
        ? false
        : {
            ...sqlTlsMaterial(tls, address),
            // the server's name is compared only with `full`
            ...(tls.verify === "full" ? {} : { checkServerIdentity: () => undefined }),
          },
  });
  // one that breaks while nobody has it: the next step gets another
  pool.on("error", () => undefined);
  pool.on("connect", (client) => {
    // it may break while a step has it, or just after: the same error rejects what is under way
    client.on("error", () => undefined);
    if (schema !== undefined) client.query(`SET search_path TO ${escapeIdentifier(schema)}`).catch(() => undefined);
  });
  const connections: Lending<PoolClient> = {
    take: () => pool.connect(),
    giveBack: (client, whole) => client.release(!whole),
  };
  return {
    kind: "postgres",
    shown,
    with: (signal, step) =>
      lend(connections, signal, (client) =>
        step({
          async run(sql, values) {
            const { rowCount, rows, command } = await client.query({ text: sql, values: values.map(asText) });
            return { changed: command === "SELECT" ? 0 : (rowCount ?? 0), found: rows.length };
          },
        }),
      ),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

/** As text: the server reads it by the type of the column. */
function asText(value: string | number | bigint | null): string | null {
  return value === null ? null : String(value);
}
