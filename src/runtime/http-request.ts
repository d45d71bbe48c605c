import type { IncomingMessage, ServerResponse } from "node:http";
import { handshakeAnswer } from "../kit/handshake.ts";
import { LazyRequest } from "../kit/lazy-request.ts";
import type { WebRequest, WebResponse } from "../kit/webhook.ts";
import { type Clock, nowUs } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { admit, inTime, overLimit } from "./admission.ts";
import type { BodyRoom } from "./body-room.ts";
import { retryLater } from "./http-answers.ts";
import { readBody } from "./request-body.ts";
import { cleanPath, decodedPath, type Found, type LiveRoute, type RouteTable } from "./routes.ts";

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expects: boolean;
  readonly table: RouteTable;
  /** Where bodies are while they are under way. */
  readonly bodies: BodyRoom;
  readonly clock: Clock;
  readonly log: Log;
  readonly stop: AbortSignal;
}

/**
 * The answer to a request, from its first line on. undefined: the client is gone, or Node has answered a late body with 408
 * itself. Rejects only by a mistake of ours.
 */
export function answerTo(exchange: Exchange): Promise<WebResponse | undefined> | WebResponse | undefined {
  const { request, table, clock } = exchange;
  const receivedUs = nowUs(clock);
  const method = request.method ?? "GET";
  const target = request.url ?? "/";
  const mark = target.indexOf("?");
  const path = decodedPath(mark < 0 ? target : target.slice(0, mark));
  const query = mark < 0 ? "" : target.slice(mark + 1);
  if (path === undefined) return { status: 400, body: "malformed path\n" };
  if (method === "OPTIONS") {
    const said = handshakeAnswer(table.at(path), request.rawHeaders);
    if (said !== undefined) return said;
  }
  const found = table.find(method, path);
  if (!("live" in found)) return unrouted(found, { method, path, query });
  const line = { method, path, query, receivedUs };
  const { live } = found;
  const refused = live.route.guard === undefined ? undefined : admit(live.route, exchange);
  if (refused === undefined) return taken(exchange, live, line);
  if (!(refused instanceof Promise)) return refused === "gone" ? undefined : refused;
  return refused.then((said) => {
    if (said === undefined) return taken(exchange, live, line);
    return said === "gone" ? undefined : said;
  });
}

/** The answer to one that is let in. */
async function taken(exchange: Exchange, live: LiveRoute, line: RequestLine): Promise<WebResponse | undefined> {
  const { request, response, expects, log } = exchange;
  const { route, handle } = live;
  // no `using`: what it becomes for Node 22 costs as much as reading the body
  const held = exchange.bodies.open();
  try {
    const read = readBody(request, { maxBytes: route.maxBytes, held }, () => {
      if (expects) response.writeContinue();
    });
    const body = read instanceof Promise ? await inTime(read, route, request) : read;
    if (body === "gone") return undefined;
    if (body === "full") {
      // who waits for `100 Continue` may send its body all the same, or not
      if (expects) response.shouldKeepAlive = false;
      return retryLater;
    }
    if (body === "large" || body === "late") return overLimit(body, route, exchange);
    const { rawHeaders, socket } = request;
    const whole = { ...line, rawHeaders, body, remoteAddress: socket.remoteAddress ?? "" };
    return await handle(new LazyRequest(whole, () => leaving(response, exchange.stop)));
  } catch (error) {
    log.warn({ owner: route.owner, path: line.path, error: messageOf(error) }, "a request could not be taken");
    return retryLater;
  } finally {
    held[Symbol.dispose]();
  }
}

/** 404, 405, 503 while a route restarts, the health of the port, or the redirect to a clean path. */
function unrouted(
  found: Exclude<Found, { readonly live: unknown }>,
  { method, path, query }: Pick<WebRequest, "method" | "path" | "query">,
): WebResponse {
  if (found.status === 503) return retryLater;
  if (path === "/health" && (found.status === 404 || method === "GET" || method === "HEAD")) {
    return { status: 200, body: "OK" };
  }
  if (found.status === 405) {
    const { allow } = found;
    return { status: 405, headers: { Allow: allow }, body: `${method} is not served here, ${allow} is\n` };
  }
  const clean = cleanPath(path);
  if (clean === undefined) return { status: 404, body: "404 page not found\n" };
  const location = encodeURI(clean) + (query === "" ? "" : `?${query}`);
  return { status: 301, headers: { Location: location }, body: `moved to ${location}\n` };
}

type RequestLine = Pick<WebRequest, "method" | "path" | "query" | "receivedUs">;

/** Aborts when the client goes away or the server must stop now. */
function leaving(response: ServerResponse, stop: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const halt = (): void => controller.abort(stop.reason);
  if (stop.aborted) halt();
  else stop.addEventListener("abort", halt, { once: true });
  response.once("close", () => {
    stop.removeEventListener("abort", halt);
    if (!response.writableFinished) controller.abort(new Error("the client went away"));
  });
  return controller.signal;
}
