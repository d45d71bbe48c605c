import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import type { buildConnector, Dispatcher } from "undici";
import { isPublicAddress, refusalIn } from "../../kit/egress.ts";
import { guardedConnector, guardedSocket } from "../../kit/egress-connect.ts";
import { placeOf, placeOfUrl, splitPlace } from "../../kit/egress-place.ts";
import { proxyFor } from "../../kit/proxy.ts";
import { poolTo, type Way } from "../../kit/proxy-dispatcher.ts";
import { openTunnel } from "../../kit/proxy-tunnel.ts";
import { messageOf } from "../../lib/errors.ts";
import { http } from "../../lib/node-http.ts";

/** A proxy on the loopback through which git makes its connections, redirects too, as long as a fetch lasts. */
interface GitRelay extends AsyncDisposable {
  /** With its password: only the git that was told may use it. */
  readonly url: string;
  /** Why git could not go on, in better words than it has: a refusal, or a failed connection. */
  fault(): Error | undefined;
}

/** What belongs to a connection, and not to what is said over it (RFC 9110, 7.6.1). */
const hopHeaders: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"],
  ...["transfer-encoding", "upgrade", "expect"],
]);

/**
 * git looks names up and follows redirects by itself. Behind this, each of its connections is opened by the guard's leave,
 * and through the proxy that the environment names. `first` is the `host:port` of the repository: what else is asked for was
 * redirected to.
 */
export async function openGitRelay(way: Way, first: string): Promise<GitRelay> {
  const relay = new Relay(way, first);
  await relay.listen();
  return relay;
}

class Relay implements GitRelay {
  readonly #way: Way;
  readonly #first: string;
  #wasPublic = false;
  readonly #password = randomBytes(16).toString("hex");
  readonly #server = http.createServer();
  readonly #sockets = new Set<Duplex>();
  readonly #pools = new Map<string, Dispatcher>();
  #fault: Error | undefined;
  url = "";

  constructor(way: Way, first: string) {
    this.#way = way;
    this.#first = first;
    this.#server.on("connection", (socket) => this.#hold(socket));
    this.#server.on("connect", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#tunnel(request, socket, head).catch((error: unknown) => {
        socket.end(`HTTP/1.1 ${this.#told(error)} Not Let Through\r\n\r\n`);
      });
    });
    this.#server.on("request", (request, response) => {
      this.#forward(request, response).catch((error: unknown) => {
        const status = this.#told(error);
        if (response.headersSent) response.destroy();
        else response.writeHead(status, { "content-type": "text/plain" }).end(messageOf(error));
      });
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://git:${this.#password}@127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  fault(): Error | undefined {
    return this.#fault;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([closed, ...Array.from(this.#pools.values(), (pool) => pool.destroy())]);
  }

  /** The status that git sees. */
  #told(error: unknown): number {
    if (error === wrongPassword) return 407;
    const refusal = refusalIn(error);
    this.#fault = refusal ?? this.#fault ?? (error instanceof Error ? error : undefined);
    return refusal === undefined ? 502 : 403;
  }

  #hold(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined).once("close", () => this.#sockets.delete(socket));
  }

  #check({ headers }: IncomingMessage): void {
    const wanted = `Basic ${Buffer.from(`git:${this.#password}`).toString("base64")}`;
    if (headers["proxy-authorization"] !== wanted) throw wrongPassword;
  }

  async #tunnel(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    this.#check(request);
    const target = splitPlace(request.url ?? "");
    if (target === undefined) throw new Error(`${request.url} is no host and port`);
    const place = placeOf(target.host, target.port);
    const { env, egress } = this.#wayTo(place);
    const proxy = proxyFor(new URL(`https://${place}`), env);
    if (proxy !== undefined) await egress.admitByProxy(target.host, target.port);
    const beyond = proxy === undefined ? guardedSocket(egress, target) : await openTunnel(proxy, target);
    this.#hold(beyond);
    if (proxy === undefined) {
      await once(beyond, "connect");
      this.#wasPublic ||= isPublicAddress(beyond.remoteAddress);
    }
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    beyond.write(head);
    pipeline(socket, beyond, socket, () => {
      socket.destroy();
      beyond.destroy();
    });
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#check(request);
    const url = URL.parse(request.url ?? "");
    if (url?.protocol !== "http:") throw new Error(`${request.url} is no http:// URL`);
    const { method = "GET" } = request;
    const body = method === "GET" || method === "HEAD" ? null : request;
    const headers = withoutHops(request.rawHeaders);
    const path = url.pathname + url.search;
    const answer = await this.#pool(url.origin).request({ path, method: method as "GET" | "POST", headers, body });
    const told = Object.entries(answer.headers).filter(([name]) => !hopHeaders.has(name));
    response.writeHead(answer.statusCode, Object.fromEntries(told.map(([name, value]) => [name, value ?? ""])));
    pipeline(answer.body, response, () => undefined);
  }

  #pool(origin: string): Dispatcher {
    const kept = this.#pools.get(origin);
    if (kept !== undefined) return kept;
    const way = this.#wayTo(placeOfUrl(origin));
    const guarded = guardedConnector(way.egress, { allowH2: false });
    const connect: buildConnector.connector = (options, callback) =>
      guarded(options, (...result) => {
        this.#wasPublic ||= isPublicAddress(result[1]?.remoteAddress);
        callback(...result);
      });
    const pool = poolTo(origin, { connect, allowH2: false, headersTimeout: 0, bodyTimeout: 0 }, way);
    this.#pools.set(origin, pool);
    return pool;
  }

  /** What a public address redirects to is judged as such. */
  #wayTo(place: string): Way {
    const { env, egress } = this.#way;
    return place === this.#first || !this.#wasPublic ? this.#way : { env, egress: egress.led };
  }
}

const wrongPassword = new Error("the password of the relay is wrong");

/** Name and value in turn. */
function withoutHops(raw: readonly string[]): string[] {
  return raw.filter((_, i) => !hopHeaders.has((raw[i - (i % 2)] ?? "").toLowerCase()));
}
