import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { CompiledQuery } from "kysely";
import { audit } from "../queries/audit.ts";
import { delaySamples, delays } from "../queries/delays.ts";
import { findEvent, findEvents, findFiring, historyOf } from "../queries/events.ts";
import { type Rows, sqliteBuilder } from "../queries/query.ts";
import type { Questions } from "./questions.ts";

/** Answers the questions that the record is asked. */
export type Reader = { readonly [Name in keyof Questions]: (asked: Questions[Name][0]) => Promise<Questions[Name][1]> };

export function createReader(database: DatabaseSync): Reader {
  const rows = sqliteRows(database);
  return {
    events: (query) => findEvents(rows, query),
    event: (id) => findEvent(rows, id),
    history: (eventId) => consistent(database, () => historyOf(rows, eventId)),
    firing: (id) => consistent(database, () => findFiring(rows, id)),
    audit: (range) => consistent(database, () => audit(rows, range)),
    delays: (query) => consistent(database, () => delays(rows, query)),
    samples: (query) => delaySamples(rows, query),
  };
}

/** All questions of `ask` see the tables of one moment: a sum over two moments would be off. */
async function consistent<T>(database: DatabaseSync, ask: () => Promise<T>): Promise<T> {
  database.exec("BEGIN");
  try {
    return await ask();
  } finally {
    if (database.isTransaction) database.exec("COMMIT");
  }
}

function sqliteRows(database: DatabaseSync): Rows {
  const prepared = <Row>(query: { compile(): CompiledQuery<Row> }) => {
    const { sql, parameters } = query.compile();
    return { statement: database.prepare(sql), parameters: parameters as readonly SQLInputValue[] };
  };
  // the rows have the types that kysely derived from `Tables`
  return {
    build: sqliteBuilder(),
    all<Row>(query: { compile(): CompiledQuery<Row> }): Promise<readonly Row[]> {
      const { statement, parameters } = prepared(query);
      return Promise.resolve(statement.all(...parameters) as unknown as readonly Row[]);
    },
    async each<Row>(query: { compile(): CompiledQuery<Row> }, take: (row: Row) => void): Promise<void> {
      const { statement, parameters } = prepared(query);
      for (const row of statement.iterate(...parameters)) take(row as unknown as Row);
    },
  };
}
