import { TideError } from "../../lib/errors.ts";
import { type ServerPlace, shownPlace } from "../options.ts";
import { recordVersion } from "../schema.ts";
import type { Dialect } from "../sql/dialect.ts";
import { bringUp, demandVersion, tableNames, versionIn } from "../sql/migrations.ts";
import type { Session, Store } from "../sql/store.ts";

/** One connection to a server. */
export interface Connection {
  readonly session: Session;
  /** It broke, or was closed by the other side: of no use any more. */
  readonly lost: boolean;
  close(): Promise<void>;
  /** At once; what is under way on it fails. */
  destroy(): void;
}

/** What a kind of server does in its own way. */
export interface Server {
  readonly dialect: Dialect;
  /** Whether tables are made in a transaction. */
  readonly atomic: boolean;
  readonly begin: { readonly read: string; readonly write: string };
  connect(): Promise<Connection>;
  /** Which of these tables are there. */
  tables(session: Session, names: readonly string[]): Promise<readonly string[]>;
  /** Runs `step` in a lock that all who bring this record up take; in one transaction where tables can be made in one. */
  migrating(session: Session, step: () => Promise<void>): Promise<void>;
  /** Makes a table, index or column that may be there from a try that broke off. */
  again(session: Session, text: string): Promise<void>;
  fault(error: unknown, doing: string): TideError;
}

export interface ServerStoreOptions {
  readonly place: ServerPlace;
  readonly readOnly: boolean;
  /** A writing transaction that takes longer has lost its server, whatever its socket says. */
  readonly writeTimeoutMs?: number;
}

/** Opens a record on a server. The first connection is made now, so that what is wrong with it is said at once. */
export async function openServerStore(server: Server, options: ServerStoreOptions): Promise<Store> {
  const where = shownPlace(options.place);
  const { writeTimeoutMs = 60_000 } = options;
  let current: Connection | undefined;
  const connected = async (): Promise<Connection> => {
    if (current !== undefined && !current.lost) return current;
    current = undefined;
    const made = await server.connect();
    try {
      await prepare(server, made.session, { where, readOnly: options.readOnly });
    } catch (error) {
      made.destroy();
      throw error;
    }
    current = made;
    return made;
  };
  const transact = async <T>(begin: string, step: (session: Session) => Promise<T>): Promise<T> => {
    const connection = await connected();
    try {
      await connection.session.run(begin);
      const result = await step(connection.session);
      await connection.session.run("COMMIT");
      return result;
    } catch (error) {
      await undo(connection);
      throw error;
    }
  };
  await connected();
  return {
    dialect: server.dialect,
    async write(step) {
      if (options.readOnly) throw new TideError("RECORD_WRITE_FAILED", `the record ${where} was opened read-only`);
      const timer = setTimeout(() => current?.destroy(), writeTimeoutMs);
      try {
        return await transact(server.begin.write, async (session) => {
          // one writer at a time, as in a file: numbers are given out here, and a newer version is seen at once
          await versionIn(session, where, " FOR UPDATE");
          return step(session);
        });
      } finally {
        clearTimeout(timer);
      }
    },
    read: (step) => transact(server.begin.read, step),
    fault: (error, doing) => server.fault(error, doing),
    async close() {
      const last = current;
      current = undefined;
      await last?.close();
    },
  };
}

/** The connection is for the next transaction, or it is thrown away. */
async function undo(connection: Connection): Promise<void> {
  try {
    if (!connection.lost) await connection.session.run("ROLLBACK");
  } catch {
    // the first error is the one to tell
    connection.destroy();
  }
}

async function prepare(
  server: Server,
  session: Session,
  { where, readOnly }: { readonly where: string; readonly readOnly: boolean },
): Promise<void> {
  const before = await versionOf(server, session, where);
  if (readOnly) return demandVersion(before, where);
  if (before === recordVersion) return;
  await server.migrating(session, async () => {
    // another process may have brought it up while this one waited for the lock
    const version = await versionOf(server, session, where);
    await bringUp(session, { version, again: (text) => server.again(session, text) });
  });
}

/** undefined where there is no record. A table of somebody else under one of our names is left alone: RECORD_DAMAGED. */
async function versionOf(server: Server, session: Session, where: string): Promise<number | undefined> {
  const there = await server.tables(session, tableNames);
  if (there.includes("record_meta")) {
    // where tables are not made in a transaction, another process may be between this table and its row, or have died there
    const rows = await session.all("SELECT version FROM record_meta");
    return rows.length === 0 && !server.atomic ? undefined : versionIn(session, where);
  }
  if (there.length > 0)
    throw new TideError(
      "RECORD_DAMAGED",
      `${where} has a table ${there[0]} that is not of a record; give the record a database of its own`,
    );
  return undefined;
}
