import type { z } from "zod";
import { choice, json, list, map, object, optional, secretRef, text, whole } from "../../kit/fields.ts";
import { badValue, conflict, exactlyOne, isMade } from "../../kit/rules.ts";
import { triggerParameters } from "../../kit/schemas.ts";
import type { Finding } from "../../lib/finding.ts";
import { identifier, namedParts } from "./statement.ts";

/** `template.sql`, an extension. */
export const sqlConfig = object(
  {
    url: optional(
      text({
        description:
          "Database: sqlite:PATH (from the manifest's folder), mysql://USER:PASSWORD@HOST:PORT/DATABASE (MariaDB too) or postgres://…; TLS by ?sslmode=verify-full&sslrootcert=FILE.",
      }),
    ),
    urlSecret: optional(secretRef({ description: "The same in a Secret, for an address with a password." })),
    table: optional(text({ description: "Table to insert a row into; SCHEMA.TABLE where it is not the usual one." })),
    columns: optional(
      map(json({ description: "Value." }), {
        description: "Fixed values of columns; payload and parameters add others.",
      }),
    ),
    payload: optional(triggerParameters({ description: "Values of columns: `dest` is the column." })),
    parameters: optional(triggerParameters({ description: "Change these settings; `dest` is relative to them." })),
    types: optional(
      map(choice(["text", "number", "boolean", "json", "timestamp"], { description: "Type of the column." }), {
        description:
          "How a value is written where the database would not take it as it is: timestamp reads RFC 3339 and Unix time in s, ms or µs.",
      }),
    ),
    key: optional(
      text({
        description:
          "Column that gets the firing's id and has a unique index: a row that is written again after a crash is there once.",
      }),
    ),
    onConflict: optional(
      choice(["error", "ignore", "update"], {
        description:
          "What happens with a row that is there already. Default error; with key, that row is left as it is.",
      }),
    ),
    conflictColumns: optional(
      list(text({ description: "Column." }), {
        description:
          "Columns of the unique index that onConflict means. Default the key; MySQL means every unique index.",
      }),
    ),
    statement: optional(
      text({ description: "In place of table: a statement with `:name` for each value of columns and payload." }),
    ),
    poolSize: optional(whole({ description: "Connections at once. Default 10.", min: 1, max: 100 })),
  },
  { description: "Writes a row into a table of MySQL, MariaDB, Postgres or SQLite. (extension)" },
);

export type SqlConfig = z.infer<typeof sqlConfig>;

export function* lintSql(config: SqlConfig): Iterable<Finding> {
  yield* exactlyOne(config, ["url", "urlSecret"]);
  yield* exactlyOne(config, ["table", "statement"]);
  const { url, table, statement, parameters, key, columns } = config;
  if (url && !/^(sqlite|mysql|mariadb|postgres|postgresql):/i.test(url) && !isMade(config, "url"))
    yield badValue(["url"], "url names no database that is known", "Begin it with sqlite:, mysql: or postgres:.");
  if (url && URL.parse(url)?.password)
    yield {
      ...badValue(["url"], "url has a password, which everybody sees who sees the manifest", "Use urlSecret."),
      severity: "warning",
    };
  for (const name of [...Object.keys(columns ?? {}), ...(key ? [key] : []), ...(table?.split(".") ?? [])])
    if (typeof identifier(name) !== "string")
      yield badValue([], `${JSON.stringify(name)} is no name of a table or column`, "Use 1 to 63 characters.");
  for (const [i, { dest }] of (parameters ?? []).entries())
    if (changesStatement(dest))
      yield badValue(["parameters", i, "dest"], "no text of an event becomes SQL", "Use :name and payload.");
  if (statement) yield* statementRules(config, statement);
}

function* statementRules({ key, onConflict, types }: SqlConfig, statement: string): Iterable<Finding> {
  if (key !== undefined) yield conflict(["key"], "key has no effect with statement", "Use :key, the firing's id.");
  if (onConflict !== undefined) yield conflict(["onConflict"], "onConflict has no effect with statement");
  const parts = namedParts(statement, "postgres");
  if ("problem" in parts) yield badValue(["statement"], parts.problem, "Write one statement, with :name for values.");
  else if (parts.names.length === 0 && types === undefined)
    yield { ...badValue(["statement"], "the statement takes no value: it has no :name"), severity: "warning" };
}

/** Whether a parameter's `dest`, relative to the type's own settings, is SQL. */
function changesStatement(dest: string): boolean {
  return dest.replaceAll("\\", "").split(".")[0]?.replace(/^:/, "") === "statement";
}
