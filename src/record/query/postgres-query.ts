import type { FieldDef } from "pg";
import { codeOf, TideError } from "../../lib/errors.ts";
import { shownPlace } from "../options.ts";
import { connectPostgres, postgresFault } from "../servers/postgres.ts";
import { unescaped } from "../servers/postgres-session.ts";
import { type QueryAnswer, type QueryCall, Taken } from "./answer.ts";

const rowsPerFetch = 1_000;

/** Runs one statement in a read-only transaction of a read-only session, within the server's own time limit. */
export async function askPostgres({ place, sql, limit, timeoutMs }: QueryCall): Promise<QueryAnswer> {
  if (place.kind !== "postgres") throw new TypeError("not a place of Postgres");
  const driver = await import("pg");
  const client = await connectPostgres(driver, place, { statement_timeout: Math.ceil(timeoutMs) }).catch(
    (error: unknown) => {
      throw postgresFault(error, `opening the record ${shownPlace(place)}`);
    },
  );
  try {
    await client.query("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY");
    await client.query("BEGIN READ ONLY");
    const taken = new Taken(limit);
    // the extended protocol takes one statement: no second one can end the transaction
    const config = { text: sql, values: [], rowMode: "array", rows: rowsPerFetch, queryMode: "extended" };
    const query = new driver.default.Query(config as never);
    return await new Promise<QueryAnswer>((answered, failed) => {
      const end = (result: { readonly fields?: readonly FieldDef[] } | undefined): void =>
        answered(taken.answer((result?.fields ?? []).map(({ name }) => name)));
      query.on("row", (row: readonly unknown[], result) => {
        if (!taken.take(row.map((value) => (typeof value === "string" ? unescaped(value) : value)))) end(result);
      });
      query.on("error", failed);
      query.on("end", end);
      client.query(query);
    });
  } catch (error) {
    if (codeOf(error) === "57014")
      throw new TideError("RECORD_QUERY_TIMEOUT", `the query took longer than ${timeoutMs} ms`, { cause: error });
    const fault = postgresFault(error, "the query");
    throw fault.code === "RECORD_AWAY" ? fault : new TideError("RECORD_QUERY", fault.message, { cause: error });
  }
}
