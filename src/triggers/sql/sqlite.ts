import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Clock } from "../../lib/clock.ts";
import { recordOf } from "../../lib/json.ts";
import type { SqlDatabase, SqlSession } from "./database.ts";

/** Another program's lock is waited for this long. */
const busyMs = 5_000;
const lookEveryMs = 20;
const mostStatements = 100;

/** One connection, and one step at a time: SQLite has one writer. */
export function openSqlite(
  path: string,
  { shown, clock }: { readonly shown: string; readonly clock: Clock },
): SqlDatabase {
  // it never waits by itself: that would hold up everything else in this process
  const database = new DatabaseSync(path, { timeout: 0 });
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const made = database.prepare(sql);
    if (statements.size >= mostStatements) statements.clear();
    statements.set(sql, made);
    return made;
  };
  const patiently = async <T>(act: () => T, signal: AbortSignal): Promise<T> => {
    for (const startedMs = clock.nowMs(); ; ) {
      try {
        return act();
      } catch (error) {
        const busy = (Number(recordOf({ ...(error as object) }).errcode) & 0xff) === 5;
        if (!busy || clock.nowMs() - startedMs > busyMs) throw error;
        await clock.sleep(lookEveryMs, signal);
      }
    }
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    kind: "sqlite",
    shown,
    with(signal, step) {
      const session: SqlSession = {
        run: (sql, values) =>
          patiently(() => {
            const statement = prepared(sql);
            if (statement.columns().length > 0) return { changed: 0, found: statement.all(...values).length };
            return { changed: Number(statement.run(...values).changes), found: 0 };
          }, signal),
      };
      const mine = last.then(async () => {
        signal.throwIfAborted();
        try {
          return await step(session);
        } finally {
          if (database.isTransaction) database.exec("ROLLBACK");
        }
      });
      last = mine.catch(() => undefined);
      return mine;
    },
    async [Symbol.asyncDispose]() {
      await last;
      database.close();
    },
  };
}
