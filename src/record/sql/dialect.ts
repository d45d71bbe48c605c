import type { ColumnType } from "../schema.ts";

/** What differs between the SQL of the databases. Everything else is written once, for all of them. */
export interface Dialect {
  readonly name: "sqlite" | "mysql" | "postgres";
  /** The type of a column, with the collation that compares bytes: the same order and equality everywhere. */
  readonly types: Readonly<Record<ColumnType, string>>;
  /** After the `)` of CREATE TABLE; `clustered` of tables whose rows lie in the order of their key. */
  readonly tableOptions: { readonly clustered: string; readonly plain: string };
  /** Whether an index may have a WHERE. */
  readonly partialIndex: boolean;
  /** A condition: the column is one of the values of a list given for `?`. */
  among(column: string): string;
}
