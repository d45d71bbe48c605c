import type { Dispatcher } from "undici";
import { sayDuration } from "../../lib/duration.ts";
import { messageOf, TideError } from "../../lib/errors.ts";
import type { HttpClient } from "./client.ts";
import { type Answer, Exchange } from "./exchange.ts";
import { faultOf } from "./faults.ts";
import { redirected } from "./redirect.ts";
import type { Target } from "./target.ts";

export interface Request {
  readonly target: Target;
  readonly method: string;
  /** Name and value in turn. */
  readonly headers: readonly string[];
  readonly body: Uint8Array | undefined;
  /** Host header other than the URL's. */
  readonly host: string | undefined;
  /** Names, in lower case, of headers whose values are of Secrets: no redirect takes them to another host. */
  readonly secret?: ReadonlySet<string>;
}

/** Go's client makes this many requests in one call, redirects included. */
const maxRequests = 10;
/** How often a request that met a connection just closed by the server is sent again (see `HttpClient.wasWorn`). */
const maxReplays = 2;

/**
 * Sends a request, follows redirects, and returns the last answer, whatever its status. `timeoutMs` is for all of it, as in
 * Go. Throws a TideError, or the signal's reason.
 */
export async function send(
  request: Request,
  options: {
    readonly client: HttpClient;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    /** How much of the answer's body is kept; the first 4 KiB by default. */
    readonly keptBytes?: number;
    /** False: an answer that redirects throws TARGET_REDIRECTS. */
    readonly redirects?: boolean;
  },
): Promise<Answer> {
  const { client, timeoutMs, signal, keptBytes, redirects = true } = options;
  signal.throwIfAborted();
  let current: Exchange | undefined;
  let stopped: Error | undefined;
  const stop = (reason: Error): void => {
    stopped ??= reason;
    current?.stop(reason);
  };
  const late = (): void => stop(timeout(request, timeoutMs));
  const call = { at: 0, stop: () => stop(asError(signal.reason)) };
  const timer = setTimeout(late, timeoutMs);
  client.aborts.add(signal, call);
  try {
    let hop = request;
    for (let requests = 1, replays = 0; ; ) {
      current = new Exchange(keptBytes);
      try {
        begin(hop, client, current);
        const answer = await current.answered;
        const next = redirected(hop, answer, request);
        if (next === undefined) return answer;
        if (!redirects) {
          const message = `${request.method} ${request.target.shown} redirects to ${next.target.shown}, and followRedirects is false`;
          throw new TideError("TARGET_REDIRECTS", message, { retry: "never" });
        }
        if (stopped !== undefined) throw stopped;
        if (++requests > maxRequests) {
          throw new TideError(
            "TARGET_REDIRECTS",
            `${request.method} ${request.target.shown}: stopped after 10 redirects`,
          );
        }
        hop = next;
      } catch (error) {
        if (error instanceof TideError || error === stopped) throw error;
        if (stopped !== undefined || !client.wasWorn(error) || ++replays > maxReplays) {
          throw faultOf(error, hop.method, hop.target);
        }
      }
    }
  } finally {
    clearTimeout(timer);
    client.aborts.delete(signal, call);
  }
}

function begin(hop: Request, client: HttpClient, exchange: Exchange): void {
  const options: Dispatcher.DispatchOptions & { servername?: string } = {
    path: hop.target.path,
    method: hop.method,
    headers: hop.headers as string[],
    body: hop.body ?? null,
  };
  if (hop.host !== undefined) {
    options.headers = [...hop.headers, "Host", hop.host];
    // undici would take the name for TLS from the Host header; Go takes the URL's
    options.servername = hop.target.hostname;
  }
  client.dispatch(hop.target, options, exchange);
}

function timeout(request: Request, timeoutMs: number): TideError {
  return new TideError(
    "TARGET_TIMEOUT",
    `${request.method} ${request.target.shown}: no answer within ${sayDuration(timeoutMs)}`,
  );
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(messageOf(reason));
}
