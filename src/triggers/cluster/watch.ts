import type { WatchEvent } from "../../kit/cluster.ts";
import { codeOf, TideError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";
import type { Access } from "./access.ts";
import { parseExact } from "./exact-json.ts";
import { connectionFault, statusFault } from "./faults.ts";

import { type KubeRequest, readAnswer, send } from "./requests.ts";

/** An object is at most 1.5 MB in etcd, and somewhat longer as JSON. */
const maxLineBytes = 16 * 1024 * 1024;
const types: ReadonlySet<string> = new Set(["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]);

/**
 * The events of one watch: JSON, one per line, until the server ends it, which it does after some minutes, or nothing came
 * for a minute (a bookmark comes about that often; a connection that silently died does not last). Ends quietly when
 * `signal` aborts.
 */
export async function* watchLines(
  access: Access,
  request: KubeRequest,
  signal: AbortSignal,
): AsyncIterable<WatchEvent> {
  const { response, way } = await send(access, request, signal);
  if (response.statusCode >= 300) throw statusFault(await readAnswer(response), request.asked);
  // memory is that of one line and one chunk, however many events come
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
        parts.push(chunk.subarray(from, end));
        from = end + 1;
        const line = Buffer.concat(parts).toString();
        parts.length = 0;
        bytes = 0;
        if (line.trim() !== "") yield eventOf(line, request);
      }
      if (from === chunk.length) continue;
      parts.push(from === 0 ? chunk : chunk.subarray(from));
      bytes += chunk.length - from;
      if (bytes > maxLineBytes) throw new TideError("CLUSTER_BUSY", "the API server sent an endless line in a watch");
    }
  } catch (cause) {
    if (signal.aborted || codeOf(cause) === "UND_ERR_BODY_TIMEOUT") return;
    throw cause instanceof TideError ? cause : connectionFault(cause, request.asked, way.config.server);
  }
}

function eventOf(line: string, { asked }: KubeRequest): WatchEvent {
  let event: unknown;
  try {
    event = parseExact(line);
  } catch (cause) {
    throw new TideError("CLUSTER_BUSY", "the API server sent a line in a watch that is no JSON", { cause });
  }
  const { type, object } = isRecord(event) ? event : {};
  if (typeof type === "string" && types.has(type) && isRecord(object)) {
    return { type: type as WatchEvent["type"], object };
  }
  const status = isRecord(object) && typeof object.code === "number" ? object.code : 500;
  throw statusFault({ status, body: object, retryAfterMs: undefined }, asked);
}
