import { TideError } from "../../lib/errors.ts";
import type { SqlConfig } from "./config.ts";
import type { SqlDatabase, SqlSession } from "./database.ts";
import { isDuplicate, sqlFault } from "./faults.ts";
import { identifier, insertStatement, namedStatement, quoted, type SqlKind, type Statement } from "./statement.ts";
import { type Row, rowOf, type SqlValue, sqlValue } from "./values.ts";

/** One row to be written, as a firing makes it. */
export interface Writing {
  readonly statement: Statement;
  readonly values: readonly SqlValue[];
  /** Where the row is told apart by the firing's id: how to ask for it. */
  readonly byKey: Statement | undefined;
  readonly key: string;
}

export interface WritingOf {
  readonly config: SqlConfig;
  readonly payload: Uint8Array | undefined;
  readonly key: string;
}

/** Throws MESSAGE_INVALID, or SQL_STATEMENT where the statement cannot be sent. */
export function writingOf({ config, payload, key }: WritingOf, kind: SqlKind): Writing {
  const row = rowOf(config, payload);
  const { statement: text, table, types = {} } = config;
  if (text) {
    const statement = namedStatement(text, kind);
    if ("problem" in statement) throw new TideError("SQL_STATEMENT", statement.problem);
    const named = new Map([["key", key] as const, ...row]);
    for (const name of statement.names)
      if (!named.has(name)) throw new TideError("MESSAGE_INVALID", `there is no value for :${name}`);
    return { statement, values: valuesOf(statement, named, { types, kind }), byKey: undefined, key };
  }
  if (!table) throw new TideError("MESSAGE_INVALID", "there is neither table nor statement");
  const whole: Row = config.key ? new Map([...row, [config.key, key]]) : row;
  for (const name of [...whole.keys(), ...table.split(".")])
    if (identifier(name) === undefined)
      throw new TideError("MESSAGE_INVALID", `${JSON.stringify(name).slice(0, 100)} is no name of a table or column`);
  if (whole.size === 0) throw new TideError("MESSAGE_INVALID", "the row has no column");
  const statement = insertStatement({ table, columns: [...whole.keys()], ...conflictOf(config, kind) }, kind);
  const values = valuesOf(statement, whole, { types, kind });
  return { statement, values, byKey: config.key ? byKeyOf(table, config.key, kind) : undefined, key };
}

/** MySQL cannot name the index that is meant: there the fault of a second row is looked into (see `writeOne`). */
function conflictOf({ key, onConflict, conflictColumns }: SqlConfig, kind: SqlKind) {
  const columns = conflictColumns ?? (key ? [key] : []);
  const wanted = onConflict ?? (key && kind !== "mysql" ? "ignore" : "error");
  return { onConflict: wanted, conflictColumns: columns } as const;
}

function byKeyOf(table: string, column: string, kind: SqlKind): Statement {
  const into = table
    .split(".")
    .map((part) => quoted(part, kind))
    .join(".");
  const mark = kind === "postgres" ? "$1" : "?";
  return { sql: `SELECT 1 FROM ${into} WHERE ${quoted(column, kind)} = ${mark} LIMIT 1`, names: [column] };
}

function valuesOf(
  { names }: Statement,
  row: Row,
  { types, kind }: { readonly types: NonNullable<SqlConfig["types"]>; readonly kind: SqlKind },
): readonly SqlValue[] {
  return names.map((name) => {
    const type = Object.hasOwn(types, name) ? types[name] : undefined;
    return sqlValue(name, row.get(name), { type, kind });
  });
}

/** Rows changed; 0: the row was there already. */
async function writeOne(session: SqlSession, { statement, values, byKey, key }: Writing): Promise<number> {
  try {
    return (await session.run(statement.sql, values)).changed;
  } catch (error) {
    if (byKey === undefined || !isDuplicate(error)) throw error;
    // only a row of this firing is the same row
    const { found } = await session.run(byKey.sql, [key]);
    if (found === 0) throw error;
    return 0;
  }
}

/** Writes the row of one firing. Throws one of our codes. */
export async function write(database: SqlDatabase, writing: Writing, signal: AbortSignal): Promise<number> {
  try {
    return await database.with(signal, (session) => writeOne(session, writing));
  } catch (error) {
    if (signal.aborted) throw error;
    throw sqlFault(error, database.shown, database.kind);
  }
}

/**
 * Writes many rows in one transaction. A row that its constraints refuse is left out and named in the answer, and the others
 * are kept; any other fault undoes all of them.
 */
export async function writeAll(
  database: SqlDatabase,
  writings: readonly Writing[],
  signal: AbortSignal,
): Promise<{ readonly changed: number; readonly failed: readonly number[] }> {
  const { kind, shown } = database;
  const failed: number[] = [];
  let changed = 0;
  try {
    await database.with(signal, async (session) => {
      const say = (sql: string) => session.run(sql, []);
      await say(kind === "sqlite" ? "BEGIN IMMEDIATE" : "START TRANSACTION");
      for (const [at, writing] of writings.entries()) {
        await say("SAVEPOINT item");
        try {
          changed += await writeOne(session, writing);
        } catch (error) {
          if (sqlFault(error, shown, kind).code !== "SQL_CONSTRAINT") throw error;
          await say("ROLLBACK TO SAVEPOINT item");
          failed.push(at);
        }
      }
      await say("COMMIT");
    });
    return { changed, failed };
  } catch (error) {
    if (signal.aborted) throw error;
    throw sqlFault(error, shown, kind);
  }
}
