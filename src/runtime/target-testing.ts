import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request that a target was sent. */
export interface Asked {
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

/** A real HTTP target on loopback, for tests of what calls it. */
export interface HttpTarget extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** Ends what it has not answered, and what it keeps open. */
  dropConnections(): void;
}

/** `answer` is called once the body is there. */
export async function openHttpTarget(answer: (asked: Asked, response: ServerResponse) => void): Promise<HttpTarget> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { url: path = "", headers } = request;
      answer({ path, body: Buffer.concat(parts).toString(), headers }, response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const dropConnections = (): void => server.closeAllConnections();
  return {
    address: `http://127.0.0.1:${port}`,
    port,
    dropConnections,
    async [Symbol.asyncDispose]() {
      dropConnections();
      server.close();
      await once(server, "close");
    },
  };
}
