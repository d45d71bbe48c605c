import type { ServerResponse } from "node:http";
import type { WebResponse } from "../kit/webhook.ts";
import { http } from "../lib/node-http.ts";

/** Writes a whole answer. Text unless `headers` name another type. */
export function answer(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed) return;
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  response.writeHead(status, http.STATUS_CODES[status], {
    ...(length > 0 ? { "Content-Type": "text/plain; charset=utf-8" } : {}),
    ...headers,
    "Content-Length": length,
  });
  response.end(body);
}

/** Nothing was recorded: the sender keeps it and comes again. */
export const retryLater = {
  status: 503,
  headers: { "Retry-After": "1" },
  body: "the event could not be recorded; send it again\n",
} as const satisfies WebResponse;
