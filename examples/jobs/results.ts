import { DatabaseSync } from "node:sqlite";

/** A row of the table that the Sensor `results` inserts into. */
export interface Row {
  readonly job: string;
  readonly kind: string;
  readonly direct: number;
}

/** The table of results, in a file of SQLite. */
export interface Results extends Disposable {
  readonly url: string;
  count(): number;
  rows(): readonly Row[];
}

export function openResults(file: string): Results {
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000");
  database.exec(`CREATE TABLE IF NOT EXISTS result (
    job TEXT PRIMARY KEY, kind TEXT NOT NULL, result TEXT NOT NULL, submitted_at TEXT NOT NULL,
    executed_at TEXT NOT NULL, direct INTEGER NOT NULL) STRICT`);
  const count = database.prepare("SELECT count(*) AS n FROM result");
  const rows = database.prepare("SELECT job, kind, direct FROM result");
  return {
    url: `sqlite:${file}`,
    count: () => Number(count.get()?.n ?? 0),
    rows: () => rows.all() as unknown as readonly Row[],
    [Symbol.dispose]: () => database.close(),
  };
}
