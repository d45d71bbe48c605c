import { once } from "node:events";
import { connect } from "node:net";

/** Resolves when `GET path` on the port answers 200. */
export async function answersHttp(port: number, path: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
}

/** Resolves with the first bytes the server sends after it was sent `hello` (nothing: it speaks first). */
export async function answersTcp(port: number, hello: string, signal: AbortSignal): Promise<Buffer> {
  const socket = connect(port, "127.0.0.1");
  try {
    if (hello !== "") socket.write(hello);
    const [bytes]: unknown[] = await once(socket, "data", { signal });
    if (!(bytes instanceof Buffer)) throw new Error("no bytes");
    return bytes;
  } finally {
    socket.destroy();
  }
}
