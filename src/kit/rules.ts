import type { Finding, Path } from "../lib/finding.ts";
import { recordOf } from "../lib/json.ts";

/**
 * The rules across fields that several types share (reference 7.3). Each yields findings whose paths start at the
 * configuration it is given, or at `path` where one is passed.
 */

/** A value that a person wrote: not absent, not empty. */
export function present(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return false;
  if (Array.isArray(value)) return value.length > 0;
  return true;
}

/** Whether a parameter of a trigger's own settings makes the field: what stands there is not what is used. */
export function isMade(
  config: { readonly parameters?: readonly { readonly dest: string }[] | undefined },
  field: string,
): boolean {
  return config.parameters?.some(({ dest }) => dest === field) === true;
}

function error(code: Finding["code"], path: Path, message: string, fix?: string): Finding {
  return { severity: "error", code, path, message, ...(fix === undefined ? {} : { fix }) };
}

export function missing(path: Path, message: string, fix?: string): Finding {
  return error("FIELD_MISSING", path, message, fix);
}

export function conflict(path: Path, message: string, fix?: string): Finding {
  return error("FIELD_CONFLICT", path, message, fix);
}

export function badValue(path: Path, message: string, fix?: string): Finding {
  return error("FIELD_VALUE", path, message, fix);
}

/** Each of `keys` must be there and not empty. */
export function needs(config: object, keys: readonly string[], path: Path = []): Finding[] {
  const held = recordOf(config);
  return keys
    .filter((key) => !present(held[key]))
    .map((key) =>
      missing([...path, key], key in held ? `${key} must not be empty` : `${key} is missing`, `Add ${key}.`),
    );
}

/** Exactly one of `keys` must be there. */
export function exactlyOne(config: object, keys: readonly string[], path: Path = []): Finding[] {
  const there = keys.filter((key) => present(recordOf(config)[key]));
  if (there.length === 0)
    return [missing(path, `one of ${keys.join(", ")} is needed`, `Add one of ${keys.join(", ")}.`)];
  if (there.length === 1) return [];
  return [conflict([...path, there[1] ?? ""], `only one of ${there.join(", ")} can be given`, `Keep one of them.`)];
}

/** At least one of `keys` must be there. */
export function someOf(config: object, keys: readonly string[], path: Path = []): Finding[] {
  if (keys.some((key) => present(recordOf(config)[key]))) return [];
  return [missing(path, `one of ${keys.join(", ")} is needed`, `Add one of ${keys.join(", ")}.`)];
}

/** All of `keys`, or none. */
export function allOrNone(config: object, keys: readonly string[], path: Path = []): Finding[] {
  const there = keys.filter((key) => present(recordOf(config)[key]));
  if (there.length === 0 || there.length === keys.length) return [];
  const absent = keys.filter((key) => !there.includes(key));
  return [
    conflict([...path, there[0] ?? ""], `${there.join(", ")} needs ${absent.join(", ")}`, `Add ${absent.join(", ")}.`),
  ];
}

/** Rules of a TLSConfig (reference 0, TLSConfig). */
export function tlsRules(tls: unknown, path: Path): Finding[] {
  if (tls === undefined || tls === null) return [];
  const held = recordOf(tls);
  if (held.insecureSkipVerify === true) return [];
  const pair = allOrNone(held, ["clientCertSecret", "clientKeySecret"], path);
  if (pair.length > 0) return pair;
  if (present(held.caCertSecret) || present(held.clientCertSecret) || held.enabled === true) return [];
  return [
    missing(
      path,
      "tls has neither caCertSecret nor clientCertSecret and clientKeySecret",
      "Add one of them, or `enabled: true` for TLS with the system's CAs.",
    ),
  ];
}

/** Both secrets of a BasicAuth. */
export function basicAuthRules(auth: unknown, path: Path): Finding[] {
  return auth === undefined || auth === null ? [] : needs(recordOf(auth), ["username", "password"], path);
}

const saslMechanisms = ["OAUTHBEARER", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI"] as const;

export function saslRules(sasl: unknown, path: Path): Finding[] {
  if (sasl === undefined || sasl === null) return [];
  const held = recordOf(sasl);
  const found = needs(held, ["userSecret", "passwordSecret"], path);
  const { mechanism } = held;
  if (present(mechanism) && !saslMechanisms.some((known) => known === mechanism)) {
    found.push(
      badValue(
        [...path, "mechanism"],
        `${String(mechanism)} is no SASL mechanism`,
        `Use ${saslMechanisms.join(", ")}.`,
      ),
    );
  }
  return found;
}

/** Rules of a WebhookContext (reference 7.3, webhook family). `path` is [] where its fields are inline. */
export function webhookRules(context: unknown, path: Path = []): Finding[] {
  if (context === undefined || context === null) return [missing(path, "webhook is missing", "Add webhook.")];
  const held = recordOf(context);
  const found = needs(held, ["endpoint", "port"], path);
  const { port } = held;
  if (typeof port === "string" && port !== "" && !isPort(port)) {
    found.push(badValue([...path, "port"], `"${port}" is no port`, 'Write a number from 1 to 65535 as text: "12000".'));
  }
  // Argo Events serves plain HTTP then, without a word: such a manifest works, though hardly as meant.
  for (const half of allOrNone(held, ["serverCertSecret", "serverKeySecret"], path)) {
    found.push({ ...half, severity: "warning", message: `${half.message}: plain HTTP is served` });
  }
  return found;
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

/** Rules of a WatchPathConfig; regular expressions are compiled where a connector uses them. */
export function watchPathRules(watched: unknown, path: Path): Finding[] {
  const held = recordOf(watched);
  const found = needs(held, ["directory"], path);
  const { directory, path: file } = held;
  if (typeof directory === "string" && directory !== "" && !directory.startsWith("/")) {
    found.push(badValue([...path, "directory"], "directory must be an absolute path", "Begin it with /."));
  }
  if (typeof file === "string" && file.startsWith("/")) {
    found.push(badValue([...path, "path"], "path must be relative to directory", "Remove the leading /."));
  }
  found.push(...exactlyOne(held, ["path", "pathRegexp"], path));
  return found;
}
