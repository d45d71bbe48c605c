import { placeOfUrl } from "../kit/egress-place.ts";
import { defineTrigger } from "../kit/trigger.ts";
import { checkedConfig } from "./aws/message.ts";
import { lintSql, type SqlConfig, sqlConfig } from "./sql/config.ts";
import { openDatabase, type SqlDatabase } from "./sql/database.ts";
import { rowOf } from "./sql/values.ts";
import { write, writeAll, writingOf } from "./sql/write.ts";

/**
 * Inserts a row, or runs a statement with named values; an extension. Values never become SQL: every statement is prepared,
 * and names of tables and columns are quoted. With `key` a row that is written again is there once. A batch is one
 * transaction: rows that their constraints refuse are left out and fail alone.
 */
export const sql = defineTrigger<SqlConfig, SqlDatabase>({
  kind: "sql",
  title: "SQL",
  summary: "Writes a row into a table of MySQL, MariaDB, Postgres or SQLite.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: orders
spec:
  dependencies:
    - name: order
      eventSourceName: shop
      eventName: order
  triggers:
    - template:
        name: keep
        sql:
          urlSecret:
            name: database
            key: url
          table: orders
          key: firing
          columns:
            state: new
          payload:
            - src:
                dependencyName: order
                contextKey: id
              dest: event
            - src:
                dependencyName: order
                dataKey: body
                useRawData: true
              dest: data
`,
  config: sqlConfig,
  lint: lintSql,
  connectionKey: ({ url, urlSecret, poolSize }) => JSON.stringify([url, urlSecret, poolSize]),
  target: ({ url, urlSecret }) => {
    if (!url) return JSON.stringify(urlSecret);
    return URL.parse(url)?.host || url;
  },
  reaches: ({ url }) => (url && !/^sqlite:/i.test(url) ? [placeOfUrl(url), ...socketOf(url)] : []),
  connect: openDatabase,
  async fire(call) {
    const { client, signal, batch } = call;
    const checked = (config: SqlConfig): SqlConfig => checkedConfig(sqlConfig, "sql", config);
    if (batch === undefined) {
      const changed = await write(client, writingOf({ ...call, config: checked(call.config) }, client.kind), signal);
      return { said: said(changed, call.config) };
    }
    const writings = batch.items.map((item) => writingOf({ ...item, config: checked(item.config) }, client.kind));
    const { changed, failed } = await writeAll(client, writings, signal);
    return { said: said(changed, call.config), failedItems: failed };
  },
  render({ config, payload }) {
    const { table, statement } = checkedConfig(sqlConfig, "sql", config);
    const values = Object.fromEntries([...rowOf(config, payload)].map(([name, value]) => [name, shown(value)]));
    return statement ? { statement, values } : { table: table ?? "", values };
  },
});

/** A Unix socket is a place of its own, and has no host and port. */
function socketOf(url: string): readonly string[] {
  const socket = URL.parse(url)?.searchParams.get("socket");
  return socket ? [`socket ${socket}`] : [];
}

function said(changed: number, { statement, table }: SqlConfig): string {
  const rows = `${changed} ${changed === 1 ? "row" : "rows"}`;
  if (statement) return `${rows} changed`;
  return changed === 0 ? `already in ${table}` : `${rows} into ${table}`;
}

/** JSON has no integers as large. */
function shown(value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
