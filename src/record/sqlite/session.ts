import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { CompiledQuery } from "kysely";
import { shapes, type TableShape, type Tables, type WrittenTable } from "../schema.ts";
import type { Dialect } from "../sql/dialect.ts";
import { columnsOf, keptValues, otherColumns } from "../sql/rows.ts";
import type { Parameter, Session } from "../sql/store.ts";

/** Calls of SQLite block: they are made where nobody else waits, and are done when they return. */
export class SqliteSession implements Session {
  readonly dialect: Dialect;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #puts = new Map<WrittenTable, (row: object) => void>();

  constructor(database: DatabaseSync, dialect: Dialect) {
    this.#database = database;
    this.dialect = dialect;
  }

  async all<Row>(text: string, parameters: readonly Parameter[] = []): Promise<readonly Row[]> {
    return this.#prepared(text).all(...parameters.map(input)) as unknown as readonly Row[];
  }

  async each<Row>({ sql, parameters }: CompiledQuery<Row>, take: (row: Row) => void): Promise<void> {
    const rows = this.#prepared(sql).iterate(...(parameters as readonly SQLInputValue[]));
    for (const row of rows) take(row as unknown as Row);
  }

  async run(text: string, parameters: readonly Parameter[] = []): Promise<void> {
    this.#prepared(text).run(...parameters.map(input));
  }

  async put<Name extends WrittenTable>(table: Name, rows: readonly Tables[Name][]): Promise<void> {
    if (rows.length === 0) return;
    let put = this.#puts.get(table);
    if (put === undefined) {
      put = putting(this.#database, table, shapes[table]);
      this.#puts.set(table, put);
    }
    for (const row of rows) put(row);
  }

  #prepared(text: string): StatementSync {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    const made = this.#database.prepare(text);
    this.#statements.set(text, made);
    return made;
  }
}

function input(parameter: Parameter): SQLInputValue {
  return typeof parameter === "object" && parameter !== null ? JSON.stringify(parameter) : parameter;
}

/** A statement per row: a transaction of thousands costs less than building one text for them. */
function putting(database: DatabaseSync, table: string, shape: TableShape): (row: object) => void {
  const columns = columnsOf(shape);
  const names = columns.map(([name]) => name);
  const others = otherColumns(shape).map((column) => `${column} = excluded.${column}`);
  const statement = database.prepare(
    `INSERT INTO ${table} (${names}) VALUES (${names.map(() => "?")}) ON CONFLICT (${shape.key})
     DO ${others.length === 0 ? "NOTHING" : `UPDATE SET ${others}`}`,
  );
  return (row) => void statement.run(...keptValues(columns, row));
}
