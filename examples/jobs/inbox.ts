import { createServer } from "node:http";
import { inboxPort } from "./sample.ts";

/** Who is told by an address that a job named: everything that was posted to it. */
export interface Inbox extends AsyncDisposable {
  readonly letters: readonly string[];
}

/** Undefined where somebody else has the port. */
export async function openInbox(): Promise<Inbox | undefined> {
  const letters: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      letters.push(Buffer.concat(chunks).toString());
      response.writeHead(204).end();
    });
  });
  const listens = await new Promise<boolean>((opened) => {
    server.once("error", () => opened(false));
    server.listen(inboxPort, "127.0.0.1", () => opened(true));
  });
  if (!listens) return undefined;
  return {
    letters,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
