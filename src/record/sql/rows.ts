import { TideError } from "../../lib/errors.ts";
import { type ColumnType, nameText, type TableShape } from "../schema.ts";

export type Value = string | number | null;
export type Columns = readonly (readonly [name: string, type: ColumnType])[];

/** The values of a row as they are kept. A fact without one of its fields is no failure of the database: RECORD_FACTS_BAD. */
export function keptValues(columns: Columns, row: object): Value[] {
  return columns.map(([name, type]) => {
    const value: unknown = (row as Readonly<Record<string, unknown>>)[name];
    if (typeof value === "string") return type === "text" ? value : nameText(value);
    if (value !== null && typeof value !== "number")
      throw new TideError("RECORD_FACTS_BAD", `a fact has ${typeof value} as ${name}`);
    return value;
  });
}

export function columnsOf(shape: TableShape): Columns {
  return Object.entries(shape.columns);
}

/** The columns that are not the key: what replaces those of a row that is there. */
export function otherColumns({ key, columns }: TableShape): readonly string[] {
  return Object.keys(columns).filter((column) => !key.includes(column));
}
