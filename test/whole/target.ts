import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request that reached the target. */
export interface Hit {
  readonly path: string;
  readonly key: string;
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  readonly atMs: number;
}

/** A target of triggers that remembers what reached it. */
export interface Target extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly hits: readonly Hit[];
  /** How requests are answered from now on; 200 at first. */
  answer(how: (hit: Hit, response: ServerResponse) => void): void;
  of(path: string): readonly Hit[];
}

/** `take` sees each hit before it is answered; with `remember: false` `hits` stays empty, for very many of them. */
export async function startTarget({
  take,
  remember = true,
}: {
  readonly take?: (hit: Hit) => void;
  readonly remember?: boolean;
} = {}): Promise<Target> {
  const hits: Hit[] = [];
  const ok = (_: Hit, response: ServerResponse): void => void response.end("ok");
  let how: (hit: Hit, response: ServerResponse) => void = ok;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const hit: Hit = {
        path: request.url ?? "",
        key: String(request.headers["idempotency-key"] ?? ""),
        body: parsed(text),
        headers: request.headers,
        atMs: performance.now(),
      };
      if (remember) hits.push(hit);
      take?.(hit);
      how(hit, response);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    hits,
    answer: (next) => {
      how = next;
    },
    of: (path) => hits.filter((hit) => hit.path === path),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
