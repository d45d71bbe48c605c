import { connect as connectTcp, isIP, type LookupFunction, Socket } from "node:net";
import type { buildConnector } from "undici";
import { undici } from "../lib/undici.ts";
import type { Egress } from "./egress.ts";

/** Marks a connection that goes to a proxy, which the operator named: its target was judged before. */
const byProxy = Symbol("by proxy");

type Options = buildConnector.Options & { readonly [byProxy]?: true };

/** The same connection, to a proxy: not judged. */
export function toProxy(options: buildConnector.Options): buildConnector.Options {
  return Object.assign({}, options, { [byProxy]: true });
}

/**
 * undici's connector behind the guard: each new connection is judged by its host, and by the address that is connected to.
 * `settings` are those of `buildConnector`. A refusal is the error of the connection, and so of the requests that wait for it.
 */
export function guardedConnector(egress: Egress, settings: buildConnector.BuildOptions): buildConnector.connector {
  const { buildConnector } = undici();
  const plain = buildConnector(settings);
  // a connector keeps TLS sessions, so that there is one for each port and not one for each connection
  const byPort = new Map<number, buildConnector.connector>();
  const connectorTo = (port: number): buildConnector.connector => {
    const made = byPort.get(port) ?? buildConnector(withLookup(settings, guardedLookup(egress, port)));
    byPort.set(port, made);
    return made;
  };
  return (options: Options, callback) => {
    if (options.httpSocket !== undefined || options[byProxy] === true) return plain(options, callback);
    const port = Number(options.port) || (options.protocol === "https:" ? 443 : 80);
    try {
      // a literal address is never looked up
      if (isIP(bare(options.hostname)) !== 0) egress.admit(options.hostname, port);
    } catch (error) {
      callback(error as Error, null);
      return;
    }
    connectorTo(port)(options, callback);
  };
}

/** `lookup` is an option of the connections themselves, which undici hands on. */
function withLookup(settings: buildConnector.BuildOptions, lookup: LookupFunction): buildConnector.BuildOptions {
  return Object.assign({}, settings, { lookup });
}

function guardedLookup(egress: Egress, port: number): LookupFunction {
  return (host, options, callback) => {
    try {
      egress.admit(host, port).lookup(host, options, callback);
    } catch (error) {
      callback(error as Error, []);
    }
  };
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

/** Where a socket goes: over TCP, or to a file of this machine. */
type SocketPlace = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * A socket that is connecting, for drivers that take one in place of opening their own. It never throws: a refusal is the
 * error that it ends with. A Unix socket counts as 127.0.0.1.
 */
export function guardedSocket(egress: Egress, place: SocketPlace): Socket {
  try {
    if ("path" in place) {
      egress.admit("127.0.0.1", 0);
      return connectTcp({ path: place.path });
    }
    const { host, port } = place;
    return connectTcp({ host, port, ...egress.admit(host, port) });
  } catch (error) {
    const socket = new Socket();
    // whoever asked for it listens only once it has it
    process.nextTick(() => socket.destroy(error as Error));
    return socket;
  }
}
