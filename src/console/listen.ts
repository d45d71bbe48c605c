import fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { codeOf, isTide, messageOf, TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Redactor } from "../telemetry/redact.ts";
import type { TlsFiles } from "./access-open.ts";
import { problemOf } from "./problems.ts";

/** An address of an option: `127.0.0.1:7788`. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Listening extends AsyncDisposable {
  /** With the port that was given, where 0 was asked for; of this machine, where all of its addresses are listened on. */
  readonly url: string;
}

/** Largest body that the API takes: an event of the largest useful size, and its frame. */
const maxBodyBytes = 32 * 1024 * 1024;

export function makeApp({
  log,
  redactor,
  tls,
}: {
  readonly log: Log;
  readonly redactor: Redactor;
  readonly tls?: TlsFiles | undefined;
}): FastifyInstance {
  const options = { bodyLimit: maxBodyBytes, forceCloseConnections: true, exposeHeadRoutes: true } as const;
  const app =
    tls === undefined
      ? fastify(options)
      : // the server of the other kind has the same routes
        (fastify({ ...options, https: { ...tls, minVersion: "TLSv1.2" } }) as unknown as FastifyInstance);
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.status === 500) {
      log.error(
        { error: messageOf(error), method: request.method, route: request.routeOptions.url },
        "a request failed",
      );
    }
    sayWhatNext(reply, error);
    return reply
      .code(problem.status)
      .type("application/problem+json")
      .send(redactor.clean(JSON.stringify(problem)));
  });
  app.setNotFoundHandler((request, reply) => {
    const error = new TideError("NOT_FOUND", `${request.method} ${request.url.split("?")[0]} is not there`);
    return reply
      .code(404)
      .type("application/problem+json")
      .send(JSON.stringify(problemOf(error)));
  });
  return app;
}

/** RFC 9110: how to prove who one is, and when to come again. */
function sayWhatNext(reply: FastifyReply, error: unknown): void {
  if (isTide(error, "TOKEN_REQUIRED") || isTide(error, "TOKEN_REFUSED")) {
    reply.header("www-authenticate", 'Bearer realm="tidemill"');
  }
  if (isTide(error, "TOKEN_TRIES") && typeof error.retry === "object") {
    reply.header("retry-after", String(Math.ceil(error.retry.afterMs / 1000)));
  }
}

/** Rejects with PORT_UNAVAILABLE, naming the option that gives another address. */
export async function listen(app: FastifyInstance, address: Address, option: string): Promise<Listening> {
  const { host, port } = address;
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const why = codeOf(cause) === "EADDRINUSE" ? "another program listens there" : messageOf(cause);
    const say = `${sayAddress(address)}: ${why}; give another address with \`${option} HOST:PORT\`, or \`${option} none\``;
    await app.close();
    throw new TideError("PORT_UNAVAILABLE", say, { cause });
  }
  const bound = app.server.address();
  const given = typeof bound === "object" && bound !== null ? bound.port : port;
  const scheme = "setSecureContext" in app.server ? "https" : "http";
  return {
    url: `${scheme}://${sayAddress({ host: reached(host), port: given })}`,
    [Symbol.asyncDispose]: () => app.close(),
  };
}

/** An address that listens on all is asked at this machine's own. */
function reached(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

function sayAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
