import { createServer, type Socket } from "node:net";

/**
 * A target of its own process, lean: raw sockets, a parser for requests with a `content-length`, one answer of fixed bytes.
 * Counts what arrives, also by idempotency key, and how long after the `sentMs` in its body. `GET /` answers
 * `{count, keys, firstMs, lastMs, p50Ms, p99Ms, maxMs}` (when the first and the last one came, Unix time), `GET /count` the first four,
 * which costs no sorting; `DELETE /` forgets. A request in chunks is refused with 411.
 * `PUT /ADDRESS` makes it listen at another address of this machine as well. `target PORT`
 */
let count = 0;
let firstMs = 0;
let lastMs = 0;
let keys = new Set<number | string>();
let delaysMs: number[] = [];

const ok = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
const lengthRequired = "HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

const counts = (): string => JSON.stringify({ count, keys: keys.size, firstMs, lastMs });

function summary(): string {
  const sorted = Float64Array.from(delaysMs).sort();
  const at = (share: number): number | undefined =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return JSON.stringify({ count, keys: keys.size, firstMs, lastMs, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) });
}

/** 52 bits of a key of hex digits tell keys apart, and two million of them fit into memory. */
function shortKey(key: string): number | string {
  const digits = Number.parseInt(key.slice(0, 13), 16);
  return Number.isNaN(digits) || key.length !== 32 ? key : digits;
}

const lengthPattern = /\r\ncontent-length: *(\d+)/i;
const keyPattern = /\r\nidempotency-key: *([^\r]+)/i;

function arrived(head: string, text: string, body: number): void {
  lastMs = performance.timeOrigin + performance.now();
  if (count === 0) firstMs = lastMs;
  count += 1;
  const key = keyPattern.exec(head)?.[1];
  if (key !== undefined) keys.add(shortKey(key));
  const sent = text.indexOf('"sentMs":', body);
  if (sent >= 0 && sent < body + 200) delaysMs.push(lastMs - Number.parseFloat(text.slice(sent + 9, sent + 28)));
}

/** Answers the whole requests at the beginning of `text`, returns the rest; undefined when the connection was ended. */
function answer(socket: Socket, text: string): string | undefined {
  let from = 0;
  let answers = 0;
  while (from < text.length) {
    const end = text.indexOf("\r\n\r\n", from);
    if (end < 0) break;
    const head = text.slice(from, end);
    const length = lengthPattern.exec(head)?.[1];
    const body = end + 4;
    if (length === undefined && head.startsWith("POST")) {
      socket.end(lengthRequired);
      return undefined;
    }
    const next = body + Number(length ?? 0);
    if (next > text.length) break;
    if (head.startsWith("PUT")) {
      const address = head.slice("PUT /".length, head.indexOf(" HTTP"));
      listen(address).then(
        () => answerText(socket, "{}"),
        () => socket.destroy(),
      );
    } else if (head.startsWith("GET")) answerText(socket, head.startsWith("GET /count ") ? counts() : summary());
    else {
      if (head.startsWith("DELETE")) forget();
      else arrived(head, text, body);
      answers += 1;
    }
    from = next;
  }
  if (answers === 1) socket.write(ok);
  else if (answers > 1) socket.write(Buffer.concat(Array.from({ length: answers }, () => ok)));
  return from === text.length ? "" : text.slice(from);
}

function answerText(socket: Socket, text: string): void {
  socket.write(
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

function forget(): void {
  count = 0;
  keys = new Set();
  delaysMs = [];
}

function take(socket: Socket): void {
  let rest = "";
  socket.on("data", (part: Buffer) => {
    const text = part.toString("latin1");
    const left = answer(socket, rest === "" ? text : rest + text);
    if (left !== undefined) rest = left;
  });
  socket.on("error", () => undefined);
}

/** At its one port, which is the same at all addresses. */
function listen(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    createServer({ noDelay: true }, take).once("error", reject).listen(Number(process.argv[2]), address, resolve);
  });
}

await listen("127.0.0.1");
process.stdout.write("ready\n");
process.on("SIGTERM", () => process.exit(0));
