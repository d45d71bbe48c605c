import type { IncomingMessage } from "node:http";
import type { HeldBody } from "./body-room.ts";

const none = new Uint8Array(0);

/** What a body may take: `maxBytes` of its route, and the room there is. */
export interface BodyLimits {
  readonly maxBytes: number;
  readonly held: HeldBody;
}

/**
 * The whole body, up to `maxBytes`; `large` when there is more (the rest stays unread), `full` when memory has no room for it
 * now (the rest is read and dropped), `gone` when the client left or was too slow. `begin` is called once the declared
 * length is accepted.
 */
export function readBody(
  request: IncomingMessage,
  { maxBytes, held }: BodyLimits,
  begin: () => void,
): Uint8Array | "large" | "full" | Promise<Uint8Array | "large" | "full" | "gone"> {
  const declared = request.headers["content-length"];
  if (declared !== undefined && Number(declared) > maxBytes) return "large";
  if (declared === "0" || (declared === undefined && request.headers["transfer-encoding"] === undefined)) {
    request.resume();
    return none;
  }
  if (declared !== undefined && !held.fits(Number(declared))) return "full";
  begin();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let over = false;
    // the listeners stay: taking them off costs as much as reading the body, and an error that comes later (a reset after
    // 413) must not be an unhandled one
    const finish = (result: Uint8Array | "large" | "full" | "gone"): void => {
      over = true;
      resolve(result);
    };
    const take = (chunk: Buffer): void => {
      if (over) return;
      bytes += chunk.length;
      if (bytes > maxBytes) {
        request.pause();
        finish("large");
      } else if (held.take(chunk.length)) chunks.push(chunk);
      else finish("full");
    };
    const end = (): void => finish(chunks.length === 1 ? (chunks[0] ?? none) : Buffer.concat(chunks, bytes));
    const leave = (): void => finish("gone");
    request.on("data", take).on("end", end).on("error", leave).on("close", leave);
  });
}
