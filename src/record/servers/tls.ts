import { readFileSync } from "node:fs";
import { messageOf, TideError } from "../../lib/errors.ts";
import type { TlsOptions } from "../options.ts";

/** What Node's TLS is given. */
export interface TlsMaterial {
  readonly rejectUnauthorized: boolean;
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Reads the files of TLS. Throws RECORD_URL, naming the file that cannot be read. */
export function tlsMaterial({ verify, caFile, certFile, keyFile }: TlsOptions): TlsMaterial {
  return {
    rejectUnauthorized: verify !== "none",
    ...(caFile === undefined ? {} : { ca: read(caFile) }),
    ...(certFile === undefined ? {} : { cert: read(certFile) }),
    ...(keyFile === undefined ? {} : { key: read(keyFile) }),
  };
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new TideError("RECORD_URL", `a TLS file of the record's address cannot be read: ${messageOf(cause)}`);
  }
}

/** Codes that say the certificates do not fit: no pause mends that. */
export const certificateFault = /^(CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_(VERIFY|GET)_|ERR_TLS_|ERR_SSL_)/;
