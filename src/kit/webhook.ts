import type { ClientCertificate } from "./client-certificate.ts";

/**
 * The HTTP side that webhook-like sources share. The runtime owns one server per port; entries of any type and any
 * EventSource share a port (the peer cannot, reference S25). A route lives until it is disposed.
 */
export interface Listener {
  /**
   * Adds a route; resolves once the port listens. Rejects with PORT_UNAVAILABLE, or ROUTE_TAKEN when another entry has the
   * same port, path and method. The server answers 404 for unknown paths, 405 with `Allow` where the path is known with
   * other methods, 413 over `maxBytes` without reading on, 408 for a body that does not arrive, 503 with `Retry-After`
   * when `handle` rejects, and `GET /health` with 200 `OK` on every port.
   */
  route(route: Route, handle: (request: WebRequest) => Promise<WebResponse>): Promise<AsyncDisposable>;
  /**
   * One route for several entries of a type: a request is answered once, by one `serve` that sees all who joined. An entry has
   * joined as soon as this is called, before anything is awaited: entries that start together are all there when the first
   * request comes. It leaves when what this resolves to is disposed. Resolves and rejects as `route` does.
   */
  share<M>(joining: Joining<M>): Promise<AsyncDisposable>;
}

/** An entry that shares its route with others. */
export interface Joining<M> {
  /** A word; entries with another one find the route taken. */
  readonly group: string;
  readonly port: number;
  readonly path: string;
  /** `namespace/eventSource/event`. */
  readonly owner: string;
  /** What whoever serves must know of the entry. */
  readonly member: M;
  /** The route on this port and path. Whoever comes first makes it; the others must have the same certificate. */
  route(): Promise<Route>;
  /** As `handle` of a route. `members` is never empty, in the order of their owners. */
  serve(request: WebRequest, members: readonly Member<M>[]): Promise<WebResponse>;
  /** Why the entry takes nothing now, though it has joined; undefined: it does. */
  away?(): string | undefined;
}

export interface Member<M> {
  readonly owner: string;
  readonly value: M;
  /**
   * Why the entry takes nothing now: it is paused, or left less than 30 s ago and is probably restarted. What is for it must come
   * again later.
   */
  readonly away: string | undefined;
}

export interface Route {
  readonly port: number;
  /** Exact path, as gorilla/mux `Path()`; `{var}` segments match one segment. */
  readonly path: string;
  /** undefined = every method. */
  readonly method?: string;
  readonly maxBytes: number;
  /** PEM. All routes of a port have the same, or none. With `clientCa` callers are asked for a certificate of these CAs. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Who may send, and how much. undefined: whoever reaches the port. */
  readonly guard?: Guard;
  /** Whoever sends is known by the guard, or by what the source itself checks. */
  readonly authenticated?: boolean;
  /** So long the body may take to arrive, then 408. Default: as long as the server gives a whole request. */
  readonly bodyTimeoutMs?: number;
  /** Hears of each request that the guard or a limit refuses. */
  readonly refused?: (reason: RefusalReason, remoteAddress: string) => void;
  /**
   * The server answers the handshake of CloudEvents' web hooks on this path: OPTIONS with `WebHook-Request-Origin`, for all
   * routes of the path together. undefined: this route has no part in it.
   */
  readonly handshake?: Handshake;
  /** For messages: `namespace/eventSource/event`. */
  readonly owner: string;
}

/**
 * Keeps strangers out of a route. What it answers to those does not tell which part of what they sent was wrong; for the
 * operator there is the reason.
 */
export interface Guard {
  /** The reasons that it may have. */
  readonly reasons: readonly RefusalReason[];
  /**
   * Asked before the body is read, the cheap questions first. undefined: go on. At once where it can be. Rejects when it cannot
   * be told now: the sender is to come again.
   */
  admit(head: RequestHead): Refused | undefined | Promise<Refused | undefined>;
  /**
   * Asked once the body is there. What comes back is the request that the source gets, a refusal, or an answer that is nobody
   * else's business (Slack's question whether anybody is here). undefined: nothing about it depends on the body.
   */
  readonly verify: ((request: WebRequest) => Promise<WebRequest | WebResponse | Refused>) | undefined;
}

/** What was wrong, as metrics and log lines name it. */
export type RefusalReason =
  | "address"
  | "rate"
  | "certificate"
  | "credentials"
  | "headers"
  | "timestamp"
  | "signature"
  | "size"
  | "time";

export interface Refused {
  readonly reason: RefusalReason;
  readonly answer: WebResponse;
}

/** What is known of a request before its body is read. */
export interface RequestHead {
  readonly method: string;
  /** Name and value in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly remoteAddress: string;
  /** The certificate that the caller showed, if it is of the port's `clientCa`. */
  clientCertificate(): ClientCertificate | undefined;
}

/**
 * The abuse protection of CloudEvents' HTTP 1.1 Web Hooks 1.0.2, section 4: before it delivers, a sender asks with OPTIONS
 * and `WebHook-Request-Origin` whether it may. It is no authentication: an origin is what the sender says it is.
 */
export interface Handshake {
  /** Names of senders that may deliver; undefined, or with `*` among them: all. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

export interface WebRequest {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  /** Raw query text, without `?`. */
  readonly query: string;
  /** Name and value in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
  readonly remoteAddress: string;
  /** The sender's own id of the delivery, where the guard vouches for the sender: a second one with it is a duplicate. */
  readonly deliveryId?: string;
  /** Arrival of the first byte, Unix microseconds. */
  readonly receivedUs: number;
  /** Aborts when the client goes away or the server must stop now. */
  readonly signal: AbortSignal;
}

export interface WebResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}
