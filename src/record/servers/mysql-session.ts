import type { CompiledQuery } from "kysely";
import type { Connection } from "mysql2";
import { shapes, type Tables, type WrittenTable } from "../schema.ts";
import type { Dialect } from "../sql/dialect.ts";
import { columnsOf, keptValues, otherColumns, type Value } from "../sql/rows.ts";
import type { Parameter, Session } from "../sql/store.ts";

/** A statement is far below the least `max_allowed_packet` that these servers come with, 16 MiB. */
const rowsPerStatement = 1_000;
const charactersPerStatement = 1_000_000;

export class MysqlSession implements Session {
  readonly dialect: Dialect;
  readonly #connection: Connection;
  readonly #underWay = new Set<(error: unknown) => void>();

  constructor(connection: Connection, dialect: Dialect) {
    this.#connection = connection;
    this.dialect = dialect;
  }

  all<Row>(text: string, parameters: readonly Parameter[] = []): Promise<readonly Row[]> {
    return this.#call((answered, failed) => {
      this.#connection.query(text, [...parameters], (error: Error | null, rows: unknown) => {
        if (error === null) answered(rows as readonly Row[]);
        else failed(error);
      });
    });
  }

  each<Row>({ sql, parameters }: CompiledQuery<Row>, take: (row: Row) => void): Promise<void> {
    return this.#call((ended, failed) => {
      this.#connection
        .query(sql, [...parameters])
        .on("result", (row) => take(row as unknown as Row))
        .on("error", failed)
        .on("end", () => ended());
    });
  }

  /** Fails what is under way. */
  fail(error: unknown): void {
    for (const failed of this.#underWay) failed(error);
  }

  #call<T>(start: (answered: (value: T) => void, failed: (error: unknown) => void) => void): Promise<T> {
    return new Promise<T>((answered, failed) => {
      this.#underWay.add(failed);
      start(
        (value) => {
          this.#underWay.delete(failed);
          answered(value);
        },
        (error) => {
          this.#underWay.delete(failed);
          failed(error);
        },
      );
    });
  }

  async run(text: string, parameters: readonly Parameter[] = []): Promise<void> {
    await this.all(text, parameters);
  }

  async put<Name extends WrittenTable>(table: Name, rows: readonly Tables[Name][]): Promise<void> {
    const shape = shapes[table];
    const columns = columnsOf(shape);
    const others = otherColumns(shape);
    // MySQL has no DO NOTHING that lets other faults through: a key column is set to itself
    const sets = (others.length === 0 ? [shape.key[0]] : others).map((column) => `${column} = VALUES(${column})`);
    const text = `INSERT INTO ${table} (${columns.map(([name]) => name)}) VALUES ? ON DUPLICATE KEY UPDATE ${sets}`;
    let values: Value[][] = [];
    let characters = 0;
    const send = async (): Promise<void> => {
      const sent = values;
      values = [];
      characters = 0;
      if (sent.length > 0) await this.all(text, [sent as never]);
    };
    for (const row of rows) {
      const kept = keptValues(columns, row);
      for (const value of kept) characters += typeof value === "string" ? value.length : 0;
      values.push(kept);
      if (values.length === rowsPerStatement || characters > charactersPerStatement) await send();
    }
    await send();
  }
}
