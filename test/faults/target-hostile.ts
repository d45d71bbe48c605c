import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Pool } from "undici";
import { makeIdentity } from "../../examples/stand-in/certificate.ts";

/** A request as a hostile target got it. */
export interface Asked {
  readonly key: string;
  readonly response: ServerResponse;
  readonly socket: Socket;
  /** How many came by this connection before. */
  readonly before: number;
  /** Where the good target behind takes it, on another port. */
  readonly elsewhere: string;
  /** Hands it to the good target behind; resolves when that has it. */
  deliver(): Promise<void>;
}

/** How a target mistreats those that call it. */
export type Misdeed = (asked: Asked) => void | Promise<void>;

/** A bad target before a good one. */
export interface Hostile extends AsyncDisposable {
  readonly url: string;
  /** Times of the calls under each key, in ms. */
  readonly calls: ReadonlyMap<string, readonly number[]>;
  /** From now on it hands everything to the target behind it. */
  heal(): void;
}

/** A server on a port of its own that does `misdeed` to each request, until it is healed. */
export async function startHostile(options: {
  /** The target behind it, and the path there. */
  readonly behind: string;
  readonly path: string;
  readonly misdeed: Misdeed;
  /** TLS with a certificate that nobody trusts until it is healed, and then with this one. */
  readonly certificate?: Secured;
}): Promise<Hostile> {
  const { behind, path, misdeed, certificate } = options;
  const good = new Pool(behind, { connections: 8 });
  const calls = new Map<string, number[]>();
  const sockets = new Set<Socket>();
  let well = false;

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { socket } = request;
    const key = String(request.headers["idempotency-key"] ?? "");
    calls.set(key, [...(calls.get(key) ?? []), performance.now()]);
    const headers = { "content-type": "application/json", "idempotency-key": key };
    const deliver = async (): Promise<void> => {
      const answer = await good.request({ method: "POST", path, headers, body: Buffer.concat(chunks) });
      await answer.body.dump();
    };
    if (well) {
      await deliver();
      response.end("ok");
      return;
    }
    const before = served.get(socket) ?? 0;
    served.set(socket, before + 1);
    await misdeed({ key, response, socket, before, elsewhere: behind + path, deliver });
  };
  const served = new WeakMap<Socket, number>();
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    // a connection that breaks off is what this is about
    take(request, response).catch(() => response.destroy());
  };
  const server = certificate === undefined ? createServer(listener) : createTlsServer(certificate.untrusted, listener);
  const port = await listen(server, sockets);
  const hangUp = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    // a certificate is for a name
    url: certificate === undefined ? `http://127.0.0.1:${port}/x` : `https://localhost:${port}/x`,
    calls,
    heal() {
      well = true;
      if (certificate !== undefined && "setSecureContext" in server) server.setSecureContext(certificate.trusted);
      hangUp();
    },
    async [Symbol.asyncDispose]() {
      hangUp();
      await new Promise((resolve) => server.close(resolve));
      await good.destroy();
    },
  };
}

/** Answers the port; `sockets` are those that are open. */
async function listen(server: Server | TlsServer, sockets: Set<Socket>): Promise<number> {
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

interface KeyAndCertificate {
  readonly key: string;
  readonly cert: string;
}

/** Two certificates for localhost. The first is one that nobody vouches for. */
export interface Secured {
  readonly untrusted: KeyAndCertificate;
  readonly trusted: KeyAndCertificate;
}

export async function makeCertificates(): Promise<Secured> {
  const one = async (): Promise<KeyAndCertificate> => {
    const { privateKey, certificate } = await makeIdentity("localhost", new Date());
    return { key: String(privateKey.export({ type: "pkcs8", format: "pem" })), cert: certificate };
  };
  const [untrusted, trusted] = await Promise.all([one(), one()]);
  return { untrusted, trusted };
}
