import type { IncomingMessage, ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import type { ClientCertificate } from "../kit/client-certificate.ts";
import type { Refused, Route, WebResponse } from "../kit/webhook.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { retryLater } from "./http-answers.ts";

/** A body up to this size is taken off the connection after a refusal, so that the connection can go on. */
const mostDrainedBytes = 64 * 1024;

interface Asking {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expects: boolean;
  readonly log: Log;
}

/**
 * What the guard of a route says before the body is read: the answer, `gone` when the client left meanwhile, or undefined to go
 * on. At once where the guard needs nothing that takes time. Where it cannot tell now, the client is to come again.
 */
export function admit(
  route: Route,
  asking: Asking,
): WebResponse | "gone" | undefined | Promise<WebResponse | "gone" | undefined> {
  const { request, log } = asking;
  const { socket } = request;
  const remoteAddress = socket.remoteAddress ?? "";
  const { method = "GET", rawHeaders } = request;
  const said = route.guard?.admit({
    method,
    rawHeaders,
    remoteAddress,
    clientCertificate: () => certificateOf(socket),
  });
  const answer = (refused: Refused | undefined): WebResponse | "gone" | undefined => {
    if (request.destroyed) return "gone";
    if (refused === undefined) return undefined;
    route.refused?.(refused.reason, remoteAddress);
    if (!isDrained(asking)) asking.response.shouldKeepAlive = false;
    return refused.answer;
  };
  if (!(said instanceof Promise)) return answer(said);
  return said.then(answer, (error: unknown) => {
    log.warn({ owner: route.owner, error: messageOf(error) }, "a request could not be let in");
    asking.response.shouldKeepAlive = false;
    return retryLater;
  });
}

/** Whether what is left of the request is soon there, and the connection can be used again. */
function isDrained({ request, expects }: Asking): boolean {
  const { "content-length": length, "transfer-encoding": coding } = request.headers;
  if (coding !== undefined) return false;
  return length === undefined || (!expects && Number(length) <= mostDrainedBytes);
}

/** undefined: there is none, or none of a CA that the port trusts. */
function certificateOf(socket: IncomingMessage["socket"]): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const shown = socket.getPeerCertificate();
  // without a certificate there is an empty object
  if (shown.subject === undefined) return undefined;
  const { CN } = shown.subject;
  return { commonName: typeof CN === "string" ? CN : undefined, subjectAltName: shown.subjectaltname };
}

/** The answer to a body that is too large or too slow. The rest is not read: the connection cannot be used again. */
export function overLimit(what: "large" | "late", route: Route, { request, response }: Asking): WebResponse {
  response.shouldKeepAlive = false;
  route.refused?.(what === "large" ? "size" : "time", request.socket.remoteAddress ?? "");
  if (what === "large") return { status: 413, body: `the body is larger than ${route.maxBytes} bytes\n` };
  return { status: 408, body: `the body took longer than ${route.bodyTimeoutMs} ms\n` };
}

/** What comes of reading a body; `late`, and nothing more is read, when it takes longer than the route gives it. */
export function inTime<T>(
  reading: Promise<T>,
  { bodyTimeoutMs }: Route,
  request: IncomingMessage,
): Promise<T | "late"> {
  return bodyTimeoutMs === undefined ? reading : within(reading, bodyTimeoutMs, request);
}

async function within<T>(reading: Promise<T>, ms: number, request: IncomingMessage): Promise<T | "late"> {
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), ms);
  try {
    const body = await Promise.race([reading, late.promise]);
    // what still comes is nobody's: it must not count as held in memory
    if (body === "late") request.pause().removeAllListeners("data");
    return body;
  } finally {
    clearTimeout(timer);
  }
}
