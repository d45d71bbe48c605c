import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { makeIdentity } from "../../examples/stand-in/certificate.ts";
import { freePort } from "../../test/servers/server.ts";
import { until } from "../../test/until.ts";
import type { Route, WebRequest, WebResponse } from "../kit/webhook.ts";
import { silentLog } from "../lib/log.ts";
import type { ConnectionLimits } from "./connection-limits.ts";
import { createListeners } from "./listeners.ts";

let opened: AsyncDisposableStack | undefined;

afterEach(async () => {
  await opened?.disposeAsync();
  opened = undefined;
});

async function start(connections: ConnectionLimits, route: Partial<Route> = {}) {
  const stack = new AsyncDisposableStack();
  opened = stack;
  const port = await freePort();
  const waiting: (() => void)[] = [];
  const handle = async ({ path }: WebRequest): Promise<WebResponse> => {
    if (path === "/wait") await new Promise<void>((resolve) => waiting.push(resolve));
    return { status: 200, body: path };
  };
  const log: string[] = [];
  const listeners = createListeners({
    log: { ...silentLog, warn: (fields: unknown, text?: string) => void log.push(text ?? String(fields)) },
    connections,
    drainTimeoutMs: 100,
  });
  stack.use(listeners);
  for (const path of ["/a", "/wait"]) {
    await listeners.route({ port, path, maxBytes: 1_000, owner: "test", ...route }, handle);
  }
  /** A connection that has sent `text` and what came back on it. */
  const open = async (text: string, localAddress = "127.0.0.1"): Promise<Held> => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    stack.defer(() => void socket.destroy());
    return hold(socket, text);
  };
  const status = async (agent: Agent | false = false, localAddress = "127.0.0.1"): Promise<number> => {
    const call = httpRequest({ port, host: "127.0.0.1", path: "/a", agent, localAddress });
    const [answer] = await once(call.end(), "response");
    answer.resume();
    await once(answer, "end");
    return answer.statusCode;
  };
  return { stack, port, open, status, waiting, log };
}

interface Held {
  readonly socket: Socket;
  answer: string;
  closed: boolean;
}

async function hold(socket: Socket, text: string, event = "connect"): Promise<Held> {
  const held: Held = { socket, answer: "", closed: false };
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => (held.answer += chunk.toString()));
  socket.once("close", () => (held.closed = true));
  await once(socket, event);
  if (text !== "") socket.write(text);
  return held;
}

const header = "POST /a HTTP/1.1\r\nHost: a\r\nX-Slow: ";
const body = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";
const whole = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const waits = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";

describe("too many connections", () => {
  test("cost the oldest unfinished header or body its place, and honest senders are served", async () => {
    const { open, status, log } = await start({ most: 4, mostPerAddress: 4 });
    const slow: Held[] = [];
    for (const text of [header, body, "", header]) slow.push(await open(text));
    expect(slow.map(({ closed }) => closed)).toEqual([false, false, false, false]);
    for (const one of [...slow]) {
      expect(await status()).toBe(200);
      await until("the oldest is closed", () => one.closed);
      expect(one.answer).toMatch(/^HTTP\/1\.1 408 /);
      await open(header);
    }
    expect(log).toEqual(["too many connections: the slowest are closed"]);
  });

  test("of one address do not cost another its connections", async () => {
    const { open, status } = await start({ most: 100, mostPerAddress: 3 });
    const other = await open(header, "127.0.0.3");
    const slow: Held[] = [];
    for (let n = 0; n < 10; n++) slow.push(await open(header, "127.0.0.2"));
    await until("all but the last three are closed", () => slow.filter(({ closed }) => closed).length === 7);
    expect(slow.map(({ closed }) => closed)).toEqual([...Array(7).fill(true), ...Array(3).fill(false)]);
    expect(await status(false, "127.0.0.3")).toBe(200);
    expect(other.closed).toBe(false);
  });

  test("cost what is idle its place after what is unfinished, and what is being answered never", async () => {
    const { open, waiting } = await start({ most: 3, mostPerAddress: 3 });
    const idle = await open(whole);
    await until("it is answered", () => idle.answer.includes("200 OK"));
    const busy = await open(waits);
    await until("it is being answered", () => waiting.length === 1);
    const unfinished = await open(header);
    const second = await open(waits);
    await until("the unfinished one is closed", () => unfinished.closed);
    await until("it is being answered", () => waiting.length === 2);
    expect(idle.closed).toBe(false);
    const third = await open(waits);
    await until("the idle one is closed", () => idle.closed);
    await until("it is being answered", () => waiting.length === 3);
    const tooMany = await open(waits);
    await until("the new one is refused", () => tooMany.closed);
    expect(tooMany.answer).toMatch(/^HTTP\/1\.1 503 /);
    for (const resolve of waiting) resolve();
    for (const one of [busy, second, third]) await until("answered", () => one.answer.includes("/wait"));
  });

  test("leave a kept connection that is in use alone", async () => {
    const { stack, open, status } = await start({ most: 5, mostPerAddress: 5 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    stack.defer(() => agent.destroy());
    let sockets = 0;
    const createConnection = agent.createConnection.bind(agent);
    agent.createConnection = (...args) => {
      sockets += 1;
      return createConnection(...args);
    };
    for (let n = 0; n < 30; n++) {
      await open(n % 2 === 0 ? header : body);
      expect(await status(agent)).toBe(200);
    }
    expect(sockets).toBe(1);
  });

  test("are closed under TLS too, also in the middle of a handshake", async () => {
    const { privateKey, certificate: cert } = await makeIdentity("localhost", new Date());
    const tls = { cert, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
    const { stack, port, open } = await start({ most: 2, mostPerAddress: 2 }, { tls });
    const secure = async (text: string): Promise<Held> => {
      const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca: cert });
      stack.defer(() => void socket.destroy());
      return hold(socket, text, "secureConnect");
    };
    const kept = await secure(whole);
    await until("it is answered", () => kept.answer.includes("200 OK"));
    const handshake = await open("");
    const slow = await secure(header);
    await until("the one without a handshake is closed", () => handshake.closed);
    const last = await secure(whole);
    await until("the slow one is closed", () => slow.closed);
    await until("it is answered", () => last.answer.includes("200 OK"));
    expect([kept.closed, last.closed]).toEqual([false, false]);
  });
});

test("a connection that never says anything, and a TLS handshake that never ends, are closed in time", async () => {
  const { privateKey, certificate: cert } = await makeIdentity("localhost", new Date());
  const tls = { cert, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
  await using listeners = createListeners({ log: silentLog, headersTimeoutMs: 200 });
  const sockets: Promise<unknown>[] = [];
  for (const secure of [undefined, tls]) {
    const port = await freePort();
    const route = { port, path: "/a", maxBytes: 10, owner: "test", ...(secure === undefined ? {} : { tls: secure }) };
    await listeners.route(route, async () => ({ status: 200 }));
    const { socket } = await hold(connect(port, "127.0.0.1"), "");
    sockets.push(once(socket, "close"));
  }
  await Promise.all(sockets);
});
