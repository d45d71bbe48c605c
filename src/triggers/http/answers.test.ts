import { afterEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { http } from "../http.ts";
import { trial } from "../trial.ts";
import { failure, fireOnce, header, jsonBody, payload, trialTargets, turn } from "./trial-targets.ts";

const { target, tcp, close } = trialTargets();
afterEach(close);

describe("redirects", () => {
  it.each([301, 302, 303])("%i makes a GET without body and without its headers", async (status) => {
    const { url, seen } = await target((request, response) => {
      if (request.url === "/old") response.writeHead(status, { Location: "/new" });
      response.end("done");
    });
    const outcome = await fireOnce({ url: `${url}/old`, payload, headers: { "X-A": "1" } }, { payload: jsonBody });
    expect(outcome).toMatchObject({ status: 200, body: "done" });
    expect(seen[1]).toMatchObject({ method: "GET", url: "/new", body: "" });
    expect(header(seen[1], "Content-Type")).toBeUndefined();
    expect(header(seen[1], "X-A")).toBe("1");
    expect(header(seen[1], "Referer")).toBe(`${url}/old`);
    expect(header(seen[1], "Idempotency-Key")).toBe("f".repeat(32));
  });

  it.each([307, 308])("%i keeps method and body", async (status) => {
    const { url, seen } = await target((request, response) => {
      if (request.url === "/old") response.writeHead(status, { Location: "/new" });
      response.end();
    });
    await fireOnce({ url: `${url}/old`, method: "PATCH", payload }, { payload: jsonBody });
    expect(seen[1]).toMatchObject({ method: "PATCH", url: "/new", body: '{"a":1}' });
    expect(header(seen[1], "Content-Type")).toBe("application/json");
  });

  it("to another host go without Authorization and Cookie, and the way back too", async () => {
    const home = await target((request, response) => {
      if (request.url === "/old")
        response.writeHead(307, { Location: `http://localhost:${away.url.split(":")[2]}/away` });
      response.end();
    });
    const away = await target((_, response) => response.writeHead(307, { Location: `${home.url}/back` }).end());
    await fireOnce({ url: `${home.url}/old`, headers: { Authorization: "secret", Cookie: "c", "X-A": "1" } });
    expect(header(home.seen[0], "Authorization")).toBe("secret");
    for (const seen of [away.seen[0], home.seen[1]]) {
      expect(seen).toBeDefined();
      expect(header(seen, "Authorization")).toBeUndefined();
      expect(header(seen, "Cookie")).toBeUndefined();
      expect(header(seen, "X-A")).toBe("1");
    }
  });

  it("stop after ten requests", async () => {
    const { url, seen } = await target((_, response) => response.writeHead(302, { Location: "/again" }).end());
    expect(await failure(fireOnce({ url }))).toMatchObject({ code: "TARGET_REDIRECTS" });
    expect(seen).toHaveLength(10);
  });

  it("without Location are the answer; to another scheme they fail", async () => {
    const plain = await target((_, response) => response.writeHead(302).end("here"));
    expect(await fireOnce({ url: plain.url })).toMatchObject({ status: 302, body: "here" });
    const odd = await target((_, response) => response.writeHead(302, { Location: "file:///etc/passwd" }).end());
    expect(await failure(fireOnce({ url: odd.url }))).toMatchObject({ code: "TARGET_REDIRECTS" });
  });
});

describe("answers", () => {
  it("with any status are returned, not judged", async () => {
    const { url } = await target((_, response) => response.writeHead(503).end("later"));
    expect(await fireOnce({ url })).toEqual({ status: 503, said: "503 Service Unavailable", body: "later" });
  });

  it.each([
    ["7", 7000],
    ["Mon, 05 Jan 2026 09:00:30 GMT", 30_000],
    ["Mon, 05 Jan 2026 08:00:00 GMT", 0],
    ["soon", undefined],
    ["-1", undefined],
  ])("say with Retry-After %j when to come again", async (value, pauseMs) => {
    const { url } = await target((_, response) => response.writeHead(429, { "Retry-After": value }).end());
    const outcome = await fireOnce({ url }, {}, { clock: new VirtualClock(Date.UTC(2026, 0, 5, 9, 0, 0)) });
    expect(outcome.retryAfterMs).toBe(pauseMs);
  });

  it("without end are cut, and the status counts", async () => {
    let closed = false;
    const { url } = await target((_, response) => {
      response.on("close", () => (closed = true));
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    });
    const outcome = await fireOnce({ url });
    expect(outcome).toMatchObject({ status: 200, body: "x".repeat(4096) });
    await expect.poll(() => closed).toBe(true);
  });

  it("whose body breaks off or stalls count by their status", async () => {
    const broken = await target((_, response) => {
      response.writeHead(201, { "Content-Length": 100 });
      response.write("half", () => response.destroy());
    });
    expect(await fireOnce({ url: broken.url })).toMatchObject({ status: 201 });
    const stalled = await target((_, response) => void response.writeHead(202).write("first"));
    expect(await fireOnce({ url: stalled.url, timeout: 1 })).toMatchObject({ status: 202, body: "first" });
  });

  it("cut inside a character keep whole characters only", async () => {
    const { url } = await target((_, response) => response.end(`a${"ß".repeat(4000)}`));
    expect((await fireOnce({ url })).body).toBe(`a${"ß".repeat(2047)}`);
  });

  it("after an interim answer are the final ones", async () => {
    const { url } = await target((_, response) => {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.writeHead(204).end();
    });
    expect(await fireOnce({ url })).toMatchObject({ status: 204 });
  });
});

describe("failures", () => {
  it("to connect, or to find the name, are TARGET_UNREACHABLE", async () => {
    const url = await tcp(() => undefined);
    await close();
    expect(await failure(fireOnce({ url }))).toMatchObject({ code: "TARGET_UNREACHABLE", retry: "backoff" });
    const unknown = await failure(fireOnce({ url: "http://nowhere.invalid/" }));
    expect(unknown.code).toBe("TARGET_UNREACHABLE");
  });

  it("to answer in time are TARGET_TIMEOUT, and close the connection", async () => {
    const closed = Promise.withResolvers<void>();
    const url = await tcp((socket) => socket.on("close", () => closed.resolve()).resume());
    const error = await failure(fireOnce({ url, timeout: 1 }));
    expect(error).toMatchObject({ code: "TARGET_TIMEOUT", retry: "backoff" });
    expect(error.message).toContain("no answer within 1.0 s");
    await closed.promise;
  });

  it("of a fresh connection are TARGET_RESET, and are not sent twice", async () => {
    let requests = 0;
    const url = await tcp((socket) =>
      socket.on("data", () => {
        requests++;
        socket.resetAndDestroy();
      }),
    );
    expect(await failure(fireOnce({ url }))).toMatchObject({ code: "TARGET_RESET" });
    expect(requests).toBe(1);
    const quiet = await tcp((socket) =>
      socket.on("data", () => {
        requests++;
        socket.end();
      }),
    );
    expect(await failure(fireOnce({ url: quiet }))).toMatchObject({ code: "TARGET_RESET" });
    expect(requests).toBe(2);
  });

  it.each(["reset", "end"] as const)(
    "of a connection that had served before (%s) are sent again at once",
    async (how) => {
      let served = 0;
      let connections = 0;
      const url = await tcp((socket, nth) => {
        let here = 0;
        connections = nth;
        socket.on("data", () => {
          if (nth === 1 && ++here === 2) return void (how === "reset" ? socket.resetAndDestroy() : socket.end());
          served++;
          socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
      });
      await using one = await trial(http, { url });
      await one.fire();
      await turn();
      expect(await one.fire()).toMatchObject({ status: 200 });
      expect([served, connections]).toEqual([2, 2]);
    },
  );

  it("to speak HTTP are TARGET_PROTOCOL", async () => {
    const url = await tcp((socket) => socket.on("data", () => socket.end("SSH-2.0-OpenSSH_9.6\r\n")));
    expect(await failure(fireOnce({ url }))).toMatchObject({ code: "TARGET_PROTOCOL" });
  });

  it("do not hold up an abort, and a request that waits for its connection is not sent any more", async () => {
    const arrived = Promise.withResolvers<void>();
    const url = await tcp((socket) => socket.on("data", () => arrived.resolve()));
    const stop = new AbortController();
    const reason = new Error("enough");
    const fired = fireOnce({ url }, { signal: stop.signal });
    await arrived.promise;
    stop.abort(reason);
    await expect(fired).rejects.toBe(reason);
    await expect(fireOnce({ url }, { signal: stop.signal })).rejects.toBe(reason);
  });
});
