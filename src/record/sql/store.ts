import type { CompiledQuery } from "kysely";
import type { TideError } from "../../lib/errors.ts";
import type { Tables, WrittenTable } from "../schema.ts";
import type { Dialect } from "./dialect.ts";

/** A list is for `Dialect.among`. */
export type Parameter = string | number | null | readonly string[] | readonly number[];

/** A transaction of one connection. */
export interface Session {
  readonly dialect: Dialect;
  /** The rows of a question, with `?` for each parameter. */
  all<Row>(text: string, parameters?: readonly Parameter[]): Promise<readonly Row[]>;
  /** Row by row: for scans that would not fit into memory. */
  each<Row>(query: CompiledQuery<Row>, take: (row: Row) => void): Promise<void>;
  run(text: string, parameters?: readonly Parameter[]): Promise<void>;
  /** Inserts rows; one whose key is there is replaced. No key comes twice. */
  put<Name extends WrittenTable>(table: Name, rows: readonly Tables[Name][]): Promise<void>;
}

/**
 * A database that holds a record, opened and brought to this version. Serves one call after the other. A connection that
 * is lost is made again at the next call; a transaction that it was lost in has left nothing, or everything.
 */
export interface Store {
  readonly dialect: Dialect;
  /** All of `step`, or nothing; alone among all who write this record, in whatever process. */
  write<T>(step: (session: Session) => Promise<T>): Promise<T>;
  /** Questions that see the tables of one moment. */
  read<T>(step: (session: Session) => Promise<T>): Promise<T>;
  /** What the database threw, as one of our codes, without a secret in it. */
  fault(error: unknown, doing: string): TideError;
  close(): Promise<void>;
}
