// The recorder: an HTTP service that takes messages and inserts them into the table.
//   DATABASE_URL=sqlite:messages.sqlite PORT=12080 node service.ts
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parseMessage } from "./message.ts";
import { type MessageTable, openTable } from "./table.ts";

const maxBytes = 1024 * 1024;

await using table = await openTable(process.env.DATABASE_URL ?? "sqlite:messages.sqlite");
const server = createServer((request, response) => {
  answer(table, request, response).catch((error: unknown) => {
    process.stderr.write(`recorder: ${String(error)}\n`);
    // what could not be stored is not acknowledged: the sender tries again
    if (!response.headersSent) response.writeHead(503, { "Retry-After": "1" });
    response.end("not stored\n");
  });
});
const { port, ended } = await serve();
process.stdout.write(`recorder listens on http://127.0.0.1:${port}/messages\n`);
await ended;

async function answer(table: MessageTable, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url !== "/messages") return void response.writeHead(404).end();
  if (request.method !== "POST") return void response.writeHead(405, { Allow: "POST" }).end();
  const body = await textOf(request);
  if (body === undefined) return void response.writeHead(413).end();
  let message: ReturnType<typeof parseMessage>;
  try {
    message = parseMessage(body);
  } catch (error) {
    return void response.writeHead(400).end(`${error instanceof Error ? error.message : String(error)}\n`);
  }
  const key = request.headers["idempotency-key"];
  await table.insert("topic", message, typeof key === "string" ? key : "");
  response.writeHead(200).end("stored\n");
}

async function textOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Until SIGTERM or Ctrl-C; a child of `start.ts` ends with its parent, however that ends, and leaves Ctrl-C to it. */
async function serve(): Promise<{ readonly port: number; readonly ended: Promise<void> }> {
  await new Promise<void>((listening, failed) => {
    server.once("error", failed);
    server.listen(Number(process.env.PORT ?? 12_080), process.env.HOST ?? "127.0.0.1", listening);
  });
  const { port } = server.address() as AddressInfo;
  const ended = new Promise<void>((closed) => {
    const end = (): void => {
      server.close(() => closed());
      server.closeIdleConnections();
      if (process.connected) process.disconnect();
    };
    process.once("SIGTERM", end);
    if (process.connected) process.on("SIGINT", () => undefined);
    else process.once("SIGINT", end);
    process.once("disconnect", end);
  });
  process.send?.({ port });
  return { port, ended };
}
