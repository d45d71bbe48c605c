import fastify, { type FastifyInstance } from "fastify";
import { codeOf, messageOf, TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Redactor } from "../telemetry/redact.ts";
import { problemOf } from "./problems.ts";

/** An address of an option: `127.0.0.1:7788`. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Listening extends AsyncDisposable {
  /** With the port that was given, where 0 was asked for. */
  readonly url: string;
}

/** Largest body that the API takes: an event of the largest useful size, and its frame. */
const maxBodyBytes = 32 * 1024 * 1024;

export function makeApp({ log, redactor }: { readonly log: Log; readonly redactor: Redactor }): FastifyInstance {
  const app = fastify({ bodyLimit: maxBodyBytes, forceCloseConnections: true, exposeHeadRoutes: true });
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.status === 500) {
      log.error(
        { error: messageOf(error), method: request.method, route: request.routeOptions.url },
        "a request failed",
      );
    }
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
  return {
    url: `http://${sayAddress({ host, port: given })}`,
    [Symbol.asyncDispose]: () => app.close(),
  };
}

function sayAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
