import { abortable } from "../../lib/abort.ts";
import { type ServerPlace, sqlTlsMaterial } from "../../lib/sql-place.ts";
import type { SqlDatabase } from "./database.ts";
import type { ServerParts } from "./mysql.ts";

type Driver = typeof import("pg");

export function openPostgres(
  place: ServerPlace,
  { driver, shown, poolSize, address }: ServerParts<Driver>,
): SqlDatabase {
  const { host, port, socket, user, password, database, schema, tls, connectTimeoutMs } = place;
  const { Pool, escapeIdentifier } = driver.default;
  const pool = new Pool({
    host: socket ?? host,
    port,
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
  return {
    kind: "postgres",
    shown,
    async with(signal, step) {
      signal.throwIfAborted();
      const connecting = pool.connect();
      const client = await abortable(connecting, signal).catch((error: unknown) => {
        connecting.then((late) => late.release()).catch(() => undefined);
        throw error;
      });
      let whole = false;
      try {
        const result = await abortable(
          step({
            async run(sql, values) {
              const { rowCount, rows, command } = await client.query({ text: sql, values: values.map(asText) });
              return { changed: command === "SELECT" ? 0 : (rowCount ?? 0), found: rows.length };
            },
          }),
          signal,
        );
        whole = true;
        return result;
      } finally {
        // what is open on it is undone by its end
        client.release(!whole);
      }
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

/** As text: the server reads it by the type of the column. */
function asText(value: string | number | bigint | null): string | null {
  return value === null ? null : String(value);
}
