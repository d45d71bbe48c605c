import { TideError } from "../lib/errors.ts";
import type { KeyRef } from "./fields.ts";

/** A TLSConfig (reference 0), as `tlsConfig` describes it. */
export interface TlsSettings {
  readonly caCertSecret?: KeyRef | undefined;
  readonly clientCertSecret?: KeyRef | undefined;
  readonly clientKeySecret?: KeyRef | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
  readonly enabled?: boolean | undefined;
}

/** Options of `tls.connect`, and of the libraries that pass them on. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: false;
}

/**
 * The options a TLSConfig comes to, with its Secrets read: undefined without one. `insecureSkipVerify` accepts any server and
 * shows no client certificate, as in the peer. Rejects with SECRET_MISSING, or FIELD_CONFLICT when there is half a client
 * certificate or nothing at all.
 */
export async function tlsOptions(
  tls: TlsSettings | undefined,
  secret: (ref: KeyRef) => Promise<string>,
): Promise<TlsOptions | undefined> {
  if (tls === undefined) return undefined;
  const { caCertSecret, clientCertSecret, clientKeySecret, insecureSkipVerify, enabled } = tls;
  if (insecureSkipVerify) return { rejectUnauthorized: false };
  if ((clientCertSecret === undefined) !== (clientKeySecret === undefined)) {
    throw new TideError("FIELD_CONFLICT", "tls needs both or neither of clientCertSecret and clientKeySecret");
  }
  if (!caCertSecret && !clientCertSecret && !enabled) {
    throw new TideError("FIELD_CONFLICT", "tls has no certificate; `enabled: true` is TLS with the system's CAs");
  }
  return {
    ...(caCertSecret ? { ca: await secret(caCertSecret) } : {}),
    ...(clientCertSecret ? { cert: await secret(clientCertSecret) } : {}),
    ...(clientKeySecret ? { key: await secret(clientKeySecret) } : {}),
  };
}
