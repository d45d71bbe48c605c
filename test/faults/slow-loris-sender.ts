import { connect, type Socket } from "node:net";

/** What one process of slow connections is told, as JSON in its only argument. */
export interface LorisOrders {
  readonly port: number;
  readonly path: string;
  /** So many connections are held open, of the three kinds in turn. */
  readonly count: number;
  /** The senders' own addresses, in turn: `127.0.0.2`. */
  readonly from: readonly string[];
  /** New connections in a second, at most: until all are there, and in place of closed ones. */
  readonly perSecond: number;
  readonly againPerSecond: number;
  /** A byte of each connection is sent this often. */
  readonly byteEveryMs: number;
  /** Connections that were closed are opened again for this long. */
  readonly againForMs: number;
}

/** What has happened so far; a line of JSON on stdout twice a second. */
export interface LorisCounts {
  /** Open now. */
  readonly open: number;
  readonly mostOpen: number;
  readonly opened: number;
  /** Closed by the other side after it had answered 408. */
  readonly timedOut: number;
  /** Closed by the other side without a word: to make room, or one that never said anything. */
  readonly closed: number;
  /** Never came to be. */
  readonly refused: number;
  /** Answered with something else. */
  readonly otherwise: number;
  readonly bytesSent: number;
}

type Kind = "silent" | "header" | "body";
const kinds: readonly Kind[] = ["header", "body", "silent"];

interface Held {
  readonly socket: Socket;
  readonly kind: Kind;
  answer: string;
  open: boolean;
}

/** Opens connections that never finish a request, and keeps each alive with a byte now and then. */
function hold(orders: LorisOrders): void {
  const held = new Set<Held>();
  const counts = { opened: 0, timedOut: 0, closed: 0, refused: 0, otherwise: 0, bytesSent: 0, most: 0 };
  const startedMs = performance.now();
  let asked = 0;

  const gone = (one: Held): void => {
    held.delete(one);
    if (!one.open) counts.refused += 1;
    else if (one.answer.startsWith("HTTP/1.1 408")) counts.timedOut += 1;
    else if (one.answer === "") counts.closed += 1;
    else counts.otherwise += 1;
  };
  const open = (): void => {
    const localAddress = orders.from[asked % orders.from.length];
    const kind = kinds[asked % kinds.length] ?? "header";
    asked += 1;
    const socket = connect({
      port: orders.port,
      host: "127.0.0.1",
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const one: Held = { socket, kind, answer: "", open: false };
    held.add(one);
    socket.once("connect", () => {
      one.open = true;
      counts.opened += 1;
      counts.most = Math.max(counts.most, held.size);
      socket.write(begin(kind, orders.path));
    });
    socket.on("data", (chunk) => {
      if (one.answer.length < 100) one.answer += chunk.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.once("close", () => gone(one));
  };
  // a tenth of the connections at each tick, so that their bytes do not come in one burst
  let slice = 0;
  const drip = (): void => {
    slice = (slice + 1) % 10;
    let index = 0;
    for (const { socket, kind, open } of held) {
      if (index++ % 10 !== slice || kind === "silent" || !open || socket.writableLength > 0) continue;
      socket.write("a");
      counts.bytesSent += 1;
    }
  };
  const refill = (): void => {
    const again = performance.now() - startedMs < orders.againForMs;
    const wanted = again ? orders.count - held.size : orders.count - asked;
    const perSecond = asked < orders.count ? orders.perSecond : orders.againPerSecond;
    for (let n = Math.min(wanted, perSecond / 20); n > 0; n--) open();
  };
  const tell = (): void => {
    const { most, ...rest } = counts;
    const told: LorisCounts = { open: [...held].filter(({ open }) => open).length, mostOpen: most, ...rest };
    process.stdout.write(`${JSON.stringify(told)}\n`);
  };
  setInterval(refill, 50);
  setInterval(drip, orders.byteEveryMs / 10);
  setInterval(tell, 500);
}

/** What a connection sends at once. None of the requests that they begin is ever whole. */
function begin(kind: Kind, path: string): string {
  if (kind === "silent") return "";
  const start = `POST ${path} HTTP/1.1\r\nHost: slow\r\nContent-Type: application/json\r\n`;
  return kind === "header" ? `${start}X-Slow: ` : `${start}Content-Length: 1000\r\n\r\n`;
}

hold(JSON.parse(process.argv[2] ?? "") as LorisOrders);
