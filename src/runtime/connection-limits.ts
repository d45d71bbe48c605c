import { readFileSync } from "node:fs";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { createFold } from "../telemetry/fold.ts";

export interface ConnectionLimits {
  /** All connections that senders hold at once, over all ports. */
  readonly most: number;
  /** Those of one address. */
  readonly mostPerAddress: number;
}

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  readonly tls: boolean;
  /** By `performance.now()`: when it came, or its last request began or ended. */
  sinceMs: number;
  /** The one that came last of those without an answer; an answered one is let go, with its body. */
  request: IncomingMessage | undefined;
  /** More than one where they are pipelined. */
  unanswered: number;
  answered: number;
}

/** Who opens more than this many connections at once does not send events. 17 KB of memory each, measured. */
const usualMost = 4_096;

/**
 * Keeps count of the connections of senders, and makes room when there are too many.
 *
 * Connections cost memory and file descriptors whether they say something or not, and what has no descriptor left can
 * neither reach a target nor open a file. So there is a limit: half of what the process may open, 4,096 at most, and a
 * half of that for one address (all senders behind a load balancer share one). Beyond it the one that has waited longest
 * with an unfinished header or body is closed (408), then the one that has been idle longest; what is being answered
 * never, in which case the new one is (503). So honest senders are served while others fill the port: their requests
 * are whole sooner than they become the oldest.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #tell: (address: string) => void;
  readonly #all = new Set<Connection>();
  readonly #byAddress = new Map<string, Set<Connection>>();
  /** A request comes by the TLS socket, the connection is the one below it. */
  readonly #bySocket = new WeakMap<Socket, Connection>();

  constructor(parts: { readonly limits?: ConnectionLimits | undefined; readonly log: Log; readonly clock: Clock }) {
    const { limits = usualLimits(), log, clock } = parts;
    this.#limits = limits;
    const fold = createFold(log, clock);
    const text = "too many connections: the slowest are closed";
    this.#tell = (address) => fold("connections", { address, open: this.#all.size, ...limits }, text);
  }

  /** Counts those of a server, from now to its end. */
  watch(server: Server): void {
    const tls = "setSecureContext" in server;
    server.on("connection", (socket: Socket) => this.#take(socket, tls));
    if (!tls) return;
    server.on("secureConnection", (secure: Socket) => {
      for (const one of this.#byAddress.get(secure.remoteAddress ?? "") ?? []) {
        if (one.socket.remotePort === secure.remotePort) this.#bySocket.set(secure, one);
      }
    });
  }

  /** A request whose header is whole: its connection is no longer one of those that never say anything. */
  began(request: IncomingMessage): void {
    const one = this.#bySocket.get(request.socket);
    if (one === undefined) return;
    // the time of its first header counts: that is what took so long
    if (one.answered > 0) one.sinceMs = performance.now();
    one.request = request;
    one.unanswered += 1;
  }

  /** Its answer is given. */
  ended(request: IncomingMessage): void {
    const one = this.#bySocket.get(request.socket);
    if (one === undefined) return;
    one.sinceMs = performance.now();
    one.answered += 1;
    if (--one.unanswered === 0) one.request = undefined;
  }

  #take(socket: Socket, tls: boolean): void {
    const address = socket.remoteAddress ?? "";
    const sinceMs = performance.now();
    const one: Connection = { socket, address, tls, sinceMs, request: undefined, unanswered: 0, answered: 0 };
    const ofAddress = this.#byAddress.get(address) ?? new Set();
    this.#byAddress.set(address, ofAddress.add(one));
    this.#all.add(one);
    this.#bySocket.set(socket, one);
    socket.once("close", () => this.#remove(one));
    if (ofAddress.size > this.#limits.mostPerAddress) this.#makeRoom(ofAddress, one);
    else if (this.#all.size > this.#limits.most) this.#makeRoom(this.#all, one);
  }

  #makeRoom(among: ReadonlySet<Connection>, newest: Connection): void {
    const victim = slowest(among, newest) ?? newest;
    this.#tell(victim.address);
    this.#remove(victim);
    hangUp(victim, victim === newest ? "503 Service Unavailable" : "408 Request Timeout");
  }

  #remove(one: Connection): void {
    this.#all.delete(one);
    const others = this.#byAddress.get(one.address);
    others?.delete(one);
    if (others?.size === 0) this.#byAddress.delete(one.address);
  }
}

/**
 * The connection to close: unfinished before idle, and of each the oldest. undefined: all others are being answered. They
 * are in the order in which they came, so that the first one without any answer is the oldest of those, and in a flood of
 * such the search ends at once.
 */
function slowest(among: ReadonlySet<Connection>, newest: Connection): Connection | undefined {
  let unfinished: Connection | undefined;
  let idle: Connection | undefined;
  for (const one of among) {
    if (one === newest) continue;
    if (isIdle(one)) {
      if (idle === undefined || one.sinceMs < idle.sinceMs) idle = one;
    } else if (one.request?.complete !== true) {
      if (unfinished === undefined || one.sinceMs < unfinished.sinceMs) unfinished = one;
      if (one.answered === 0) break;
    }
  }
  return unfinished ?? idle;
}

/** Between two requests. */
function isIdle({ unanswered, answered }: Connection): boolean {
  return unanswered === 0 && answered > 0;
}

/** With a word where it can be read: not in the midst of other answers, and under TLS only the layer above could say it. */
function hangUp(one: Connection, status: string): void {
  const { socket, tls, answered } = one;
  if (tls || answered > 0) {
    socket.destroy();
    return;
  }
  socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.destroySoon();
}

/** What this machine allows; the usual number where it does not say. */
function usualLimits(): ConnectionLimits {
  const most = Math.max(16, Math.min(usualMost, Math.floor(openFiles() / 2)));
  return { most, mostPerAddress: Math.ceil(most / 2) };
}

function openFiles(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    // no Linux: Node has raised its limit as far as it goes, at least 10,240 on macOS
    return Number.POSITIVE_INFINITY;
  }
}
