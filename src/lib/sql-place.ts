import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type CodeName, messageOf, TideError } from "./errors.ts";

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

/** A place as it may be shown: without a password. */
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

/** How faults of an address are told: by which code, and whose address it is (`the address of the record`). */
export interface SqlAddress {
  readonly code: CodeName;
  readonly what: string;
}

const servers: Readonly<Record<string, ServerPlace["kind"]>> = {
  mysql: "mysql",
  mariadb: "mysql",
  postgres: "postgres",
  postgresql: "postgres",
};
const ports = { mysql: 3306, postgres: 5432 } as const;

/**
 * The place that the address of a database names: `sqlite:PATH`, a plain path, a file URL, or `mysql://`, `mariadb://`,
 * `postgres://`, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`. Throws a TideError of the given code, whose message
 * never has the address itself: it may hold a password.
 */
export function sqlPlaceOf(url: string, address: SqlAddress): SqlitePlace | ServerPlace {
  const { code, what } = address;
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  if (url.includes("\0")) throw new TideError(code, `${what} has a NUL character`);
  const kind = scheme === undefined || !Object.hasOwn(servers, scheme) ? undefined : servers[scheme];
  if (kind !== undefined) return serverPlace(kind, url, address);
  if (scheme === "file") return { kind: "sqlite", path: pathOfFileUrl(url, address) };
  if (scheme !== undefined && scheme !== "sqlite" && url.includes("://"))
    throw new TideError(code, `${what} begins with ${scheme}:, which is nothing that tidemill knows`);
  const path = scheme === "sqlite" ? url.slice("sqlite:".length).replace(/^\/\/(?=\/)/, "") : url;
  if (path === "" || path === "//") throw new TideError(code, `${what} has no path`);
  return { kind: "sqlite", path: path === inMemory ? path : resolve(path) };
}

function pathOfFileUrl(url: string, { code, what }: SqlAddress): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new TideError(code, `${what} is no file of this machine`, { cause });
  }
}

function serverPlace(kind: ServerPlace["kind"], text: string, address: SqlAddress): ServerPlace {
  const { code, what } = address;
  const url = URL.parse(text);
  if (url === null)
    throw new TideError(
      code,
      `${what} is no URL of the form ${kind}://USER:PASSWORD@HOST/DATABASE (a / @ : ? # % of the password is written as %2F %40 %3A %3F %23 %25)`,
    );
  const database = decoded(url.pathname.slice(1), address);
  if (database === "" || database.includes("/"))
    throw new TideError(code, `${what} names no database: ${kind}://…/DATABASE`);
  const given = parameters(url.searchParams, address);
  const socket = given.get("socket");
  const timeout = given.get("connect_timeout") ?? "10";
  if (!/^\d{1,4}$/.test(timeout) || Number(timeout) === 0)
    throw new TideError(code, `${what} has a connect_timeout that is not whole seconds, 1 to 9999`);
  const schema = given.get("schema");
  if (schema !== undefined && kind === "mysql")
    throw new TideError(code, "schema= is for Postgres; with MySQL, the database is the schema");
  return {
    kind,
    host: url.hostname === "" ? "127.0.0.1" : url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? ports[kind] : Number(url.port),
    socket,
    user: decoded(url.username, address) || userInfo().username,
    password: url.password === "" ? undefined : decoded(url.password, address),
    database,
    schema,
    tls: tlsOf(given, address),
    connectTimeoutMs: Number(timeout) * 1_000,
  };
}

function decoded(part: string, { code, what }: SqlAddress): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new TideError(code, `${what} has a % that begins no %XX`);
  }
}

/** MySQL's words for what libpq calls otherwise. */
const aliases: Readonly<Record<string, string>> = {
  "ssl-mode": "sslmode",
  "ssl-ca": "sslrootcert",
  "ssl-cert": "sslcert",
  "ssl-key": "sslkey",
};
const known = ["sslmode", "sslrootcert", "sslcert", "sslkey", "socket", "schema", "connect_timeout"];

function parameters(given: URLSearchParams, { code, what }: SqlAddress): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of given) {
    const one = Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;
    // its name only: a value may be a secret
    if (!known.includes(one))
      throw new TideError(code, `${what} has the unknown parameter ${name}; known are ${known.join(", ")}`);
    found.set(one, value);
  }
  return found;
}

/** libpq's modes, and MySQL's. `prefer` and `allow` would fall back to plain text without a word: they are refused. */
const modes: Readonly<Record<string, TlsOptions["verify"] | "off">> = {
  disable: "off",
  disabled: "off",
  require: "none",
  required: "none",
  "verify-ca": "chain",
  verify_ca: "chain",
  "verify-full": "full",
  verify_identity: "full",
};

function tlsOf(given: ReadonlyMap<string, string>, { code, what }: SqlAddress): TlsOptions | undefined {
  const caFile = given.get("sslrootcert");
  const mode = given.get("sslmode")?.toLowerCase() ?? (caFile === undefined ? "disable" : "verify-full");
  const verify = Object.hasOwn(modes, mode) ? modes[mode] : undefined;
  if (verify === undefined)
    throw new TideError(code, `${what} has an sslmode that is not disable, require, verify-ca or verify-full`);
  if (verify === "off") return undefined;
  return { verify, caFile, certFile: given.get("sslcert"), keyFile: given.get("sslkey") };
}

/** What Node's TLS is given. */
export interface TlsMaterial {
  readonly rejectUnauthorized: boolean;
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Reads the files of TLS. Throws a TideError of the given code, naming the file that cannot be read. */
export function sqlTlsMaterial({ verify, caFile, certFile, keyFile }: TlsOptions, address: SqlAddress): TlsMaterial {
  return {
    rejectUnauthorized: verify !== "none",
    ...(caFile === undefined ? {} : { ca: read(caFile, address) }),
    ...(certFile === undefined ? {} : { cert: read(certFile, address) }),
    ...(keyFile === undefined ? {} : { key: read(keyFile, address) }),
  };
}

function read(file: string, { code, what }: SqlAddress): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new TideError(code, `a TLS file of ${what} cannot be read: ${messageOf(cause)}`);
  }
}

/** Codes that say the certificates do not fit: no pause mends that. */
export const certificateFault = /^(CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_(VERIFY|GET)_|ERR_TLS_|ERR_SSL_)/;
