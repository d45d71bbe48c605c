import type { IncomingMessage } from "node:http";

const none = new Uint8Array(0);

/**
 * The whole body, up to `maxBytes`; `large` when there is more (the rest stays unread), `gone` when the client left or
 * was too slow. `begin` is called once the declared length is accepted.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  begin: () => void,
): Uint8Array | "large" | Promise<Uint8Array | "large" | "gone"> {
  const declared = request.headers["content-length"];
  if (declared !== undefined && Number(declared) > maxBytes) return "large";
  if (declared === "0" || (declared === undefined && request.headers["transfer-encoding"] === undefined)) {
    request.resume();
    return none;
  }
  begin();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (result: Uint8Array | "large" | "gone"): void => {
      request.off("data", take).off("end", end).off("error", leave).off("close", leave);
      // an error that comes later (a reset after 413) must not be an unhandled one
      request.on("error", () => undefined);
      resolve(result);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else {
        request.pause();
        finish("large");
      }
    };
    const end = (): void => finish(chunks.length === 1 ? (chunks[0] ?? none) : Buffer.concat(chunks, bytes));
    const leave = (): void => finish("gone");
    request.on("data", take).on("end", end).on("error", leave).on("close", leave);
  });
}
