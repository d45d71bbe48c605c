import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect, createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { makeIdentity } from "../../examples/stand-in/certificate.ts";
import { freePort } from "../../test/servers/server.ts";
import type { Route, WebRequest, WebResponse } from "../kit/webhook.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { createListeners, type ListenersOptions } from "./listeners.ts";

let opened: AsyncDisposableStack | undefined;

afterEach(async () => {
  await opened?.disposeAsync();
  opened = undefined;
});

/** Listeners on a free port, closed after the test. */
async function start(options: Partial<ListenersOptions> = {}) {
  opened ??= new AsyncDisposableStack();
  const listeners = opened.use(createListeners({ log: silentLog, ...options }));
  const port = await freePort();
  const serve = (
    route: Partial<Route> & { readonly path: string },
    handle: (request: WebRequest) => Promise<WebResponse> = async () => ({ status: 200, body: route.path }),
  ) => listeners.route({ port, maxBytes: 1_000, owner: "test", ...route }, handle);
  return { listeners, port, serve, url: `http://127.0.0.1:${port}` };
}

/** The whole answer to raw bytes. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(text);
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString();
  });
  await once(socket, "close");
  return answer;
}

describe("routing", () => {
  test("finds a route by path and method, and says which methods there are", async () => {
    const { serve, url } = await start();
    await serve({ path: "/a", method: "POST" });
    await serve({ path: "/a", method: "PUT" });
    await serve({ path: "/any" });
    expect(await (await fetch(`${url}/a?x=1`, { method: "POST" })).text()).toBe("/a");
    const wrong = await fetch(`${url}/a`);
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST, PUT"]);
    expect((await fetch(`${url}/b`)).status).toBe(404);
    expect((await fetch(`${url}/a/`, { method: "POST" })).status).toBe(404);
    expect((await fetch(`${url}/any`, { method: "PATCH" })).status).toBe(200);
    expect(await (await fetch(`${url}/health`)).text()).toBe("OK");
  });

  test("matches variables, decoded paths and Go's regular expressions", async () => {
    const { serve, url } = await start();
    await serve({ path: "/shops/{shop}/orders" });
    await serve({ path: "/n/{id:[0-9]+}" });
    await serve({ path: "/ü b" });
    const status = async (path: string) => (await fetch(url + path)).status;
    expect(await status("/shops/7/orders")).toBe(200);
    expect(await status("/shops/a/b/orders")).toBe(404);
    expect(await status("/n/12")).toBe(200);
    expect(await status("/n/x")).toBe(404);
    expect(await status("/%C3%BC%20b")).toBe(200);
    expect(await status("/%zz")).toBe(400);
  });

  test("redirects to the clean path, as gorilla/mux does", async () => {
    const { serve, url } = await start();
    await serve({ path: "/a/b" });
    const answer = await fetch(`${url}//a///b?q=1`, { redirect: "manual" });
    expect([answer.status, answer.headers.get("location")]).toEqual([301, "/a/b?q=1"]);
  });

  test("hands over the request as it came", async () => {
    const { serve, url } = await start();
    let seen: WebRequest | undefined;
    await serve({ path: "/a" }, async (request) => {
      seen = request;
      return { status: 204 };
    });
    await fetch(`${url}/a?b=%20c`, { method: "POST", body: "xyz", headers: { "X-Two": "1" } });
    expect(seen).toMatchObject({ method: "POST", path: "/a", query: "b=%20c", remoteAddress: "127.0.0.1" });
    expect(Buffer.from(seen?.body ?? []).toString()).toBe("xyz");
    expect(seen?.rawHeaders.some((name) => /^x-two$/i.test(name))).toBe(true);
    expect(Math.abs((seen?.receivedUs ?? 0) / 1000 - Date.now())).toBeLessThan(5_000);
  });
});

describe("life", () => {
  test("several routes share a port, which closes with the last of them and opens again", async () => {
    const clock = { nowMs: () => Date.now(), sleep: systemClock.sleep };
    const { listeners, serve, url, port } = await start({ clock });
    const a = await serve({ path: "/a" });
    const b = await serve({ path: "/b" });
    expect(listeners.ports()).toEqual([port]);
    await a[Symbol.asyncDispose]();
    // it may be back in a moment: a sender must not take it for gone
    const missed = await fetch(`${url}/a`);
    expect([missed.status, missed.headers.get("retry-after")]).toEqual([503, "1"]);
    clock.nowMs = () => Date.now() + 31_000;
    expect((await fetch(`${url}/a`)).status).toBe(404);
    expect((await fetch(`${url}/b`)).status).toBe(200);
    await b[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
    expect(listeners.ports()).toEqual([]);
    await expect(fetch(`${url}/b`)).rejects.toThrow();
    await serve({ path: "/c" });
    expect((await fetch(`${url}/c`)).status).toBe(200);
  });

  test("a route that goes and one that comes at the same time do not miss each other", async () => {
    const { serve, url } = await start();
    const a = await serve({ path: "/a" });
    await Promise.all([a[Symbol.asyncDispose](), serve({ path: "/b" })]);
    expect((await fetch(`${url}/b`)).status).toBe(200);
  });

  test("a port with a certificate speaks HTTPS, and only with that certificate", async () => {
    const { serve, port } = await start();
    const { privateKey, certificate: cert } = await makeIdentity("localhost", new Date());
    const tls = { cert, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
    await serve({ path: "/a", tls });
    await serve({ path: "/b", tls });
    const call = httpsRequest({ port, host: "localhost", path: "/b", ca: cert }).end();
    const [answer] = await once(call, "response");
    expect(answer.statusCode).toBe(200);
    answer.resume();
    await expect(serve({ path: "/c" })).rejects.toMatchObject({ code: "ROUTE_INVALID" });
    const other = await start();
    await expect(other.serve({ path: "/a", tls: { cert: "no", key: "pem" } })).rejects.toMatchObject({
      code: "ROUTE_INVALID",
      message: expect.stringContaining("certificate"),
    });
  });

  test("a route that is taken is refused, and names its owner", async () => {
    const { serve } = await start();
    await serve({ path: "/a", method: "POST", owner: "default/shop/orders" });
    await expect(serve({ path: "/a", method: "POST" })).rejects.toMatchObject({
      code: "ROUTE_TAKEN",
      message: expect.stringContaining("default/shop/orders"),
    });
    await expect(serve({ path: "/a" })).rejects.toMatchObject({ code: "ROUTE_TAKEN" });
    await expect(serve({ path: "/health", method: "GET" })).rejects.toMatchObject({ code: "ROUTE_TAKEN" });
    await expect(serve({ path: "/x{" })).rejects.toMatchObject({ code: "ROUTE_INVALID" });
    await expect(serve({ path: "/x{a:(}" })).rejects.toMatchObject({ code: "ROUTE_INVALID" });
    await expect(serve({ path: "/s", tls: { cert: "x", key: "y" } })).rejects.toMatchObject({ code: "ROUTE_INVALID" });
  });

  test("a port that is held by another program is an error that says so, and can be tried again", async () => {
    const { serve, port, url } = await start();
    const rival = createServer().listen(port, "127.0.0.1");
    await once(rival, "listening");
    await expect(serve({ path: "/a" })).rejects.toMatchObject({
      code: "PORT_UNAVAILABLE",
      message: expect.stringContaining(`127.0.0.1:${port} for test: another program listens there`),
    });
    await new Promise((closed) => rival.close(closed));
    await serve({ path: "/a" });
    expect((await fetch(`${url}/a`)).status).toBe(200);
  });

  test("requests in flight are answered before the end", async () => {
    const { listeners, serve, url } = await start();
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    await serve({ path: "/a" }, async () => {
      entered.resolve();
      await leave.promise;
      return { status: 200, body: "late" };
    });
    const answer = fetch(`${url}/a`);
    await entered.promise;
    const closed = listeners.close();
    leave.resolve();
    expect(await (await answer).text()).toBe("late");
    await closed;
    await expect(serve({ path: "/b" })).rejects.toMatchObject({ code: "PORT_UNAVAILABLE" });
  });

  test("what does not end is aborted when the drain is over", async () => {
    const { listeners, serve, url } = await start({ drainTimeoutMs: 20 });
    const entered = Promise.withResolvers<void>();
    await serve({ path: "/a" }, async ({ signal }) => {
      entered.resolve();
      await once(signal, "abort");
      throw signal.reason;
    });
    const answer = fetch(`${url}/a`);
    await entered.promise;
    await listeners.close();
    expect((await answer).status).toBe(503);
  });

  test("a handler hears that its client went away", async () => {
    const { serve, url } = await start();
    const entered = Promise.withResolvers<void>();
    const left = Promise.withResolvers<unknown>();
    await serve({ path: "/a" }, async ({ signal }) => {
      signal.addEventListener("abort", () => left.resolve(signal.reason));
      entered.resolve();
      await left.promise;
      return { status: 200 };
    });
    const client = new AbortController();
    const answer = fetch(`${url}/a`, { signal: client.signal });
    await entered.promise;
    client.abort();
    await expect(answer).rejects.toThrow();
    expect(await left.promise).toMatchObject({ message: "the client went away" });
  });
});

describe("limits", () => {
  test("a body over the limit is 413, declared or not, and is not read on", async () => {
    const { serve, url, port } = await start();
    await serve({ path: "/a", maxBytes: 10 });
    expect((await fetch(`${url}/a`, { method: "POST", body: "0123456789" })).status).toBe(200);
    const large = await fetch(`${url}/a`, { method: "POST", body: "0123456789x" });
    expect([large.status, await large.text()]).toEqual([413, "the body is larger than 10 bytes\n"]);
    const chunks = `b\r\n0123456789x\r\n`;
    const head = "POST /a HTTP/1.1\r\nHost: x\r\n";
    expect(await raw(port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}`)).toMatch(/^HTTP\/1.1 413 /);
    // a client that asks first is told before it sends
    expect(await raw(port, `${head}Expect: 100-continue\r\nContent-Length: 11\r\n\r\n`)).toMatch(/^HTTP\/1.1 413 /);
  });

  test("a client that asks may go on", async () => {
    const { serve, port } = await start();
    await serve({ path: "/a" }, async ({ body }) => ({ status: 200, body }));
    const call = httpRequest({ port, path: "/a", method: "POST", headers: { Expect: "100-continue" } });
    call.flushHeaders();
    await once(call, "continue");
    call.end("hello");
    const [answer] = await once(call, "response");
    expect(answer.statusCode).toBe(200);
    answer.resume();
  });

  test("headers and bodies that do not arrive are 408", async () => {
    const { serve, port } = await start({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    await serve({ path: "/a" });
    expect(await raw(port, "POST /a HTTP/1.1\r\nHost: x\r\n")).toMatch(/^HTTP\/1.1 408 /);
    expect(await raw(port, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")).toMatch(/^HTTP\/1.1 408 /);
  });

  test("a handler that rejects is 503 with Retry-After, and the connection stays good", async () => {
    const { serve, url } = await start();
    await serve({ path: "/a" }, () => Promise.reject(new Error("the bus is down")));
    await serve({ path: "/b" });
    const answer = await fetch(`${url}/a`, { method: "POST", body: "x" });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await answer.text()).not.toContain("the bus is down");
    expect((await fetch(`${url}/b`)).status).toBe(200);
  });

  test("garbage does not end the server", async () => {
    const { serve, port, url } = await start();
    await serve({ path: "/a" });
    expect(await raw(port, "\x16\x03\x01 garbage\r\n\r\n")).toMatch(/^HTTP\/1.1 400 /);
    expect((await fetch(`${url}/a`)).status).toBe(200);
  });
});
