import { refusalIn } from "../../kit/egress.ts";
import { type CodeName, codeOf, isTide, messageOf, TideError } from "../../lib/errors.ts";
import { recordOf } from "../../lib/json.ts";
import { connectionFault } from "../http/faults.ts";
import type { SqlKind } from "./statement.ts";

/** What a driver threw, in our codes. */
export function sqlFault(error: unknown, doing: string, kind: SqlKind): TideError {
  if (isTide(error)) return error;
  const refusal = refusalIn(error);
  if (refusal !== undefined) return refusal;
  const name = nameOf(error, kind);
  return new TideError(name, `${doing}: ${messageOf(error)}`, { cause: error });
}

function nameOf(error: unknown, kind: SqlKind): CodeName {
  const fields = recordOf(error instanceof Error ? { ...error } : undefined);
  const told = byKind[kind](fields);
  if (told !== undefined) return told;
  const code = codeOf(error) ?? "";
  const connection = connectionFault(code, error);
  if (connection !== undefined) return connection;
  if (/timeout expired|connect ETIMEDOUT/i.test(messageOf(error))) return "TARGET_UNREACHABLE";
  // a connection that broke: it may have committed or not
  return "TARGET_RESET";
}

const byKind: Readonly<Record<SqlKind, (fields: Readonly<Record<string, unknown>>) => CodeName | undefined>> = {
  mysql: ({ errno }) => (typeof errno === "number" ? (mysqlNames.get(errno) ?? mysqlRange(errno)) : undefined),
  postgres: ({ code }) => (typeof code === "string" ? postgresName(code) : undefined),
  sqlite: ({ errcode }) => (typeof errcode === "number" ? sqliteName(errcode & 0xff) : undefined),
};

/** By MySQL's and MariaDB's numbers. */
const mysqlNames: ReadonlyMap<number, CodeName> = new Map([
  ...(
    [
      1022, 1048, 1062, 1169, 1216, 1217, 1264, 1265, 1292, 1364, 1366, 1406, 1451, 1452, 1690, 3140, 3819, 4025,
    ] as const
  ).map((errno) => [errno, "SQL_CONSTRAINT"] as const),
  ...([1040, 1203, 1205, 1213, 1021, 1114, 1290, 1836, 3572] as const).map((errno) => [errno, "SQL_BUSY"] as const),
  ...([1044, 1045, 1049, 1130, 1142, 1143, 1227, 1698] as const).map((errno) => [errno, "SQL_REFUSED"] as const),
  ...([1053, 1077, 1079, 1080, 1927, 4031] as const).map((errno) => [errno, "TARGET_RESET"] as const),
]);

/** Those that a server says of a statement; 2000 and above are the client's own. */
function mysqlRange(errno: number): CodeName | undefined {
  return errno >= 1000 && errno < 2000 ? "SQL_STATEMENT" : undefined;
}

/** By SQLSTATE. */
function postgresName(state: string): CodeName | undefined {
  if (!/^[\dA-Z]{5}$/.test(state)) return undefined;
  if (state === "42501" || /^(28|3D)/.test(state)) return "SQL_REFUSED";
  if (/^(22|23|44)/.test(state)) return "SQL_CONSTRAINT";
  if (/^57P/.test(state)) return "TARGET_RESET";
  if (/^08/.test(state)) return "TARGET_RESET";
  if (/^(40|53|55|57)/.test(state) || state === "25006") return "SQL_BUSY";
  return "SQL_STATEMENT";
}

/** By SQLite's primary result code. */
function sqliteName(code: number): CodeName {
  if (code === 19 || code === 20 || code === 18) return "SQL_CONSTRAINT";
  if ([5, 6, 8, 10, 13].includes(code)) return "SQL_BUSY";
  if (code === 14) return "TARGET_UNREACHABLE";
  return code === 3 || code === 23 ? "SQL_REFUSED" : "SQL_STATEMENT";
}

/** The row is there already, as far as the database says so in its error. */
export function isDuplicate(error: unknown): boolean {
  return recordOf(error instanceof Error ? { ...error } : undefined).errno === 1062;
}
