import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "undici";

/**
 * What a gate does to requests:
 * `open` passes them on, `away` hangs up, `broken` answers 500, `throttled` answers as SQS does to whoever asks too much,
 * `deaf` passes them on and loses the answers, `hangs` keeps them and says nothing.
 */
export type GateState = "open" | "away" | "broken" | "throttled" | "deaf" | "hangs";

/** An AWS endpoint before another one, that can be closed in several ways. */
interface Gate extends AsyncDisposable {
  readonly endpoint: string;
  /** From now on; what hangs goes on hanging until it is `open` again, and is then hung up on. */
  set(state: GateState): void;
  /** Requests that came in this state. */
  count(state: GateState): number;
}

export async function startGate(behind: string): Promise<Gate> {
  const pool = new Pool(behind, { connections: 64 });
  const counts = new Map<GateState, number>();
  const hanging = new Set<ServerResponse>();
  let state: GateState = "open";

  const pass = async (request: IncomingMessage, body: Buffer) => {
    const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
    const answer = await pool.request({
      method: (request.method ?? "POST") as "POST",
      path: request.url ?? "/",
      headers: headers as Record<string, string>,
      body,
    });
    return { status: answer.statusCode, headers: answer.headers, body: await answer.body.bytes() };
  };
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const now = state;
    counts.set(now, (counts.get(now) ?? 0) + 1);
    if (now === "away") response.destroy();
    else if (now === "broken") refuse(response, 500, "InternalError");
    else if (now === "throttled") refuse(response, 400, "RequestThrottled");
    else if (now === "hangs") hanging.add(response);
    else {
      const answer = await pass(request, Buffer.concat(chunks));
      // what was asked before the answers were lost is lost as well
      if (now === "deaf" || state === "deaf") response.destroy();
      else response.writeHead(answer.status, answer.headers).end(answer.body);
    }
  };
  const server = createServer((request, response) => {
    take(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set(next) {
      state = next;
      if (next !== "open") return;
      for (const response of hanging) response.destroy();
      hanging.clear();
    },
    count: (of) => counts.get(of) ?? 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await pool.destroy();
    },
  };
}

function refuse(response: ServerResponse, status: number, type: string): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.0", "x-amzn-errortype": type });
  response.end(JSON.stringify({ __type: `com.amazonaws.sqs#${type}`, message: type }));
}
