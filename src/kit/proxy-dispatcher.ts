import type { buildConnector, Dispatcher, Pool } from "undici";
import { undici } from "../lib/undici.ts";
import type { Egress } from "./egress.ts";
import { guardedConnector, toProxy } from "./egress-connect.ts";
import { type Env, type ProxyServer, proxyFor } from "./proxy.ts";
import { openTunnel } from "./proxy-tunnel.ts";

/** How connections are made: through which proxies, and by whose leave. */
export interface Way {
  readonly env: Env;
  readonly egress: Egress;
}

/**
 * Connections to one origin, straight or through the proxy that the environment names for it: a tunnel for HTTPS (TLS is
 * made with the target, and verified against its name), and for plain HTTP requests that name the whole URL, as Go's
 * client sends them. `options.connect` makes the connections either way: the settings of a
 * connector, or a `guardedConnector`. Throws PROXY_INVALID.
 */
export function poolTo(origin: string, options: Pool.Options, { env, egress }: Way): Dispatcher {
  const url = new URL(origin);
  const proxy = proxyFor(url, env);
  const { connect: given = {}, allowH2 } = options;
  const settings = allowH2 === undefined ? {} : { allowH2 };
  const connect = typeof given === "function" ? given : guardedConnector(egress, { ...settings, ...given });
  if (proxy === undefined) return new (undici().Pool)(origin, { ...options, connect });
  return url.protocol === "https:"
    ? new (undici().Pool)(origin, { ...options, connect: tunnelling(proxy, connect, egress) })
    : forwarding(proxy, url, { ...options, connect: admitting(url, connect, egress) });
}

/** For `Agent`: the pool to each origin. */
export function poolFactory(way: Way): (origin: string | URL, options: object) => Dispatcher {
  return (origin, options) => poolTo(new URL(origin).origin, options, way);
}

function tunnelling(proxy: ProxyServer, connect: buildConnector.connector, egress: Egress): buildConnector.connector {
  return (options, callback) => {
    const opened = async (): Promise<void> => {
      const target = { host: options.hostname.replace(/^\[|\]$/g, ""), port: Number(options.port) || 443 };
      await egress.admitByProxy(target.host, target.port);
      connect({ ...options, httpSocket: await openTunnel(proxy, target) }, callback);
    };
    opened().catch((error: Error) => callback(error, null));
  };
}

/** The connection goes to the proxy; what is judged is the origin that it is for. */
function admitting(url: URL, connect: buildConnector.connector, egress: Egress): buildConnector.connector {
  return (options, callback) => {
    egress
      .admitByProxy(url.hostname, Number(url.port) || 80)
      .then(() => connect(toProxy(options), callback))
      .catch((error: Error) => callback(error, null));
  };
}

function forwarding(proxy: ProxyServer, { origin, host }: URL, options: Pool.Options): Dispatcher {
  const { authorization } = proxy;
  return new (undici().Pool)(proxy.origin, options).compose((dispatch) => (request, handler) => {
    const given = listed(request.headers);
    const has = (wanted: string): boolean => given.some((name, i) => i % 2 === 0 && name.toLowerCase() === wanted);
    const headers = [...given];
    if (!has("host")) headers.push("Host", host);
    if (authorization !== undefined) headers.push("Proxy-Authorization", authorization);
    // TLS, if any, is with the proxy: undici would take its name from the Host header
    const named = { ...request, headers, path: `${origin}${request.path}`, servername: proxy.servername };
    return dispatch(named, handler);
  });
}

/** Names and values in turn. */
function listed(headers: Dispatcher.DispatchOptions["headers"]): readonly string[] {
  if (headers === undefined || headers === null) return [];
  if (Array.isArray(headers)) return headers.map(String);
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return pairs.flatMap(([name, value]) => [value ?? []].flat().flatMap((one) => [name, String(one)]));
}
