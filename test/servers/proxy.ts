import { once } from "node:events";
import http, { type IncomingMessage, type RequestListener } from "node:http";
import https from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";

/** What a proxy was asked. */
export interface Asked {
  readonly method: string;
  /** `host:port` of a CONNECT; the whole URL of a plain request. */
  readonly target: string;
  readonly authorization: string | undefined;
}

export interface TestProxy extends AsyncDisposable {
  /** With the credentials, when it wants any. */
  readonly url: string;
  readonly asked: readonly Asked[];
}

export interface ProxyOptions {
  /** `user:password`; without them it answers 407. */
  readonly credentials?: string;
  /** Key and certificate: it speaks TLS itself. */
  readonly secure?: https.ServerOptions;
  /** Answers every CONNECT with this status line, such as `502 Bad Gateway`. */
  readonly refuse?: string;
}

/** A forward proxy on loopback; to it every name is this machine, so that targets can have names of their own. */
export async function startProxy({ credentials, secure, refuse }: ProxyOptions = {}): Promise<TestProxy> {
  const asked: Asked[] = [];
  const sockets = new Set<Socket>();
  const wanted = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`;
  const taken = (request: IncomingMessage): boolean => {
    const { method = "", url: target = "", headers } = request;
    const authorization = headers["proxy-authorization"];
    asked.push({ method, target, authorization });
    return wanted === undefined || authorization === wanted;
  };
  const plain: RequestListener = (request, response) => {
    if (!taken(request)) return response.writeHead(407).end();
    const { port, pathname, search } = new URL(request.url ?? "");
    const { "proxy-authorization": _, ...headers } = request.headers;
    const to = { host: "127.0.0.1", port, path: `${pathname}${search}`, method: request.method, headers };
    request.pipe(
      http.request(to, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(response);
      }),
    );
    return undefined;
  };
  const server = secure === undefined ? http.createServer(plain) : https.createServer(secure, plain);
  server.on("connect", (request: IncomingMessage, socket: Socket) => {
    if (!taken(request)) return void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    if (refuse !== undefined) return void socket.end(`HTTP/1.1 ${refuse}\r\n\r\n`);
    const there = connect(Number(request.url?.split(":").at(-1)), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      there.pipe(socket).pipe(there);
    });
    sockets.add(there);
    for (const [one, other] of [
      [socket, there],
      [there, socket],
    ] as const)
      one.on("error", () => other.destroy()).on("close", () => other.destroy());
  });
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const user = credentials === undefined ? "" : `${credentials.split(":").map(encodeURIComponent).join(":")}@`;
  const { port } = server.address() as AddressInfo;
  return {
    url: `${secure === undefined ? "http" : "https"}://${user}127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
