import type { ClientRequestArgs, Agent as HttpAgent, AgentOptions as HttpAgentOptions } from "node:http";
import type { Agent as HttpsAgent, AgentOptions as HttpsAgentOptions, RequestOptions } from "node:https";
import { isIPv6, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { messageOf } from "../lib/errors.ts";
import { http, https } from "../lib/node-http.ts";
import { type ProxyServer, proxyFor } from "./proxy.ts";
import type { Way } from "./proxy-dispatcher.ts";

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
type Straight = (admitted: ReturnType<Way["egress"]["admit"]>) => Duplex | null | undefined;

/**
 * Agents of Node's own client, for libraries that use it (the AWS SDK): each connection goes by the guard's leave through
 * the proxy that the environment names for its host, or straight. `options` are those of the https agent, such as `ca`.
 */
export function proxyAgents(
  way: Way,
  options: HttpsAgentOptions = {},
): { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent } {
  const { keepAlive = true, maxSockets } = options;
  const plain = { keepAlive, ...(maxSockets === undefined ? {} : { maxSockets }) };
  return { httpAgent: new TunnelAgent(plain, way), httpsAgent: new SecureTunnelAgent(options, way) };
}

class TunnelAgent extends http.Agent {
  readonly #way: Way;

  constructor(options: HttpAgentOptions, way: Way) {
    super(options);
    this.#way = way;
  }

  override createConnection(options: ClientRequestArgs, opened?: Opened): Duplex | null | undefined {
    const straight: Straight = (admitted) => super.createConnection({ ...options, ...admitted }, opened);
    return connect({ scheme: "http", way: this.#way, options, opened, straight, over: (socket) => socket });
  }
}

class SecureTunnelAgent extends https.Agent {
  readonly #way: Way;

  constructor(options: HttpsAgentOptions, way: Way) {
    super(options);
    this.#way = way;
  }

  override createConnection(options: RequestOptions, opened?: Opened): Duplex | null | undefined {
    const straight: Straight = (admitted) => super.createConnection({ ...options, ...admitted }, opened);
    // the name that the certificate must have is in the options: the target's
    const over = (socket: Socket): Duplex =>
      tls.connect({ ...(options as tls.ConnectionOptions), socket, ALPNProtocols: ["http/1.1"] });
    return connect({ scheme: "https", way: this.#way, options, opened, straight, over });
  }
}

/** A connection now, or undefined and later one by `opened`. */
function connect(parts: {
  readonly scheme: "http" | "https";
  readonly way: Way;
  readonly options: ClientRequestArgs;
  readonly opened: Opened | undefined;
  readonly straight: Straight;
  readonly over: (socket: Socket) => Duplex;
}): Duplex | null | undefined {
  const { scheme, way, options, opened = () => undefined, straight, over } = parts;
  // of a failure nobody looks at the socket
  const failed = opened as (error: Error) => void;
  const host = options.host ?? "localhost";
  const port = Number(options.port ?? (scheme === "https" ? 443 : 80));
  try {
    const proxy = proxyFor(new URL(`${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`), way.env);
    if (proxy === undefined) return straight(way.egress.admit(host, port));
    way.egress
      .admitByProxy(host, port)
      .then(() => openTunnel(proxy, { host, port }))
      .then(over)
      .then((socket) => opened(null, socket), failed);
  } catch (error) {
    process.nextTick(failed, error);
  }
  return undefined;
}
