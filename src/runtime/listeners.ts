import { once } from "node:events";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Listener, Route } from "../kit/webhook.ts";
import { guarded } from "../kit/webhook-guard.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { codeOf, messageOf, TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { http, https } from "../lib/node-http.ts";
import { createFold } from "../telemetry/fold.ts";
import { type BodyRoom, bodyRoomBytes, createBodyRoom } from "./body-room.ts";
import { type ConnectionLimits, Connections } from "./connection-limits.ts";
import { answer, retryLater } from "./http-answers.ts";
import { answerTo, type Exchange } from "./http-request.ts";
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
  /** Room in memory for the bodies of requests under way; by default what the machine allows (body-room.ts). */
  readonly bodyRoomBytes?: number;
  /** How many connections senders may hold; by default what the machine allows (connection-limits.ts). */
  readonly connections?: ConnectionLimits;
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
  const { log, clock = systemClock } = options;
  const connections = new Connections({ limits: options.connections, log, clock });
  const bodies = bodyRoom(options);
  const fold = createFold(log, clock);
  const tellOpen = ({ port, path, owner }: Route): void =>
    fold(`open ${port}`, { owner, port, path }, "whoever reaches this port may send events: nothing tells who it is");
  /** Ports that take no more requests and still answer some. */
  const leaving = new Set<Promise<void>>();
  let closed = false;
  let keeping = 0;

  const portOf = async (route: Route): Promise<Port> => {
    const opened = ports.get(route.port) ?? openPort(route, options, { connections, bodies });
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
    if (!route.authenticated && reachesOthers(options.host)) tellOpen(route);
    const remove = port.add({ route, handle: guarded(route, handle) }, pattern);
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
    share: shareRoutes({ route, clock }),
    ports: () => [...ports.keys()],
    keepPorts,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Behind 127.0.0.1 there are programs of this machine only. */
function reachesOthers(host = "127.0.0.1"): boolean {
  return host !== "localhost" && host !== "::1" && !host.startsWith("127.");
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

/** What all ports share. */
interface Shared {
  readonly connections: Connections;
  readonly bodies: BodyRoom;
}

function bodyRoom({ bodyRoomBytes: maxBytes = bodyRoomBytes(), log }: ListenersOptions): BodyRoom {
  return createBodyRoom(maxBytes, () =>
    log.warn({ maxBytes }, "the bodies of requests fill their room in memory: senders are told to come again"),
  );
}

async function openPort(first: Route, options: ListenersOptions, { connections, bodies }: Shared): Promise<Port> {
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
    connections.began(request);
    void exchange({ request, response, expects, table, bodies, clock, log, stop: stop.signal });
  };
  const exchange = async (one: Exchange): Promise<void> => {
    const { request, response } = one;
    try {
      const said = await answerTo(one);
      if (said !== undefined) answer(response, said.status, said.body ?? "", said.headers);
    } catch (error) {
      // only our own mistakes come here; the sender hears of it all the same
      log.error({ error: messageOf(error) }, "an HTTP request could not be answered");
      if (!response.headersSent) answer(response, 500, "internal error\n");
      else response.destroy();
    } finally {
      connections.ended(request);
      if (--inFlight === 0) idle();
    }
  };
  const server = makeServer(first, options, (request, response) => serve(request, response, false));
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => serve(request, response, true));
  connections.watch(server);
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
          `port ${first.port} is served for ${table.owners().join(", ")} with ${first.tls ? "another certificate or CA of clients" : "no TLS"}`,
        );
      }
      return table.add(live, pattern);
    },
    close,
  };
}

function sameTls(one: Route["tls"], other: Route["tls"]): boolean {
  return one?.cert === other?.cert && one?.key === other?.key && one?.clientCa === other?.clientCa;
}

function makeServer(route: Route, options: ListenersOptions, listener: RequestListener): Server {
  const settings = {
    headersTimeout: options.headersTimeoutMs ?? 10_000,
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    // longer than the idle time of usual load balancers (60 s), so that it is they who close
    keepAliveTimeout: 65_000,
    connectionsCheckingInterval: Math.min(1_000, (options.headersTimeoutMs ?? 10_000) / 2),
  };
  if (route.tls === undefined) return http.createServer(settings, listener);
  try {
    const { cert, key, clientCa } = route.tls;
    // who has no such certificate is refused by the guards of the routes, which say so and count it
    const asking = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false };
    // what never ends its handshake counts as what never ends its header
    return https.createServer(
      { ...settings, cert, key, ...asking, handshakeTimeout: settings.headersTimeout },
      listener,
    );
  } catch (error) {
    throw new TideError("ROUTE_INVALID", `the certificate of port ${route.port}`, { cause: error });
  }
}

/**
 * Connections that the kernel keeps while we are busy; it may take fewer (net.core.somaxconn). With Node's 511 a burst of
 * senders overflows it, and who is turned away waits for a second before it asks again.
 */
const backlog = 4_096;

async function listen(server: Server, { port, owner }: Route, host: string): Promise<void> {
  server.listen({ port, host, backlog });
  try {
    await once(server, "listening");
  } catch (error) {
    const why = codeOf(error) === "EADDRINUSE" ? "another program listens there" : messageOf(error);
    throw new TideError("PORT_UNAVAILABLE", `${host}:${port} for ${owner}: ${why}`, { cause: error });
  }
}
