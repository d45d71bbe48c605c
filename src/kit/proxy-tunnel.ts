import http from "node:http";
import https from "node:https";
import { isIPv6, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { messageOf } from "../lib/errors.ts";
import { type Env, type ProxyServer, proxyFor } from "./proxy.ts";

/** Go's dialler gives up after this. */
const connectTimeoutMs = 30_000;

/** No tunnel: nothing was sent to the target. */
class TunnelError extends Error {
  readonly code = "EPROXY";
}

/**
 * A connection to `host:port` through a proxy (CONNECT), on which TLS to the target is still to be made. Rejects with an
 * error whose `code` is EPROXY and whose text names the proxy, never its credentials.
 */
export function openTunnel(
  proxy: ProxyServer,
  target: { readonly host: string; readonly port: number },
): Promise<Socket> {
  const authority = `${isIPv6(target.host) ? `[${target.host}]` : target.host}:${target.port}`;
  const failed = (why: string, cause?: unknown): TunnelError =>
    new TunnelError(`the proxy ${proxy.origin} gives no way to ${authority}: ${why}`, { cause });
  return new Promise((resolve, reject) => {
    const asked = (proxy.secure ? https : http).request({
      host: proxy.hostname,
      port: proxy.port,
      method: "CONNECT",
      path: authority,
      headers: {
        host: authority,
        ...(proxy.authorization === undefined ? {} : { "proxy-authorization": proxy.authorization }),
      },
      agent: false,
      // Node would take the name for TLS from the Host header, which is the target's
      ...(proxy.secure ? { ca: trusted(), servername: proxy.servername, ALPNProtocols: ["http/1.1"] } : {}),
    });
    const late = setTimeout(() => asked.destroy(new Error("no answer within 30 s")), connectTimeoutMs);
    const refused = (status: number | undefined, text = ""): void => {
      clearTimeout(late);
      reject(failed(`it answered ${`${status ?? ""} ${text}`.trim()}`));
    };
    asked.once("connect", (answer, socket: Socket, head: Buffer) => {
      if (answer.statusCode !== 200) {
        socket.on("error", () => undefined).destroy();
        return refused(answer.statusCode, answer.statusMessage);
      }
      clearTimeout(late);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    asked.once("response", (answer) => {
      answer.destroy();
      refused(answer.statusCode, answer.statusMessage);
    });
    asked.once("error", (error) => {
      clearTimeout(late);
      reject(failed(messageOf(error), error));
    });
    asked.end();
  });
}

/** As Go: the machine's certificates count too. */
function trusted(): string[] {
  return [...tls.getCACertificates("default"), ...tls.getCACertificates("system")];
}

type Opened = (error: Error | null, socket: Duplex) => void;

/**
 * Agents of Node's own client, for libraries that use it (the AWS SDK): each connection goes through the proxy that the
 * environment names for its host, or straight. `options` are those of the https agent, such as `ca`.
 */
export function proxyAgents(
  env: Env,
  options: https.AgentOptions = {},
): { readonly httpAgent: http.Agent; readonly httpsAgent: https.Agent } {
  return { httpAgent: new TunnelAgent({ keepAlive: true }, env), httpsAgent: new SecureTunnelAgent(options, env) };
}

class TunnelAgent extends http.Agent {
  readonly #env: Env;

  constructor(options: http.AgentOptions, env: Env) {
    super(options);
    this.#env = env;
  }

  override createConnection(options: http.ClientRequestArgs, opened?: Opened): Duplex | null | undefined {
    const straight = (): Duplex | null | undefined => super.createConnection(options, opened);
    return connect({ scheme: "http", env: this.#env, options, opened, straight, over: (socket) => socket });
  }
}

class SecureTunnelAgent extends https.Agent {
  readonly #env: Env;

  constructor(options: https.AgentOptions, env: Env) {
    super(options);
    this.#env = env;
  }

  override createConnection(options: https.RequestOptions, opened?: Opened): Duplex | null | undefined {
    const straight = (): Duplex | null | undefined => super.createConnection(options, opened);
    // the name that the certificate must have is in the options: the target's
    const over = (socket: Socket): Duplex =>
      tls.connect({ ...(options as tls.ConnectionOptions), socket, ALPNProtocols: ["http/1.1"] });
    return connect({ scheme: "https", env: this.#env, options, opened, straight, over });
  }
}

/** A connection now, or undefined and later one by `opened`. */
function connect(parts: {
  readonly scheme: "http" | "https";
  readonly env: Env;
  readonly options: http.ClientRequestArgs;
  readonly opened: Opened | undefined;
  readonly straight: () => Duplex | null | undefined;
  readonly over: (socket: Socket) => Duplex;
}): Duplex | null | undefined {
  const { scheme, env, options, opened = () => undefined, straight, over } = parts;
  const host = options.host ?? "localhost";
  const port = Number(options.port ?? (scheme === "https" ? 443 : 80));
  const proxy = proxyFor(new URL(`${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`), env);
  if (proxy === undefined) return straight();
  openTunnel(proxy, { host, port })
    .then(over)
    .then(
      (socket) => opened(null, socket),
      // of a failure nobody looks at the socket
      (error: Error) => (opened as (error: Error) => void)(error),
    );
  return undefined;
}
