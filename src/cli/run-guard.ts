import type { Access } from "../console/access.ts";
import { openAccess, readTls, type TlsFiles } from "../console/access-open.ts";
import { AuditLog } from "../console/audit-log.ts";
import { isLoopback } from "../console/guard.ts";
import { TokensFolder } from "../console/tokens-folder.ts";
import { systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Redactor } from "../telemetry/redact.ts";
import type { RunVerbOptions } from "./run.ts";

/** What guards the admin API of a run. */
export interface Guarded {
  readonly access: Access;
  readonly audit: AuditLog;
  readonly names: readonly string[];
  readonly tls: TlsFiles | undefined;
}

/**
 * From the options of `run`. Tokens are those of `--data-dir`, with `--ephemeral` too, but then nothing is written there.
 * Rejects with ADMIN_TOKEN_MISSING, ADMIN_TLS_BAD and TOKENS_UNREADABLE.
 */
export async function guardOf(parts: {
  readonly options: RunVerbOptions;
  readonly redactor: Redactor;
  readonly log: Log;
}): Promise<Guarded> {
  const { options, redactor, log } = parts;
  const { admin, adminHost: names = [], dataDir, ephemeral = false } = options;
  const host = admin === "none" ? "127.0.0.1" : admin.host;
  const tls = options.adminTls === undefined ? undefined : await readTls(options.adminTls);
  const access = await openAccess({
    ...{ host, names: admin === "none" ? [] : names, requireToken: options.requireToken === true },
    ...{ tokens: new TokensFolder(dataDir), keepLastUse: !ephemeral, clock: systemClock, log },
  });
  redactor.add(access.ownToken);
  if (!isLoopback(host) && tls === undefined) {
    log.warn(
      { host },
      "the admin API is reached without TLS: whoever listens on the way reads its tokens; give --admin-tls, or put a proxy with TLS before it",
    );
  }
  return {
    ...{ access, names, tls },
    audit: new AuditLog({ dataDir: ephemeral ? undefined : dataDir, redactor, clock: systemClock, log }),
  };
}
