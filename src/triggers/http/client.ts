import { X509Certificate } from "node:crypto";
import tls from "node:tls";
import type { Agent, buildConnector, Dispatcher, Pool } from "undici";
import { type Egress, isPublicAddress } from "../../kit/egress.ts";
import { guardedConnector } from "../../kit/egress-connect.ts";
import type { KeyRef } from "../../kit/fields.ts";
import { poolFactory, poolTo } from "../../kit/proxy-dispatcher.ts";
import { AbortWatch } from "../../lib/abort-watch.ts";
import { messageOf, TideError } from "../../lib/errors.ts";
import { undici } from "../../lib/undici.ts";
import type { Prepared } from "./prepare.ts";
import type { Target } from "./target.ts";

/** A `tls` block (reference 0, TLSConfig). */
export interface TlsBlock {
  readonly caCertSecret?: KeyRef | undefined;
  readonly clientCertSecret?: KeyRef | undefined;
  readonly clientKeySecret?: KeyRef | undefined;
  readonly insecureSkipVerify?: boolean | undefined;
  readonly enabled?: boolean | undefined;
}

/** What `tls.connect` gets. */
export interface TlsOptions {
  readonly secureContext?: tls.SecureContext;
  readonly rejectUnauthorized?: boolean;
}

/** Go's dialler gives up after this. */
const connectTimeoutMs = 30_000;
/** An idle connection is kept this long; less where the server announces its own limit. */
const idleMs = 30_000;

/**
 * The connections to one target, kept between firings, and those to wherever it redirects; through a proxy where the
 * environment names one. As many at once as there are firings at once: the stage bounds those.
 */
export class HttpClient implements AsyncDisposable {
  readonly #origin: string;
  readonly #secure: TlsOptions;
  readonly #egress: Egress;
  readonly #pool: Dispatcher;
  /** Where it redirects to; apart from those where a public address does. */
  #elsewhere: Agent | undefined;
  #led: Agent | undefined;
  #wasPublic = false;
  readonly #worn = new WeakSet<Error>();
  /** What was made of a configuration at its first firing; gone with the configuration. */
  readonly prepared = new WeakMap<object, Prepared>();
  /** Of the requests under way. */
  readonly aborts = new AbortWatch();

  constructor(origin: string, secure: TlsOptions, egress: Egress) {
    this.#origin = origin;
    this.#secure = secure;
    this.#egress = egress;
    this.#pool = poolTo(origin, this.#options(egress), { env: process.env, egress });
  }

  #options(egress: Egress): Pool.Options {
    const connect = guardedConnector(egress, { ...this.#secure, allowH2: false, timeout: connectTimeoutMs });
    const watch: buildConnector.connector = (options, callback) => {
      connect(options, (...result) => {
        const socket = result[1] ?? undefined;
        if (socket !== undefined) {
          this.#wasPublic ||= isPublicAddress(socket.remoteAddress);
          const readBefore = socket.bytesRead;
          socket.on("error", (error) => {
            if (socket.bytesRead > readBefore) this.#worn.add(error);
          });
        }
        callback(...result);
      });
    };
    // timeouts are the trigger's own, over the whole exchange; HTTP/2 would change the case of header names
    return {
      connect: watch,
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: idleMs,
      headersTimeout: 0,
      bodyTimeout: 0,
    };
  }

  /**
   * Whether `error` is the end of a connection that had served before: the server closed it while it was idle, just as the
   * request went out. Go's client sends such a request again when it has an Idempotency-Key, and so do we.
   */
  wasWorn(error: unknown): boolean {
    return error instanceof Error && this.#worn.has(error);
  }

  dispatch(target: Target, options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    if (target.origin === this.#origin) {
      this.#pool.dispatch(options, handler);
      return;
    }
    this.#redirected().dispatch({ ...options, origin: target.origin }, handler);
  }

  #redirected(): Agent {
    if (this.#wasPublic) {
      this.#led ??= this.#agent(this.#egress.led);
      return this.#led;
    }
    this.#elsewhere ??= this.#agent(this.#egress);
    return this.#elsewhere;
  }

  #agent(egress: Egress): Agent {
    return new (undici().Agent)({ ...this.#options(egress), factory: poolFactory({ env: process.env, egress }) });
  }

  /** Waits for what is in flight; its own signals and timeouts end that. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#pool.close(), this.#elsewhere?.close(), this.#led?.close()]);
  }
}

/** TLS options of a `tls` block, its secrets read. Throws TARGET_TLS when they are no PEM. */
export async function secureOptions(
  block: TlsBlock | undefined,
  secret: (ref: KeyRef) => Promise<string>,
): Promise<TlsOptions> {
  if (block?.insecureSkipVerify === true) return { rejectUnauthorized: false };
  const read = async (ref: KeyRef | undefined) => (ref === undefined ? undefined : secret(ref));
  const [ca, cert, key] = await Promise.all([
    read(block?.caCertSecret),
    read(block?.clientCertSecret),
    read(block?.clientKeySecret),
  ]);
  try {
    // OpenSSL takes a text without any certificate as an empty list
    if (ca !== undefined) new X509Certificate(ca);
    // one context for all connections: parsing the system's certificates takes 40 ms the first time, 10 ms again
    const secureContext = tls.createSecureContext({
      ca: ca ?? systemCertificates(),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    return { secureContext };
  } catch (cause) {
    throw new TideError("TARGET_TLS", `the certificates of the tls block cannot be used: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** Node's own, and the machine's: Go trusts the latter, where a company's CA is. PEM. */
export function systemCertificates(): string[] {
  return [...new Set([...tls.getCACertificates("default"), ...tls.getCACertificates("system")])];
}
