import { connect, type Socket } from "node:net";

/**
 * A load generator of its own process, lean, so that what it takes of the cores is small beside what is measured: raw
 * sockets, one request at a time on each, its bytes made beforehand; only the number and the time in the body change.
 * `load PORT PATH CONNECTIONS COUNT [RATE] [KIND]`: as fast as the connections go, or at RATE per second. A request
 * counts from when it was handed to the kernel; where all connections were busy, from when it was due. `lateMs` says
 * how late the generator's own timer was, `startedMs` when the first request went (Unix time). The body is 1,024 bytes of JSON: `{n, sentMs, kind, amount, filler}`.
 * Prints one JSON line, with its own processor time for each request. Ends with 1 where nothing listens.
 */
const [port = "", path = "/", connections = "64", count = "10000", rate = "0", kind = "order"] = process.argv.slice(2);
const total = Number(count);
const everyMs = Number(rate) > 0 ? 1000 / Number(rate) : 0;
const bodyBytes = 1024;
const numberWidth = 9;
const timeWidth = 17;

/** The request, and where in it the number and the time are written. */
function template(): { readonly bytes: Buffer; readonly numberAt: number; readonly timeAt: number } {
  const open = '{"n":';
  const middle = ',"sentMs":';
  const rest = `,"kind":${JSON.stringify(kind)},"amount":42,"filler":"`;
  const fixed = open.length + numberWidth + middle.length + timeWidth + Buffer.byteLength(rest) + 2;
  const filler = "x".repeat(Math.max(0, bodyBytes - fixed));
  const body = `${open}${" ".repeat(numberWidth)}${middle}${" ".repeat(timeWidth)}${rest}${filler}"}`;
  const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const numberAt = head.length + open.length;
  return { bytes: Buffer.from(head + body), numberAt, timeAt: numberAt + numberWidth + middle.length };
}

const { bytes, numberAt, timeAt } = template();
const latenciesMs = new Float64Array(total);
const lateMs: number[] = [];
const idle: Line[] = [];
let begun = 0;
let ended = 0;
const failures = new Map<string, number>();
let startedMs = 0;
let finish: () => void = () => undefined;
const finished = new Promise<void>((resolve) => {
  finish = resolve;
});

/** How long the response in `text` is, and its status; undefined while it is not whole. */
function answerOf(text: string): { readonly end: number; readonly status: string } | undefined {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1];
  const end = length === undefined ? chunkedEnd(text, head + 4) : head + 4 + Number(length);
  if (end === undefined || end > text.length) return undefined;
  return { end, status: text.slice(9, 12) };
}

/** Where a body in chunks ends. A response without a body that says nothing of its length (204) ends with its head. */
function chunkedEnd(text: string, from: number): number | undefined {
  if (!/\r\ntransfer-encoding: *chunked/i.test(text.slice(0, from))) return from;
  const last = text.indexOf("0\r\n\r\n", from);
  return last < 0 ? undefined : last + 5;
}

/** One connection, with one request at a time. A connection that ends fails its request and is made again. */
class Line {
  readonly #bytes = Buffer.from(bytes);
  #socket: Socket;
  #sentMs = 0;
  #index = -1;
  #text = "";

  constructor() {
    this.#socket = this.#open();
  }

  #open(): Socket {
    // a connection that never had a request ends with a 408: that is no answer to the first one of the next connection
    this.#text = "";
    const callback = (length: number, buffer: Uint8Array): boolean => {
      this.#text += (buffer as Buffer).toString("latin1", 0, length);
      const answer = answerOf(this.#text);
      if (answer !== undefined) this.#answered(answer.status);
      return true;
    };
    const socket = connect({
      port: Number(port),
      host: "127.0.0.1",
      noDelay: true,
      onread: { buffer: Buffer.alloc(16_384), callback },
    });
    socket.on("error", () => undefined);
    socket.once("close", () => {
      if (ended === total) return;
      this.#socket = this.#open();
      if (this.#index >= 0) this.#answered("closed");
    });
    return socket;
  }

  /** `dueMs`: when it should have been sent, where that was not done because every connection was busy. */
  send(dueMs: number | undefined): void {
    const index = begun++;
    const nowMs = performance.now();
    this.#index = index;
    this.#sentMs = dueMs ?? nowMs;
    this.#bytes.write(String(index).padStart(numberWidth), numberAt, numberWidth, "latin1");
    const sent = (performance.timeOrigin + this.#sentMs).toFixed(3);
    this.#bytes.write(sent.padStart(timeWidth), timeAt, timeWidth, "latin1");
    this.#socket.write(this.#bytes);
  }

  /** `how`: the status, or that the connection was closed before there was one. */
  #answered(how: string): void {
    if (this.#index < 0) return;
    latenciesMs[this.#index] = performance.now() - this.#sentMs;
    this.#index = -1;
    this.#text = "";
    ended += 1;
    if (!how.startsWith("2")) failures.set(how, (failures.get(how) ?? 0) + 1);
    if (ended === total) finish();
    else if (everyMs === 0) {
      if (begun < total) this.send(undefined);
    } else {
      const dueMs = startedMs + begun * everyMs;
      if (begun < total && dueMs <= performance.now() && idle.length === 0) this.send(dueMs);
      else idle.push(this);
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Sends what is due, as long as a connection is free. */
async function atRate(): Promise<void> {
  while (begun < total) {
    const nowMs = performance.now();
    for (let dueMs = startedMs + begun * everyMs; begun < total && dueMs <= nowMs; ) {
      const line = idle.pop();
      if (line === undefined) break;
      lateMs.push(nowMs - dueMs);
      line.send(undefined);
      dueMs = startedMs + begun * everyMs;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function percentile(values: Float64Array, share: number): number {
  return Number((values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0).toFixed(3));
}

/** Rejects where nothing listens: a generator that fails all of its requests would only look fast. */
await new Promise<void>((resolve, reject) => {
  const probe = connect({ port: Number(port), host: "127.0.0.1" }, () => {
    probe.destroy();
    resolve();
  });
  probe.once("error", reject);
});
const lines = Array.from({ length: Math.min(Number(connections), total) }, () => new Line());
const cpu = process.cpuUsage();
startedMs = performance.now();
if (everyMs === 0) for (const line of lines) line.send(undefined);
else {
  idle.push(...lines);
  await atRate();
}
await finished;
const seconds = (performance.now() - startedMs) / 1000;
const { user, system } = process.cpuUsage(cpu);
latenciesMs.sort();
const late = Float64Array.from(lateMs).sort();
process.stdout.write(
  `${JSON.stringify({
    count: total,
    failed: [...failures.values()].reduce((sum, count) => sum + count, 0),
    failures: Object.fromEntries(failures),
    startedMs: performance.timeOrigin + startedMs,
    seconds: Number(seconds.toFixed(3)),
    perSecond: Math.round(total / seconds),
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    maxMs: percentile(latenciesMs, 1),
    lateP99Ms: percentile(late, 0.99),
    cpuMs: Number(((user + system) / 1000 / total).toFixed(4)),
  })}\n`,
);
for (const line of lines) line.close();
