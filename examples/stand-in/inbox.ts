import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** One POST as it came. */
interface Post {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A real HTTP endpoint on a free loopback port that keeps what is posted to it. */
export interface Inbox extends AsyncDisposable {
  readonly url: string;
  /** The next post, in the order they came; waits for it. */
  next(): Promise<Post>;
  /** How many came and were not taken with `next`. */
  waiting(): number;
}

/** `statusOf` says what the n-th post (from 0) is answered with; 200 if it is not given. */
export async function openInbox(statusOf: (n: number) => number = () => 200): Promise<Inbox> {
  const posts: Post[] = [];
  const takers: ((post: Post) => void)[] = [];
  let count = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const post = { path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString() };
      response.writeHead(statusOf(count++)).end();
      const taker = takers.shift();
      if (taker === undefined) posts.push(post);
      else taker(post);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: () => {
      const post = posts.shift();
      return post === undefined ? new Promise((taken) => takers.push(taken)) : Promise.resolve(post);
    },
    waiting: () => posts.length,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
