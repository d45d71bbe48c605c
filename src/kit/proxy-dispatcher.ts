import { buildConnector, type Dispatcher, Pool } from "undici";
import { type Env, type ProxyServer, proxyFor } from "./proxy.ts";
import { openTunnel } from "./proxy-tunnel.ts";

/**
 * Connections to one origin, straight or through the proxy that the environment names for it: a tunnel for HTTPS (TLS is
 * made with the target, and verified against its name), and for plain HTTP requests that name the whole URL, as Go's
 * client sends them. `options.connect` makes the connections either way. Throws PROXY_INVALID.
 */
export function poolTo(origin: string, options: Pool.Options, env: Env): Dispatcher {
  const url = new URL(origin);
  const proxy = proxyFor(url, env);
  if (proxy === undefined) return new Pool(origin, options);
  const connect = typeof options.connect === "function" ? options.connect : buildConnector(options.connect ?? {});
  return url.protocol === "https:"
    ? new Pool(origin, { ...options, connect: tunnelling(proxy, connect) })
    : forwarding(proxy, url, { ...options, connect });
}

/** For `Agent`: the pool to each origin. */
export function poolFactory(env: Env): (origin: string | URL, options: object) => Dispatcher {
  return (origin, options) => poolTo(new URL(origin).origin, options, env);
}

function tunnelling(proxy: ProxyServer, connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    const opened = async (): Promise<void> => {
      const { hostname, port } = options;
      const httpSocket = await openTunnel(proxy, { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || 443 });
      connect({ ...options, httpSocket }, callback);
    };
    opened().catch((error: Error) => callback(error, null));
  };
}

function forwarding(proxy: ProxyServer, { origin, host }: URL, options: Pool.Options): Dispatcher {
  const { authorization } = proxy;
  return new Pool(proxy.origin, options).compose((dispatch) => (request, handler) => {
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
