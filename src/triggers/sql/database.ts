import { resolve } from "node:path";
import type { ConnectContext } from "../../kit/trigger.ts";
import { TideError } from "../../lib/errors.ts";
import { inMemory, shownPlace, sqlPlaceOf } from "../../lib/sql-place.ts";
import type { SqlConfig } from "./config.ts";
import type { SqlKind } from "./statement.ts";
import type { SqlValue } from "./values.ts";

/** One connection, while a step has it. */
export interface SqlSession {
  /** By a prepared statement; resolves with the rows that it changed, and those that it found. */
  run(sql: string, values: readonly SqlValue[]): Promise<{ readonly changed: number; readonly found: number }>;
}

/** The connections to one database, kept between firings. What its methods throw is the driver's. */
export interface SqlDatabase extends AsyncDisposable {
  readonly kind: SqlKind;
  /** For people: without a password. */
  readonly shown: string;
  /** A step on one connection. At its end, or its throw, the connection is free again; at the abort it is ended. */
  with<T>(signal: AbortSignal, step: (session: SqlSession) => Promise<T>): Promise<T>;
}

const defaultPoolSize = 10;

export async function openDatabase(cx: ConnectContext<SqlConfig>): Promise<SqlDatabase> {
  const { egress } = cx;
  const { url, urlSecret, poolSize = defaultPoolSize } = cx.config;
  const given = url || (urlSecret === undefined ? "" : await cx.secret(urlSecret));
  if (!/^(sqlite|mysql|mariadb|postgres|postgresql):/i.test(given))
    throw new TideError("SQL_ADDRESS", "the address of the database begins with none of sqlite:, mysql: and postgres:");
  const address = { code: "SQL_ADDRESS", what: "the address of the database" } as const;
  const place = sqlPlaceOf(fromFolder(given, cx.folder), address);
  const shown = shownPlace(place);
  if (place.kind === "sqlite") {
    const { openSqlite } = await import("./sqlite.ts");
    return openSqlite(place.path, { shown, clock: cx.clock });
  }
  if (place.kind === "mysql") {
    const { openMysql } = await import("./mysql.ts");
    return openMysql(place, {
      driver: await cx.sdk("mysql2", () => import("mysql2/promise")),
      shown,
      poolSize,
      address,
      egress,
    });
  }
  const { openPostgres } = await import("./postgres.ts");
  return openPostgres(place, { driver: await cx.sdk("pg", () => import("pg")), shown, poolSize, address, egress });
}

/** A path is meant from the manifest, not from wherever tidemill was started. */
function fromFolder(url: string, folder: string): string {
  const path = /^sqlite:(?!\/)(.+)$/is.exec(url)?.[1];
  return path === undefined || path === inMemory ? url : `sqlite:${resolve(folder, path)}`;
}
