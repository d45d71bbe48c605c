import { existsSync } from "node:fs";
import { join } from "node:path";
import { Option } from "commander";
import type { QueryJson, QueryListJson } from "../console/answers/record.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import { TideError } from "../lib/errors.ts";
import type { Cell, QueryAnswer } from "../record/query/answer.ts";
import { type SavedQuery, savedQueries } from "../record/query/saved.ts";
import { csv, type Io, json, table } from "./io.ts";
import { type DataDirOption, dataDirOption, durationMs, moment, output, whole } from "./options.ts";
import type { Verb } from "./verb.ts";

interface QueryOptions extends DataDirOption {
  readonly record?: string;
  readonly list?: boolean;
  readonly since?: number;
  readonly timeout: number;
  readonly limit: number;
  readonly output: string;
}

export const query: Verb = {
  examples: [
    "tidemill query --list                     # the queries that come with tidemill",
    "tidemill query delays-by-hour --since 1d",
    `tidemill query "SELECT source, count(*) FROM event GROUP BY source"`,
    "tidemill query slowest --record mysql://… -o csv > slowest.csv",
  ],
  declare(command, { io }) {
    command
      .argument("[QUERY]", "one SQL statement, or the name of a saved query")
      .option("--list", "list the saved queries")
      .addOption(dataDirOption())
      .addOption(
        new Option("--record <URL>", "sqlite:PATH, mysql://… or postgres://…; <data-dir>/record.sqlite by default").env(
          "TIDEMILL_RECORD_URL",
        ),
      )
      .option("--since <TIME>", "saved queries: since 10m, or 2026-01-05T09:00:00Z", moment)
      .addOption(
        new Option("--timeout <DURATION>", "ends a query that takes longer")
          .default(10_000, "10s")
          .argParser(durationMs),
      )
      .option("--limit <N>", "how many rows at most", whole, 1_000)
      .addOption(output("csv"))
      .action(async (given: string | undefined, options: QueryOptions) => {
        if (options.list === true) return list(options.output, io);
        const answer = await ask(sqlOf(given, options.since), options);
        if (options.output === "json") io.out(json(jsonOf(answer)));
        else if (options.output === "csv") io.out(csv([answer.columns, ...answer.rows.map((row) => row.map(csvCell))]));
        else tell(answer, io);
        if (answer.truncated) io.err(`there are more rows than ${options.limit}: add --limit\n`);
      });
  },
};

async function ask(sql: string, { record, dataDir, limit, timeout }: QueryOptions): Promise<QueryAnswer> {
  const { queryRecord } = await import("../record/query/query.ts");
  const { loadSdk } = await import("../runtime/sdk.ts");
  const file = join(dataDir, "record.sqlite");
  if (record === undefined && !existsSync(file))
    throw new TideError(
      "RECORD_MISSING",
      `there is no record at ${file}, and neither --record nor TIDEMILL_RECORD_URL`,
    );
  const url = record ?? `sqlite:${file}`;
  return queryRecord(url, { sql, limit: Math.max(limit, 1), timeoutMs: Math.max(timeout, 1), sdk: loadSdk });
}

/** A word alone is a name; SQL has more than one. */
function sqlOf(given: string | undefined, since: number | undefined): string {
  if (given === undefined || given.trim() === "")
    throw new TideError("USAGE", "give one SQL statement or the name of a saved query; --list lists them");
  const saved = savedQueries.find(({ name }) => name === given.trim());
  if (saved !== undefined) return saved.sql(since ?? 0);
  if (/^[\w-]+$/.test(given.trim())) {
    const meant = didYouMean(
      given.trim(),
      savedQueries.map(({ name }) => name),
    );
    const hint = meant === undefined ? "--list lists them" : `did you mean ${meant}?`;
    throw new TideError("USAGE", `there is no saved query ${given.trim()}; ${hint}`);
  }
  if (since !== undefined) throw new TideError("USAGE", "--since is for saved queries; write it into your own WHERE");
  return given;
}

function list(format: string, io: Io): void {
  const itemOf = ({ name, summary, sql }: SavedQuery) => ({ name, summary, sql: sql(0) });
  const items = savedQueries.map(itemOf);
  if (format === "json") io.out(json({ items } satisfies QueryListJson));
  else if (format === "csv") io.out(csv([["name", "summary"], ...items.map(({ name, summary }) => [name, summary])]));
  else io.out(table([["NAME", "WHAT IT TELLS"], ...items.map(({ name, summary }) => [name, summary])]));
}

function jsonOf({ columns, rows, truncated }: QueryAnswer): QueryJson {
  const items = rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at] ?? null])));
  return { columns, items, truncated };
}

function csvCell(cell: Cell): string | number | undefined {
  return typeof cell === "boolean" ? String(cell) : (cell ?? undefined);
}

function tell({ columns, rows }: QueryAnswer, io: Io): void {
  if (columns.length > 0)
    io.out(
      table([
        columns.map((name) => name.toUpperCase()),
        ...rows.map((row) => row.map((cell, at) => text(cell, columns[at]))),
      ]),
    );
  if (rows.length === 0) io.err("no rows\n");
}

/** Unix microseconds are times for people, in columns that the record's own are named like. */
function text(cell: Cell, column = ""): string {
  if (cell === null) return "";
  if (typeof cell !== "number" || !column.endsWith("_us") || cell < 1e15 || cell > 8e15) return String(cell);
  return `${new Date(cell / 1000).toISOString().slice(0, 19).replace("T", " ")}Z`;
}
