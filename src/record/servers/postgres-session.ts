import type { CompiledQuery } from "kysely";
import type { Client, Query } from "pg";
import { type ColumnType, shapes, type Tables, type WrittenTable } from "../schema.ts";
import type { Dialect } from "../sql/dialect.ts";
import { columnsOf, keptValues, otherColumns, type Value } from "../sql/rows.ts";
import type { Parameter, Session } from "../sql/store.ts";

const rowsPerStatement = 5_000;
const rowsPerFetch = 2_000;

interface Parts {
  readonly Query: typeof Query;
  readonly dialect: Dialect;
}

export class PostgresSession implements Session {
  readonly dialect: Dialect;
  readonly #client: Client;
  readonly #Query: typeof Query;

  constructor(client: Client, { Query, dialect }: Parts) {
    this.#client = client;
    this.#Query = Query;
    this.dialect = dialect;
  }

  async all<Row>(text: string, parameters: readonly Parameter[] = []): Promise<readonly Row[]> {
    const { rows } = await this.#client.query({ text: numbered(text), values: parameters.map(sent) });
    return (rows as Readonly<Record<string, unknown>>[]).map(received) as unknown as readonly Row[];
  }

  /** In portions of the server's: all at once would have to fit into memory. */
  each<Row>({ sql, parameters }: CompiledQuery<Row>, take: (row: Row) => void): Promise<void> {
    const values = (parameters as readonly Parameter[]).map(sent);
    const query = new this.#Query({ text: sql, values, rows: rowsPerFetch } as never);
    return new Promise((ended, failed) => {
      query.on("row", (row) => take(received(row as Readonly<Record<string, unknown>>) as unknown as Row));
      query.on("error", failed);
      query.on("end", () => ended());
      this.#client.query(query);
    });
  }

  async run(text: string, parameters: readonly Parameter[] = []): Promise<void> {
    await this.all(text, parameters);
  }

  /** Each column as one array: one prepared statement per table, for any number of rows. */
  async put<Name extends WrittenTable>(table: Name, rows: readonly Tables[Name][]): Promise<void> {
    const shape = shapes[table];
    const columns = columnsOf(shape);
    const names = columns.map(([name]) => name);
    const others = otherColumns(shape).map((column) => `${column} = excluded.${column}`);
    const arrays = columns.map(([, type], at) => `$${at + 1}::${arrayTypes[type]}`);
    const text = `INSERT INTO ${table} (${names}) SELECT * FROM unnest(${arrays}) ON CONFLICT (${shape.key})
      DO ${others.length === 0 ? "NOTHING" : `UPDATE SET ${others}`}`;
    for (let from = 0; from < rows.length; from += rowsPerStatement) {
      const part = rows.slice(from, from + rowsPerStatement).map((row) => keptValues(columns, row).map(escaped));
      const values = columns.map((_, at) => part.map((row) => row[at]));
      await this.#client.query({ name: `put_${table}`, text, values });
    }
  }
}

const arrayTypes: Readonly<Record<ColumnType, string>> = {
  int: "bigint[]",
  real: "double precision[]",
  word: "text[]",
  name: "text[]",
  text: "text[]",
};

/** `$1`, `$2` … for the marks; what kysely built has them already, and no mark. */
function numbered(text: string): string {
  let at = 0;
  return text.includes("?") ? text.replaceAll("?", () => `$${++at}`) : text;
}

/**
 * Postgres keeps no U+0000 in a text. It is written as a code point that is no character, and a mark; that code point
 * itself too, so that every text comes back as it was.
 */
const mark = "\ufdd0";

function escaped(value: Value): Value {
  if (typeof value !== "string" || !(value.includes("\0") || value.includes(mark))) return value;
  return value.replaceAll(mark, `${mark}1`).replaceAll("\0", `${mark}0`);
}

export function unescaped(text: string): string {
  return text.includes(mark) ? text.replaceAll(`${mark}0`, "\0").replaceAll(`${mark}1`, mark) : text;
}

function sent(parameter: Parameter): unknown {
  return typeof parameter === "object" && parameter !== null ? parameter.map(escaped) : escaped(parameter);
}

function received(row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  for (const [name, value] of Object.entries(row))
    if (typeof value === "string") (row as Record<string, unknown>)[name] = unescaped(value);
  return row;
}
