import { userInfo } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { TideError } from "../lib/errors.ts";
import { inMemory, type ServerPlace, type SqlitePlace, type TlsOptions } from "./options.ts";

const servers: Readonly<Record<string, ServerPlace["kind"]>> = {
  mysql: "mysql",
  mariadb: "mysql",
  postgres: "postgres",
  postgresql: "postgres",
};
const ports = { mysql: 3306, postgres: 5432 } as const;

/**
 * The place that the address of a record names: `sqlite:PATH`, a plain path, a file URL, or `mysql://`, `mariadb://`,
 * `postgres://`, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`. Throws RECORD_URL, whose message never has the address
 * itself: it may hold a password.
 */
export function placeOf(url: string): SqlitePlace | ServerPlace {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase();
  if (url.includes("\0")) throw new TideError("RECORD_URL", "the address of the record has a NUL character");
  const kind = scheme === undefined || !Object.hasOwn(servers, scheme) ? undefined : servers[scheme];
  if (kind !== undefined) return serverPlace(kind, url);
  if (scheme === "file") return { kind: "sqlite", path: pathOfFileUrl(url) };
  if (scheme !== undefined && scheme !== "sqlite" && url.includes("://"))
    throw new TideError("RECORD_URL", `a record with ${scheme}: is nothing that tidemill knows`);
  const path = scheme === "sqlite" ? url.slice("sqlite:".length).replace(/^\/\/(?=\/)/, "") : url;
  if (path === "" || path === "//") throw new TideError("RECORD_URL", "the address of the record has no path");
  return { kind: "sqlite", path: path === inMemory ? path : resolve(path) };
}

function pathOfFileUrl(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new TideError("RECORD_URL", "the address of the record is no file of this machine", { cause });
  }
}

function serverPlace(kind: ServerPlace["kind"], text: string): ServerPlace {
  const url = URL.parse(text);
  if (url === null)
    throw new TideError(
      "RECORD_URL",
      `the address of the record is no URL of the form ${kind}://USER:PASSWORD@HOST/DATABASE (a / @ : ? # % of the password is written as %2F %40 %3A %3F %23 %25)`,
    );
  const database = decoded(url.pathname.slice(1));
  if (database === "" || database.includes("/"))
    throw new TideError("RECORD_URL", `the address of the record names no database: ${kind}://…/DATABASE`);
  const given = parameters(url.searchParams);
  const socket = given.get("socket");
  const timeout = given.get("connect_timeout") ?? "10";
  if (!/^\d{1,4}$/.test(timeout) || Number(timeout) === 0)
    throw new TideError("RECORD_URL", "connect_timeout of the record's address must be whole seconds, 1 to 9999");
  const schema = given.get("schema");
  if (schema !== undefined && kind === "mysql")
    throw new TideError("RECORD_URL", "schema= is for Postgres; with MySQL, the database is the schema");
  return {
    kind,
    host: url.hostname === "" ? "127.0.0.1" : url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? ports[kind] : Number(url.port),
    socket,
    user: decoded(url.username) || userInfo().username,
    password: url.password === "" ? undefined : decoded(url.password),
    database,
    schema,
    tls: tlsOf(given),
    connectTimeoutMs: Number(timeout) * 1_000,
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new TideError("RECORD_URL", "the address of the record has a % that begins no %XX");
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

function parameters(given: URLSearchParams): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of given) {
    const one = Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;
    // its name only: a value may be a secret
    if (!known.includes(one))
      throw new TideError(
        "RECORD_URL",
        `the address of the record has the unknown parameter ${name}; known are ${known.join(", ")}`,
      );
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

function tlsOf(given: ReadonlyMap<string, string>): TlsOptions | undefined {
  const caFile = given.get("sslrootcert");
  const mode = given.get("sslmode")?.toLowerCase() ?? (caFile === undefined ? "disable" : "verify-full");
  const verify = Object.hasOwn(modes, mode) ? modes[mode] : undefined;
  if (verify === undefined)
    throw new TideError(
      "RECORD_URL",
      "sslmode of the record's address must be disable, require, verify-ca or verify-full",
    );
  if (verify === "off") return undefined;
  return { verify, caFile, certFile: given.get("sslcert"), keyFile: given.get("sslkey") };
}
