import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Tables } from "../schema.ts";

/** Builds queries; it runs none, so that each database is asked in its own way. */
export type Builder = Kysely<Tables>;

/** Runs what a builder made. */
export interface Rows {
  readonly build: Builder;
  all<Row>(query: { compile(): CompiledQuery<Row> }): Promise<readonly Row[]>;
  /** Row by row: for scans that would not fit into memory. */
  each<Row>(query: { compile(): CompiledQuery<Row> }, take: (row: Row) => void): Promise<void>;
}

export function sqliteBuilder(): Builder {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => new SqliteIntrospector(kysely),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}
