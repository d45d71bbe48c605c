import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  MysqlAdapter,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Tables } from "../schema.ts";
import type { Dialect } from "../sql/dialect.ts";
import type { Session } from "../sql/store.ts";

/** Builds queries; it runs none, so that each database is asked in its own way. */
export type Builder = Kysely<Tables>;

/** Runs what a builder made. */
export interface Rows {
  readonly build: Builder;
  all<Row>(query: { compile(): CompiledQuery<Row> }): Promise<readonly Row[]>;
  /** Row by row: for scans that would not fit into memory. */
  each<Row>(query: { compile(): CompiledQuery<Row> }, take: (row: Row) => void): Promise<void>;
}

const speech = {
  sqlite: { createAdapter: () => new SqliteAdapter(), createQueryCompiler: () => new SqliteQueryCompiler() },
  mysql: { createAdapter: () => new MysqlAdapter(), createQueryCompiler: () => new MysqlQueryCompiler() },
  postgres: { createAdapter: () => new PostgresAdapter(), createQueryCompiler: () => new PostgresQueryCompiler() },
} as const;

export function builderFor({ name }: Dialect): Builder {
  return new Kysely<Tables>({
    dialect: {
      ...speech[name],
      createDriver: () => new DummyDriver(),
      // never asked: nothing here looks at what tables there are
      createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    },
  });
}

/** The rows have the types that kysely derived from `Tables`. */
export function rowsOf(build: Builder, session: Session): Rows {
  return {
    build,
    all<Row>(query: { compile(): CompiledQuery<Row> }): Promise<readonly Row[]> {
      const { sql, parameters } = query.compile();
      return session.all<Row>(sql, parameters as readonly (string | number | null)[]);
    },
    each: (query, take) => session.each(query.compile(), take),
  };
}
