import type { Dialect } from "../sql/dialect.ts";

export const sqliteDialect: Dialect = {
  name: "sqlite",
  types: { int: "INTEGER", real: "REAL", word: "TEXT", name: "TEXT", text: "TEXT" },
  tableOptions: { clustered: " WITHOUT ROWID", plain: "" },
  partialIndex: true,
  among: (column) => `${column} IN (SELECT value FROM json_each(?))`,
};
