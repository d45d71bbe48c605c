import type { Connection } from "mysql2";
import { TideError } from "../../lib/errors.ts";
import { shownPlace } from "../options.ts";
import { connectMysql, mysqlFault } from "../servers/mysql.ts";
import { type QueryAnswer, type QueryCall, Taken } from "./answer.ts";

/** MariaDB's and MySQL's number for a statement that took too long. */
const timedOut: ReadonlySet<unknown> = new Set([1969, 3024]);

/** Runs one statement in a read-only transaction of a read-only session, within the server's own time limit. */
export async function askMysql(call: QueryCall): Promise<QueryAnswer> {
  if (call.place.kind !== "mysql") throw new TypeError("not a place of MySQL");
  const driver = await import("mysql2");
  const connection = await connectMysql(driver, call.place, { rowsAsArray: true, supportBigNumbers: true }).catch(
    (error: unknown) => {
      throw mysqlFault(error, `opening the record ${shownPlace(call.place)}`);
    },
  );
  try {
    const [[version = ""] = []] = await rowsOf(connection, "SELECT VERSION()");
    const limit = /mariadb/i.test(String(version))
      ? `max_statement_time = ${call.timeoutMs / 1000}`
      : `max_execution_time = ${Math.ceil(call.timeoutMs)}`;
    await rowsOf(connection, `SET SESSION ${limit}`);
    await rowsOf(connection, "SET SESSION TRANSACTION READ ONLY");
    await rowsOf(connection, "START TRANSACTION READ ONLY");
    return await ask(connection, call);
  } catch (error) {
    if (timedOut.has(error instanceof Error && "errno" in error ? error.errno : undefined))
      throw new TideError("RECORD_QUERY_TIMEOUT", `the query took longer than ${call.timeoutMs} ms`, { cause: error });
    const fault = mysqlFault(error, "the query");
    throw fault.code === "RECORD_AWAY" ? fault : new TideError("RECORD_QUERY", fault.message, { cause: error });
  } finally {
    connection.destroy();
  }
}

function ask(connection: Connection, { sql, limit }: QueryCall): Promise<QueryAnswer> {
  const taken = new Taken(limit);
  let columns: readonly string[] = [];
  return new Promise((answered, failed) => {
    const end = (): void => answered(taken.answer(columns));
    connection
      .query(sql)
      .on("fields", (fields: unknown) => {
        if (Array.isArray(fields)) columns = fields.map(({ name }) => String(name));
      })
      // without columns it is no row, but what a statement says that answers none
      .on("result", (row) => {
        if (Array.isArray(row) && !taken.take(row)) end();
      })
      .on("error", failed)
      .on("end", end);
  });
}

function rowsOf(connection: Connection, text: string): Promise<readonly (readonly unknown[])[]> {
  return new Promise((answered, failed) => {
    connection.query(text, (error: Error | null, rows: unknown) => {
      if (error === null) answered(Array.isArray(rows) ? rows : []);
      else failed(error);
    });
  });
}
