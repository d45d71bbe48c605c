import { afterEach, describe, expect, it } from "vitest";
import { failure, fireOnce, header, jsonBody, payload, trialTargets, turn } from "./http/trial-targets.ts";
import { http } from "./http.ts";
import { trial } from "./trial.ts";

const { target, tcp, close } = trialTargets();
afterEach(close);

describe("what the target sees", () => {
  it("is method, path, query and body byte for byte", async () => {
    const { url, seen } = await target();
    const body = Buffer.from([0x7b, 0x22, 0xff, 0x00, 0x22, 0x7d]);
    await fireOnce({ url: `${url}/a/../b;x=%2f/!()?q=%7e&r=a b#part`, method: "PUT" }, { payload: body });
    expect(seen[0]).toMatchObject({ method: "PUT", url: "/a/../b;x=%2f/!()?q=%7e&r=a%20b" });
    expect(seen[0]?.body).toBe(body.toString("latin1"));
  });

  it("has non-ASCII of path, query and headers as the UTF-8 that Go writes", async () => {
    let bytes = "";
    const url = await tcp((socket) =>
      socket.on("data", (data) => {
        bytes += data.toString();
        socket.write("HTTP/1.1 204 No Content\r\n\r\n");
      }),
    );
    await fireOnce({ url: `${url}größe "x"?q=größe`, headers: { "X-Name": "größe" } });
    expect(bytes).toMatch(/^POST \/gr%C3%B6%C3%9Fe%20%22x%22\?q=größe HTTP\/1.1\r\n/);
    expect(bytes).toContain("\r\nX-Name: größe\r\n");
  });

  it("is a POST without a body when the manifest says no more than the URL", async () => {
    const { url, seen } = await target();
    const outcome = await fireOnce({ url });
    expect(seen[0]).toMatchObject({ method: "POST", url: "/", body: "" });
    expect(header(seen[0], "content-length")).toBe("0");
    expect(header(seen[0], "Content-Type")).toBeUndefined();
    expect(outcome).toEqual({ status: 200, said: "200 OK", body: "ok" });
  });

  it("has the firing id as Idempotency-Key, unless the manifest has its own", async () => {
    const { url, seen } = await target();
    await fireOnce({ url }, { key: "abc" });
    await fireOnce({ url, headers: { "idempotency-key": "mine" } }, { key: "abc" });
    expect(header(seen[0], "Idempotency-Key")).toBe("abc");
    expect(header(seen[1], "Idempotency-Key")).toBeUndefined();
    expect(header(seen[1], "idempotency-key")).toBe("mine");
  });

  it("hands on the trace of its attempt, unless the manifest has its own", async () => {
    const { url, seen } = await target();
    const traceparent = `00-${"4".repeat(32)}-${"b".repeat(16)}-00`;
    const trace = { context: { traceparent, tracestate: "vendor=1" }, span: () => undefined };
    await fireOnce({ url }, { trace });
    await fireOnce({ url, headers: { TraceParent: "mine" } }, { trace });
    expect([header(seen[0], "traceparent"), header(seen[0], "tracestate")]).toEqual([traceparent, "vendor=1"]);
    expect([header(seen[1], "traceparent"), header(seen[1], "TraceParent")]).toEqual([undefined, "mine"]);
    expect(header(seen[1], "tracestate")).toBeUndefined();
  });

  it.each([
    ["application/json", payload, '{"a":1}'],
    ["application/json", [{ ...payload[0], dest: "" }], "[1, 2]"],
    ["application/json", [{ ...payload[0], dest: "" }], "12"],
    ["text/plain; charset=utf-8", [{ ...payload[0], dest: "" }], "{{ hello }}"],
    ["text/plain; charset=utf-8", [{ ...payload[0], dest: "" }], "hello"],
    ["application/octet-stream", [{ ...payload[0], dest: "" }], Buffer.from([0x80, 0x81])],
  ])("has Content-Type %s where none is given", async (type, parameters, body) => {
    const { url, seen } = await target();
    await fireOnce({ url, payload: parameters }, { payload: Buffer.from(body) });
    expect(header(seen[0], "Content-Type")).toBe(type);
  });

  it("has the manifest's Content-Type in the manifest's case", async () => {
    const { url, seen } = await target();
    await fireOnce({ url, payload, headers: { "content-TYPE": "text/x" } }, { payload: jsonBody });
    expect(header(seen[0], "content-TYPE")).toBe("text/x");
    expect(header(seen[0], "Content-Type")).toBeUndefined();
  });

  it("has headers with verbatim names, and the later of headers, dynamicHeaders, secureHeaders and basicAuth", async () => {
    const { url, seen } = await target();
    await fireOnce(
      {
        url,
        headers: { "x-ONE": " 1 ", "X-Two": "1", "X-Three": "1", Authorization: "1" },
        dynamicHeaders: [{ src: { dependencyName: "d", dataKey: "a" }, dest: "X-Two" }],
        secureHeaders: [
          { name: "X-Three", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
          { name: "X-Four", valueFrom: { configMapKeyRef: { name: "c", key: "k" } } },
        ],
        basicAuth: { username: { name: "s", key: "user" }, password: { name: "s", key: "k" } },
      },
      {
        payload: jsonBody,
        resolve: (list: readonly { dest: string }[]) => new Map(list.map(({ dest }) => [dest, "2"])),
      },
      { secrets: { "s/k": "3", "c/k": "4", "s/user": "ann" } },
    );
    expect(header(seen[0], "x-ONE")).toBe("1");
    expect(header(seen[0], "X-Two")).toBe("2");
    expect(header(seen[0], "X-Three")).toBe("3");
    expect(header(seen[0], "X-Four")).toBe("4");
    expect(header(seen[0], "Authorization")).toBe(`Basic ${Buffer.from("ann:3").toString("base64")}`);
    expect(seen[0]?.headers.filter((name) => name === "Authorization")).toHaveLength(1);
  });

  it("has the Host of `host`, and user and password of the URL", async () => {
    const { host, seen } = await target();
    await fireOnce({ url: `http://ann:s%20t@${host}/x`, host: "shop.example" });
    expect(header(seen[0], "host")).toBe("shop.example");
    expect(header(seen[0], "Authorization")).toBe(`Basic ${Buffer.from("ann:s t").toString("base64")}`);
  });

  it("has a body also with GET, as upstream", async () => {
    const { url, seen } = await target();
    await fireOnce({ url, method: "GET", payload }, { payload: jsonBody });
    expect(seen[0]).toMatchObject({ method: "GET", body: '{"a":1}' });
  });

  it("comes over one connection, firing after firing, also when answers are large", async () => {
    const { url, seen } = await target((_, response) => response.end("x".repeat(100_000)));
    await using one = await trial(http, { url });
    for (let i = 0; i < 5; i++) {
      expect((await one.fire()).body).toHaveLength(4096);
      await turn();
    }
    expect(new Set(seen.map(({ socket }) => socket)).size).toBe(1);
  });
});

describe("what cannot be a request", () => {
  it.each([
    ["ftp://x/", "must begin with http"],
    ["http://", "host cannot be read"],
    ["http://x:99999/", "host cannot be read"],
    ["http://x\\y/", "host cannot be read"],
    ["http://x/%zz", "no escape"],
    ["http://x/\nHost: y", "control characters"],
    ["", "no url"],
  ])("%j is refused for good, with the reason", async (url, reason) => {
    await using one = await trial(http, { url: "http://127.0.0.1:1/" });
    const error = await failure(one.fire({ config: { url } as never }));
    expect(error).toMatchObject({ code: "REQUEST_INVALID", retry: "never" });
    expect(error.message).toContain(reason);
  });

  it("a setting that a parameter made into something else is refused, and named", async () => {
    await using one = await trial(http, { url: "http://127.0.0.1:1/" });
    for (const config of [{ url: 5 }, { url: "http://127.0.0.1:1/", headers: { "X-A": 1 } }]) {
      const error = await failure(one.fire({ config: config as never }));
      expect(error).toMatchObject({
        code: "REQUEST_INVALID",
        message: expect.stringMatching(/^http\.(url|headers\.X-A): /),
      });
    }
    expect(http.connectionKey?.({ url: 5 } as never)).toBe("5 null");
  });

  it("a header that would split the request is refused, and its value is not told", async () => {
    const { url, seen } = await target();
    const error = await failure(fireOnce({ url, headers: { "X-A": "secret\r\nX-B: 1" } }));
    expect(error.code).toBe("REQUEST_INVALID");
    expect(error.message).not.toContain("secret");
    expect((await failure(fireOnce({ url, headers: { "X A": "1" } }))).code).toBe("REQUEST_INVALID");
    expect(seen).toHaveLength(0);
  });

  it("a message does not tell user, password or query of the URL", async () => {
    const error = await failure(fireOnce({ url: "http://ann:hush@x y/p?token=hush" }));
    expect(error.message).not.toContain("hush");
  });
});

describe("lint", () => {
  const codes = (config: object) =>
    [...(http.lint?.(http.config.parse(config)) ?? [])].map(({ code, path }) => [code, path]);

  it("finds what cannot work, and what has no effect", () => {
    expect(codes({})).toEqual([["FIELD_MISSING", ["url"]]]);
    expect(codes({ url: "x", method: "HEAD", tls: {}, headers: { Host: "x" } })).toEqual([
      ["FIELD_VALUE", ["url"]],
      ["FIELD_VALUE", ["method"]],
      ["FIELD_MISSING", ["tls"]],
      ["HEADER_IGNORED", ["headers", "Host"]],
    ]);
    expect(codes({ url: "https://x", secureHeaders: [{ name: "a" }] })).toEqual([
      ["FIELD_MISSING", ["secureHeaders", 0, "valueFrom"]],
    ]);
  });
});
