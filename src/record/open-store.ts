import { type ServerPlace, type StoreOptions, shownPlace } from "./options.ts";
import { openServerStore, type Server } from "./servers/server-store.ts";
import type { Store } from "./sql/store.ts";

/** Opens the database of a record; the code of each is loaded when it is needed. Rejects with one of our codes. */
export async function openStore({ place, readOnly, busyTimeoutMs }: StoreOptions): Promise<Store> {
  if (place.kind === "sqlite") {
    const { openSqlite } = await import("./sqlite/store.ts");
    return openSqlite({ path: place.path, readOnly, busyTimeoutMs });
  }
  const server = await serverFor(place, busyTimeoutMs);
  try {
    return await openServerStore(server, { place, readOnly });
  } catch (error) {
    throw server.fault(error, `opening the record ${shownPlace(place)}`);
  }
}

async function serverFor(place: ServerPlace, busyTimeoutMs: number): Promise<Server> {
  if (place.kind === "mysql") {
    const { mysqlServer } = await import("./servers/mysql.ts");
    return mysqlServer({ place, busyTimeoutMs });
  }
  const { postgresServer } = await import("./servers/postgres.ts");
  return postgresServer({ place, busyTimeoutMs });
}
