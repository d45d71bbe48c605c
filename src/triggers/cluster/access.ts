import tls from "node:tls";
import type { Dispatcher } from "undici";
import { unguarded } from "../../kit/egress.ts";
import { poolTo } from "../../kit/proxy-dispatcher.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf, TideError } from "../../lib/errors.ts";
import { undici } from "../../lib/undici.ts";
import { type Credentials, readCredentials } from "./credentials.ts";
import { type ClusterConfig, fault, textOf } from "./kubeconfig.ts";

export interface AccessOptions {
  /** Read at the first use, and again when credentials are refused. */
  readonly load: () => Promise<ClusterConfig>;
  /** For proxies (`HTTPS_PROXY`, `NO_PROXY`) and credential programs. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  sdk<T>(name: string, load: () => Promise<T>): Promise<T>;
}

/** How to reach the API now. */
export interface Way {
  readonly config: ClusterConfig;
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
  /** For watches, which keep their connections: they must not take those of the calls. */
  readonly streams: Dispatcher;
}

/** Files with tokens and certificates are looked at again this often: a pod's token is renewed in place. */
const freshMs = 10_000;
/** A credential is renewed this long before it ends. */
const earlyMs = 10_000;
const connectTimeoutMs = 10_000;
/** Calls at once, of all triggers together; more of them wait here and not at the API server. */
const mostConnections = 64;
/** The API server itself gives up a request after a minute. */
export const answerTimeoutMs = 65_000;

interface Held {
  readonly config: ClusterConfig;
  readonly credentials: Credentials;
  readonly ca: string | undefined;
  readonly readMs: number;
  readonly dispatcher: Dispatcher;
  readonly streams: Dispatcher;
}

/** The connection to one cluster: credentials that stay fresh, and the sockets that go with them. */
export class Access implements AsyncDisposable {
  readonly #options: AccessOptions;
  #held: Held | undefined;
  #reading: Promise<Held> | undefined;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** Rejects with CLUSTER_CONFIG. */
  async way(): Promise<Way> {
    const held = this.#held !== undefined && this.#isFresh(this.#held) ? this.#held : await this.#read(this.#held);
    const { config, credentials, dispatcher, streams } = held;
    return { config, headers: credentials.headers, dispatcher, streams };
  }

  /** After credentials of `way` were refused: reads everything again, unless somebody did that meanwhile. */
  async renew(way: Way): Promise<Way> {
    if (this.#held?.credentials.headers === way.headers) await this.#read(undefined);
    return this.way();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const held = await this.#reading?.catch(() => undefined);
    for (const one of [this.#held, held]) await Promise.all([one?.dispatcher.destroy(), one?.streams.destroy()]);
  }

  #isFresh({ config, credentials, readMs }: Held): boolean {
    const nowMs = this.#options.clock.nowMs();
    const { expiresMs } = credentials;
    if (expiresMs !== undefined && nowMs > expiresMs - earlyMs) return false;
    // a program is run again only when what it gave ends, or is refused
    return config.user.exec !== undefined || nowMs - readMs < freshMs;
  }

  /** One reads for all that wait. */
  #read(before: Held | undefined): Promise<Held> {
    this.#reading ??= this.#readNow(before).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readNow(before: Held | undefined): Promise<Held> {
    const { env, sdk, clock } = this.#options;
    const config = before?.config ?? (await this.#options.load());
    const signal = AbortSignal.timeout(answerTimeoutMs);
    const [credentials, ca] = await Promise.all([
      readCredentials({ config, env, sdk, signal }),
      config.ca === undefined ? undefined : textOf(config.ca),
    ]);
    const old = this.#held;
    const same =
      old !== undefined &&
      old.config.server === config.server &&
      old.ca === ca &&
      old.credentials.cert === credentials.cert &&
      old.credentials.key === credentials.key;
    const given = { credentials, ca, env };
    const dispatcher = same ? old.dispatcher : dispatcherOf(config, { ...given, connections: mostConnections });
    const streams = same ? old.streams : dispatcherOf(config, { ...given, connections: undefined });
    const held: Held = { config, credentials, ca, dispatcher, streams, readMs: clock.nowMs() };
    this.#held = held;
    // what is in flight may end on the old sockets
    if (!same) for (const one of [old?.dispatcher, old?.streams]) one?.close().catch(() => undefined);
    return held;
  }
}

function dispatcherOf(
  config: ClusterConfig,
  given: {
    readonly credentials: Credentials;
    readonly ca: string | undefined;
    readonly env: AccessOptions["env"];
    readonly connections: number | undefined;
  },
): Dispatcher {
  const { credentials, ca, env, connections } = given;
  try {
    const secure = {
      secureContext: tls.createSecureContext({
        ...(ca === undefined ? {} : { ca }),
        ...(credentials.cert === undefined ? {} : { cert: credentials.cert }),
        ...(credentials.key === undefined ? {} : { key: credentials.key }),
      }),
      rejectUnauthorized: !config.skipVerify,
      ...(config.serverName === undefined ? {} : { servername: config.serverName }),
    };
    const connect = { ...secure, timeout: connectTimeoutMs, keepAlive: true, keepAliveInitialDelay: 30_000 };
    const pool = connections === undefined ? {} : { connections };
    const limits = { allowH2: false, headersTimeout: answerTimeoutMs, bodyTimeout: answerTimeoutMs, ...pool };
    // what the kubeconfig names goes before what the environment does
    return config.proxyUrl === undefined
      ? poolTo(new URL(config.server).origin, { connect, ...limits }, { env, egress: unguarded })
      : new (undici().ProxyAgent)({ uri: config.proxyUrl, requestTls: secure, ...limits });
  } catch (cause) {
    if (cause instanceof TideError) throw cause;
    throw fault(`${config.shown}: its certificates or its proxy cannot be used: ${messageOf(cause)}`, cause);
  }
}
