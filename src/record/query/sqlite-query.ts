import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { messageOf, TideError } from "../../lib/errors.ts";
import { type QueryAnswer, type QueryCall, Taken } from "./answer.ts";

/** Runs one statement on a connection that SQLite itself keeps from writing. */
export async function askSqlite({ place, sql, limit }: QueryCall): Promise<QueryAnswer> {
  const path = place.kind === "sqlite" ? place.path : "";
  if (!existsSync(path)) throw new TideError("RECORD_MISSING", `there is no record at ${path}`);
  using database = new DatabaseSync(path, { readOnly: true, timeout: 2_000 });
  try {
    const statement = database.prepare(sql);
    // SQLite compiles the first statement and leaves the rest
    const rest = sql.slice(sql.indexOf(statement.sourceSQL) + statement.sourceSQL.length);
    if (/[^\s;]/.test(rest)) throw new TideError("RECORD_QUERY", "give one statement at a time");
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    const taken = new Taken(limit);
    for (const row of statement.iterate()) if (!taken.take(row as unknown as readonly unknown[])) break;
    return taken.answer(statement.columns().map(({ name }) => name));
  } catch (error) {
    if (error instanceof TideError) throw error;
    throw new TideError("RECORD_QUERY", messageOf(error), { cause: error });
  }
}
