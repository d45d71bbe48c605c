import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { messageOf, TideError } from "../lib/errors.ts";
import { Access, type AccessOptions } from "./access.ts";
import { isLoopback } from "./guard.ts";
import { isExpired } from "./tokens.ts";

/** How the admin API was asked to be guarded. */
export interface GuardOptions extends Omit<AccessOptions, "required"> {
  /** Where it will listen. */
  readonly host: string;
  /** `--require-token`. */
  readonly requireToken: boolean;
  /** `--admin-host`: names under which it is served; then a proxy stands before it, and not all who ask are of this machine. */
  readonly names: readonly string[];
}

/**
 * Whether tokens are asked for: always beyond loopback and under other names, else if it was asked for.
 * Rejects with ADMIN_TOKEN_MISSING where others could reach it and no token is there that is still good.
 */
export async function openAccess({ host, requireToken, names, ...options }: GuardOptions): Promise<Access> {
  const open = !isLoopback(host) || names.length > 0;
  if (open) {
    const all = (await options.tokens?.list()) ?? [];
    if (all.every((token) => isExpired(token, options.clock.nowMs()))) {
      const why = isLoopback(host) ? `--admin-host ${names.join(",")}` : `--admin ${host}`;
      const expired = all.length === 0 ? "there is no token" : "all tokens have expired";
      throw new TideError("ADMIN_TOKEN_MISSING", `${why} opens the admin API to others, and ${expired}`);
    }
  }
  return new Access({ ...options, required: open || requireToken });
}

/** PEM texts. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** Reads `CERT,KEY`. Rejects with ADMIN_TLS_BAD. */
export async function readTls(option: string): Promise<TlsFiles> {
  const [certFile = "", keyFile = "", ...more] = option.split(",");
  if (certFile === "" || keyFile === "" || more.length > 0) {
    throw new TideError("ADMIN_TLS_BAD", `--admin-tls ${option}: write CERT,KEY`);
  }
  const cert = await pemOf(certFile);
  const key = await pemOf(keyFile);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    // without its cause, whose fields may hold the key
    throw new TideError("ADMIN_TLS_BAD", `--admin-tls ${option}: ${messageOf(error)}`);
  }
  return { cert, key };
}

async function pemOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new TideError("ADMIN_TLS_BAD", `reading ${file}`, { cause });
  }
}
