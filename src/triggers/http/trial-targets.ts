import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import type { Outcome } from "../../kit/trigger.ts";
import { TideError } from "../../lib/errors.ts";
import { http } from "../http.ts";
import { type TrialOptions, trial } from "../trial.ts";

/** A request as a target saw it; the body one character per byte. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  /** Name and value in turn. */
  readonly headers: readonly string[];
  readonly body: string;
  readonly socket: Socket;
}

const ok: RequestListener = (_, response) => response.end("ok");

/** For tests of the http trigger: targets of every kind on loopback; `close` ends all of them. */
export function trialTargets() {
  const closing: (() => Promise<void>)[] = [];

  async function listen(server: Server): Promise<string> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  return {
    /** Remembers requests; answers 200 "ok" unless told otherwise. */
    async target(answer: RequestListener = ok) {
      const seen: Seen[] = [];
      const host = await listen(
        createServer((request, response) => void remember(request, seen, () => answer(request, response))),
      );
      return { url: `http://${host}`, host, seen };
    },

    /** The same with TLS; its name is localhost. */
    async secureTarget(options: ServerOptions) {
      const seen: Seen[] = [];
      const host = await listen(
        createSecureServer(options, (request, response) => void remember(request, seen, () => ok(request, response))),
      );
      return { url: `https://localhost:${host.split(":")[1]}/`, seen };
    },

    /** Does what `handle` does with each connection, the first being number 1. */
    async tcp(handle: (socket: Socket, nth: number) => void): Promise<string> {
      const sockets = new Set<Socket>();
      const server = createTcpServer((socket) => {
        sockets.add(socket);
        socket.on("error", () => undefined);
        handle(socket, sockets.size);
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      closing.push(async () => {
        for (const socket of sockets) socket.destroy();
        server.close();
        await once(server, "close");
      });
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    },

    async close(): Promise<void> {
      for (const close of closing.splice(0)) await close();
    },
  };
}

async function remember(request: IncomingMessage, seen: Seen[], then: () => void): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = "", url = "", rawHeaders: headers, socket } = request;
  seen.push({ method, url, headers, body: Buffer.concat(chunks).toString("latin1"), socket });
  then();
}

/** The value of the header with exactly this name. */
export function header(seen: Seen | undefined, name: string): string | undefined {
  const at = seen?.headers.findIndex((held, i) => i % 2 === 0 && held === name) ?? -1;
  return at < 0 ? undefined : seen?.headers[at + 1];
}

/** undici takes a connection back one turn of the event loop after its answer. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export async function fireOnce(config: object, call: object = {}, options: TrialOptions = {}): Promise<Outcome> {
  await using one = await trial(http, config, options);
  return await one.fire(call);
}

/** The TideError that it must fail with. */
export async function failure(promise: Promise<unknown>): Promise<TideError> {
  const error: unknown = await promise.then(
    (value) => new Error(`it did not fail: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof TideError) return error;
  throw error;
}

export const jsonBody = Buffer.from('{"a":1}');
export const payload = [{ src: { dependencyName: "d", dataKey: "a" }, dest: "a" }];
