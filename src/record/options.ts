/** How a record is opened. Plain data: it is sent to the thread that opens it. */
export interface StoreOptions {
  readonly place: SqlitePlace | ServerPlace;
  /** Opens what is there and changes nothing. */
  readonly readOnly: boolean;
  /** How long a statement waits for another program's lock before it fails with RECORD_LOCKED. */
  readonly busyTimeoutMs: number;
}

export interface SqlitePlace {
  readonly kind: "sqlite";
  /** A file, or `inMemory`. */
  readonly path: string;
}

/** A database of a server, as its URL names it. */
export interface ServerPlace {
  readonly kind: "mysql" | "postgres";
  readonly host: string;
  readonly port: number;
  /** A Unix socket in place of host and port. */
  readonly socket: string | undefined;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** Postgres: where the tables are; the server's default unless given. */
  readonly schema: string | undefined;
  readonly tls: TlsOptions | undefined;
  readonly connectTimeoutMs: number;
}

export interface TlsOptions {
  /** `none` encrypts only; `chain` asks for a certificate of a known authority, `full` for this host's. */
  readonly verify: "none" | "chain" | "full";
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

/** In memory: for one connection only. */
export const inMemory = ":memory:";

/** Where a record is, as it may be shown: without a password. */
export function shownPlace(place: SqlitePlace | ServerPlace): string {
  if (place.kind === "sqlite") return `sqlite:${place.path}`;
  const { kind, host, port, socket, user, database, schema } = place;
  const at = socket === undefined ? `${host.includes(":") ? `[${host}]` : host}:${port}` : "";
  const more = [
    ...(socket === undefined ? [] : [`socket=${socket}`]),
    ...(schema === undefined ? [] : [`schema=${schema}`]),
  ];
  return `${kind}://${encodeURIComponent(user)}@${at}/${encodeURIComponent(database)}${more.length === 0 ? "" : `?${more.join("&")}`}`;
}
