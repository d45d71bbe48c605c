import type { Dispatcher } from "undici";
import { abortable } from "../../lib/abort.ts";
import type { Access, Way } from "./access.ts";
import { parseExact } from "./exact-json.ts";
import { type Asked, connectionFault } from "./faults.ts";

export interface KubeRequest {
  readonly asked: Asked;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From the server's root, with its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
}

/** The answer to one request, whatever it says; `body` is parsed where it is JSON. */
export interface KubeAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly retryAfterMs: number | undefined;
}

/**
 * One request. Rejects with TARGET_UNREACHABLE, TARGET_TLS, CLUSTER_BUSY (the connection broke), CLUSTER_CONFIG, or the
 * reason of `signal`. A 401 is asked again once with credentials read anew.
 */
export async function ask(access: Access, request: KubeRequest, signal: AbortSignal): Promise<KubeAnswer> {
  const { response, way } = await send(access, request, signal);
  try {
    return await readAnswer(response);
  } catch (cause) {
    signal.throwIfAborted();
    throw connectionFault(cause, request.asked, way.config.server);
  }
}

export async function readAnswer({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<KubeAnswer> {
  const text = await body.text();
  return {
    status: statusCode,
    body: readBody(text, headers["content-type"]),
    retryAfterMs: retryAfter(headers["retry-after"]),
  };
}

export interface Sent {
  readonly response: Dispatcher.ResponseData;
  readonly way: Way;
}

/** Sends it, and leaves the body to be read. */
export async function send(access: Access, request: KubeRequest, signal: AbortSignal): Promise<Sent> {
  const way = await abortable(access.way(), signal);
  const response = await sendBy(way, request, signal);
  if (response.statusCode !== 401) return { response, way };
  await response.body.dump();
  const renewed = await abortable(access.renew(way), signal);
  return { response: await sendBy(renewed, request, signal), way: renewed };
}

async function sendBy(way: Way, request: KubeRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
  const { method, path, body, contentType = "application/json", asked } = request;
  const server = new URL(way.config.server);
  try {
    const dispatcher = asked.verb === "watch" ? way.streams : way.dispatcher;
    return await dispatcher.request({
      origin: server.origin,
      path: `${server.pathname === "/" ? "" : server.pathname}${path}`,
      method,
      headers: {
        accept: "application/json",
        "user-agent": "tidemill",
        ...(body === undefined ? {} : { "content-type": contentType }),
        ...way.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw connectionFault(cause, asked, way.config.server);
  }
}

function readBody(text: string, type: string | string[] | undefined): unknown {
  if (!String(type).startsWith("application/json")) return text;
  try {
    return parseExact(text);
  } catch {
    return text;
  }
}

function retryAfter(header: string | string[] | undefined): number | undefined {
  const seconds = Number(header);
  return header === undefined || !Number.isFinite(seconds) || seconds < 0 ? undefined : seconds * 1000;
}
