import { TideError } from "../../lib/errors.ts";

/** A text longer than etcd takes for one object is none; the peer cuts it in silence instead (reference 5). */
export const maxArtifactBytes = 1024 * 1024;

export function tooLarge(where: string, bytes?: number): TideError {
  const has = bytes === undefined ? "longer than" : `${bytes} bytes; an object has at most`;
  return new TideError("ARTIFACT_INVALID", `${where}: ${has} ${maxArtifactBytes} bytes`);
}

/** Bytes from elsewhere as text, a byte order mark left out. Throws ARTIFACT_INVALID where they are no UTF-8. */
export function textOf(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TideError("ARTIFACT_INVALID", `${where}: it is no UTF-8 text`, { cause });
  }
}

/** All of a stream. Throws `tooLarge` as soon as there is more than an object may have; the stream is then closed. */
export async function readWhole(stream: AsyncIterable<Uint8Array>, where: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > maxArtifactBytes) throw tooLarge(where);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
