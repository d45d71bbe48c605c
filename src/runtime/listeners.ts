import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Listener, Route } from "../kit/webhook.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { codeOf, messageOf, TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { answer, retryLater } from "./http-answers.ts";
import { handleRequest } from "./http-request.ts";
import { compilePath, type LiveRoute, type Pattern, RouteTable } from "./routes.ts";
import { shareRoutes } from "./shared-routes.ts";

export interface ListenersOptions {
  /** The address to bind: 127.0.0.1 unless `--listen` says otherwise. */
  readonly host?: string;
  readonly log: Log;
  readonly clock?: Clock;
  /** Until the headers are there, then 408. Default 10 s. */
  readonly headersTimeoutMs?: number;
  /** Until the whole request is there, then 408. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** How long `close` waits for requests in flight before it aborts them. Default 5 s. */
  readonly drainTimeoutMs?: number;
}

/** All HTTP servers of the sources. Disposing it answers what is in flight, then closes every port. */
export interface Listeners extends Listener, AsyncDisposable {
  /** The ports that listen now. */
  ports(): readonly number[];
  /** Until it is disposed, a port whose last route goes stays open: the route comes back in a moment. */
  keepPorts(): Disposable;
  close(): Promise<void>;
}

/**
 * One server per port, made with its first route and closed with its last; all routes of all entries share them
 * (the peer has one per source type and port, reference S25). Routes come and go while the server runs.
 */
export function createListeners(options: ListenersOptions): Listeners {
  const ports = new Map<number, Promise<Port>>();
  /** Ports that take no more requests and still answer some. */
  const leaving = new Set<Promise<void>>();
  let closed = false;
  let keeping = 0;

  const portOf = async (route: Route): Promise<Port> => {
    const opened = ports.get(route.port) ?? openPort(route, options);
    ports.set(route.port, opened);
    try {
      return await opened;
    } catch (error) {
      if (ports.get(route.port) === opened) ports.delete(route.port);
      throw error;
    }
  };

  const leave = (port: Port): void => {
    const left = port.close().finally(() => leaving.delete(left));
    leaving.add(left);
  };

  const drop = (number: number, port: Port): void => {
    if (!port.closing) ports.delete(number);
    leave(port);
  };

  const keepPorts = (): Disposable => {
    keeping += 1;
    return {
      [Symbol.dispose]() {
        keeping -= 1;
        if (keeping > 0) return;
        for (const [number, opened] of ports) {
          const closeEmpty = (port: Port): void => {
            if (keeping === 0 && port.table.size === 0 && !port.closing) drop(number, port);
          };
          opened.then(closeEmpty, () => undefined);
        }
      },
    };
  };

  const close = async (): Promise<void> => {
    closed = true;
    const opened = await Promise.allSettled(ports.values());
    ports.clear();
    for (const port of opened) if (port.status === "fulfilled") leave(port.value);
    await Promise.all(leaving);
  };

  const route: Listener["route"] = async (route, handle) => {
    if (closed) throw new TideError("PORT_UNAVAILABLE", `port ${route.port}: the listeners are closed`);
    checkRoute(route);
    const pattern = await compilePath(route.path);
    let port = await portOf(route);
    // its last route may have gone meanwhile, and the port with it
    for (;;) {
      if (!port.closing && port.table.size === 0 && !sameTls(port.tls, route.tls)) drop(route.port, port);
      if (!port.closing) break;
      port = await portOf(route);
    }
    const remove = port.add({ route, handle }, pattern);
    let gone = false;
    return {
      // what is in flight is answered all the same, by the time `close` resolves: a source need not wait for it
      [Symbol.asyncDispose]: async () => {
        if (gone) return;
        gone = true;
        remove();
        if (port.table.size > 0 || (keeping > 0 && !closed)) return;
        drop(route.port, port);
      },
    };
  };

  return {
    route,
    share: shareRoutes({ route, clock: options.clock ?? systemClock }),
    ports: () => [...ports.keys()],
    keepPorts,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function checkRoute({ path, port, method }: Route): void {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new TideError("PORT_UNAVAILABLE", `${port} is not a port`);
  }
  if (!path.startsWith("/")) throw new TideError("ROUTE_INVALID", `the path "${path}" does not begin with "/"`);
  if (path === "/health" && (method === undefined || method === "GET")) {
    throw new TideError("ROUTE_TAKEN", `GET /health on port ${port} answers whether the port listens`);
  }
}

interface Port {
  readonly table: RouteTable;
  readonly tls: Route["tls"];
  /** It takes no more requests. */
  readonly closing: boolean;
  add(live: LiveRoute, pattern: Pattern | undefined): () => void;
  close(): Promise<void>;
}

async function openPort(first: Route, options: ListenersOptions): Promise<Port> {
  const { host = "127.0.0.1", log, clock = systemClock, drainTimeoutMs = 5_000 } = options;
  const table = new RouteTable(clock);
  const stop = new AbortController();
  let inFlight = 0;
  let idle = (): void => undefined;
  let closing: Promise<void> | undefined;

  const serve = (request: IncomingMessage, response: ServerResponse, expects: boolean): void => {
    if (closing !== undefined) {
      // a kept connection brings one more: nothing will be recorded, so it must come again
      response.shouldKeepAlive = false;
      answer(response, retryLater.status, retryLater.body, retryLater.headers);
      return;
    }
    inFlight++;
    handleRequest({ request, response, expects, table, clock, log, stop: stop.signal })
      .catch((error: unknown) => {
        // only our own mistakes come here; the sender hears of it all the same
        log.error({ error: messageOf(error) }, "an HTTP request could not be answered");
        if (!response.headersSent) answer(response, 500, "internal error\n");
        else response.destroy();
      })
      .finally(() => {
        if (--inFlight === 0) idle();
      });
  };
  const server = makeServer(first, options, (request, response) => serve(request, response, false));
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => serve(request, response, true));
  await listen(server, first, host);
  log.debug({ port: first.port, host }, "listening");

  const close = (): Promise<void> => {
    closing ??= (async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      if (inFlight > 0) {
        const drained = new Promise<void>((resolve) => {
          idle = resolve;
        });
        const late = setTimeout(() => stop.abort(new Error("the server stops")), drainTimeoutMs);
        const tooLate = setTimeout(() => idle(), drainTimeoutMs + 1_000);
        await drained;
        clearTimeout(late);
        clearTimeout(tooLate);
      }
      // answered requests leave keep-alive connections behind; an answer still being written keeps its own
      server.closeIdleConnections();
      const stuck = setTimeout(() => server.closeAllConnections(), 500);
      await closed;
      clearTimeout(stuck);
    })();
    return closing;
  };
  return {
    table,
    tls: first.tls,
    get closing() {
      return closing !== undefined;
    },
    add(live, pattern) {
      if (!sameTls(live.route.tls, first.tls)) {
        throw new TideError(
          "ROUTE_INVALID",
          `port ${first.port} is served for ${table.owners().join(", ")} with ${first.tls ? "another certificate" : "no TLS"}`,
        );
      }
      return table.add(live, pattern);
    },
    close,
  };
}

function sameTls(one: Route["tls"], other: Route["tls"]): boolean {
  return one?.cert === other?.cert && one?.key === other?.key;
}

function makeServer(route: Route, options: ListenersOptions, listener: RequestListener): Server {
  const settings = {
    headersTimeout: options.headersTimeoutMs ?? 10_000,
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    // longer than the idle time of usual load balancers (60 s), so that it is they who close
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: Math.min(1_000, (options.headersTimeoutMs ?? 10_000) / 2),
  };
  if (route.tls === undefined) return createServer(settings, listener);
  try {
    return createTlsServer({ ...settings, cert: route.tls.cert, key: route.tls.key }, listener);
  } catch (error) {
    throw new TideError("ROUTE_INVALID", `the certificate of port ${route.port}`, { cause: error });
  }
}

async function listen(server: Server, { port, owner }: Route, host: string): Promise<void> {
  server.listen({ port, host });
  try {
    await once(server, "listening");
  } catch (error) {
    const why = codeOf(error) === "EADDRINUSE" ? "another program listens there" : messageOf(error);
    throw new TideError("PORT_UNAVAILABLE", `${host}:${port} for ${owner}: ${why}`, { cause: error });
  }
}
