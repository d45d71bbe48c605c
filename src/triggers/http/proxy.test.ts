import nodeTls from "node:tls";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type Identity, makeIdentity } from "../../../examples/stand-in/certificate.ts";
import { type ProxyOptions, startProxy, type TestProxy } from "../../../test/servers/proxy.ts";
import { http } from "../http.ts";
import { trial } from "../trial.ts";
import { failure, fireOnce, header, trialTargets, turn } from "./trial-targets.ts";

const { target, secureTarget, close } = trialTargets();
afterEach(async () => {
  vi.unstubAllEnvs();
  await close();
});

async function proxied(options: ProxyOptions = {}): Promise<TestProxy> {
  const proxy = await startProxy(options);
  vi.stubEnv("HTTP_PROXY", proxy.url);
  vi.stubEnv("HTTPS_PROXY", proxy.url);
  vi.stubEnv("NO_PROXY", "");
  return proxy;
}

/** The same address under a name that only the proxy knows. */
const named = (url: string): string => url.replace(/127\.0\.0\.1|localhost/, "api.test");

describe("a target over TLS, behind a proxy", () => {
  let server: Identity;
  const tls = { caCertSecret: { name: "tls", key: "ca" } };
  const pem = ({ privateKey }: Identity) => privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const secrets = () => ({ secrets: { "tls/ca": server.certificate } });

  beforeAll(async () => {
    server = await makeIdentity("api.test", new Date());
  });

  const secured = async () => {
    const { url, seen } = await secureTarget({ key: pem(server), cert: server.certificate });
    return { url: named(url), seen };
  };

  it("is reached through a tunnel, which is kept, and its own certificate counts", async () => {
    await using proxy = await proxied();
    const { url, seen } = await secured();
    await using one = await trial(http, { url, tls }, secrets());
    expect(await one.fire()).toMatchObject({ status: 200 });
    await turn();
    expect(await one.fire()).toMatchObject({ status: 200 });
    expect(seen).toHaveLength(2);
    expect(header(seen[0], "Host") ?? header(seen[0], "host")).toBe(new URL(url).host);
    expect(seen[0]?.headers.join()).not.toMatch(/proxy/i);
    expect(proxy.asked).toEqual([{ method: "CONNECT", target: new URL(url).host, authorization: undefined }]);
  });

  it("is refused when its certificate is for another name", async () => {
    await using _ = await proxied();
    const { url } = await secured();
    const other = url.replace("api.test", "other.test");
    expect(await failure(fireOnce({ url: other, tls }, {}, secrets()))).toMatchObject({ code: "TARGET_TLS" });
  });

  it("is refused when nobody vouches for it", async () => {
    await using _ = await proxied();
    const { url, seen } = await secured();
    expect(await failure(fireOnce({ url }))).toMatchObject({ code: "TARGET_TLS" });
    expect(seen).toHaveLength(0);
  });

  it("is reached with the proxy's credentials, which the target does not see", async () => {
    await using proxy = await proxied({ credentials: "ada:p@ss:word" });
    const { url, seen } = await secured();
    vi.stubEnv("HTTPS_PROXY", proxy.url.replace("ada:p%40ss:word", "ada:p%40ss%3Aword"));
    expect(await fireOnce({ url, tls }, {}, secrets())).toMatchObject({ status: 200 });
    expect(proxy.asked[0]?.authorization).toBe(`Basic ${Buffer.from("ada:p@ss:word").toString("base64")}`);
    expect(seen[0]?.headers.join()).not.toMatch(/proxy/i);
  });

  it("counts as not reached when the proxy refuses, and no password is said", async () => {
    await using proxy = await proxied({ credentials: "ada:right" });
    vi.stubEnv("HTTPS_PROXY", proxy.url.replace("right", "wr0ng"));
    const { url, seen } = await secured();
    const fault = await failure(fireOnce({ url, tls }, {}, secrets()));
    expect(fault).toMatchObject({ code: "TARGET_UNREACHABLE" });
    expect(fault.message).toMatch(/the proxy http:\/\/127\.0\.0\.1:\d+ gives no way to api\.test:\d+: it answered 407/);
    expect(fault.message).not.toMatch(/wr0ng|ada/);
    expect(seen).toHaveLength(0);
  });

  it.each([
    ["502 Bad Gateway", /it answered 502 Bad Gateway/],
    ["204 Nothing", /it answered 204 Nothing/],
  ])("counts as not reached when the proxy answers %s", async (refuse, said) => {
    await using _ = await proxied({ refuse });
    const { url } = await secured();
    const fault = await failure(fireOnce({ url, tls }, {}, secrets()));
    expect(fault).toMatchObject({ code: "TARGET_UNREACHABLE", message: expect.stringMatching(said) });
  });

  it("counts as not reached when there is no proxy", async () => {
    const gone = await freeAddress();
    vi.stubEnv("HTTPS_PROXY", gone);
    const { url } = await secured();
    const fault = await failure(fireOnce({ url, tls }, {}, secrets()));
    expect(fault).toMatchObject({ code: "TARGET_UNREACHABLE", message: expect.stringContaining("ECONNREFUSED") });
  });

  it("is reached straight where NO_PROXY has it", async () => {
    await using proxy = await proxied();
    vi.stubEnv("NO_PROXY", "example.com,.test");
    const { url, seen } = await secured();
    // nobody but the proxy knows the name
    expect(await failure(fireOnce({ url, tls }, {}, secrets()))).toMatchObject({ code: "TARGET_UNREACHABLE" });
    expect([proxy.asked, seen]).toEqual([[], []]);
  });

  it("never asks the proxy for this machine", async () => {
    await using proxy = await proxied();
    const { url, seen } = await target();
    expect(await fireOnce({ url: url.replace("127.0.0.1", "localhost") })).toMatchObject({ status: 200 });
    expect([proxy.asked.length, seen.length]).toEqual([0, 1]);
  });

  it("is reached through a proxy that speaks TLS itself, whose own certificate counts too", async () => {
    const own = await makeIdentity("localhost", new Date());
    const { url } = await secured();
    const plain = await target();
    await using proxy = await proxied({ secure: { key: pem(own), cert: own.certificate } });
    for (const name of ["HTTPS_PROXY", "HTTP_PROXY"]) vi.stubEnv(name, proxy.url.replace("127.0.0.1", "localhost"));
    const fault = await failure(fireOnce({ url, tls }, {}, secrets()));
    expect(fault).toMatchObject({ code: "TARGET_UNREACHABLE", message: expect.stringContaining("self-signed") });
    const before = nodeTls.getCACertificates("default");
    nodeTls.setDefaultCACertificates([...before, own.certificate]);
    try {
      expect(await fireOnce({ url, tls }, {}, secrets())).toMatchObject({ status: 200 });
      expect(await fireOnce({ url: named(plain.url) })).toMatchObject({ status: 200 });
    } finally {
      nodeTls.setDefaultCACertificates(before);
    }
    expect(proxy.asked.map(({ method }) => method)).toEqual(["CONNECT", "POST"]);
  });

  it("says what is wrong with a proxy of another kind", async () => {
    vi.stubEnv("HTTPS_PROXY", "socks5://ada:s3cret@proxy.corp:1080");
    const { url } = await secured();
    const fault = await failure(fireOnce({ url, tls }, {}, secrets()));
    expect(fault).toMatchObject({ code: "PROXY_INVALID" });
    expect(fault.message).not.toContain("s3cret");
  });
});

describe("a plain target, behind a proxy", () => {
  it("is named by its whole URL, and is sent the same", async () => {
    await using proxy = await proxied({ credentials: "ada:pw" });
    const { url, host, seen } = await target();
    const address = named(`${url}/a/b?x=%20y`);
    await using one = await trial(http, { url: address, method: "POST", headers: { "X-Own": "1" } });
    expect(await one.fire({ payload: Buffer.from("body") })).toMatchObject({ status: 200 });
    expect(proxy.asked).toEqual([
      { method: "POST", target: address, authorization: `Basic ${Buffer.from("ada:pw").toString("base64")}` },
    ]);
    expect(seen).toMatchObject([{ method: "POST", url: "/a/b?x=%20y", body: "body" }]);
    expect(header(seen[0], "host")).toBe(named(host));
    expect(header(seen[0], "x-own")).toBe("1");
  });

  it("keeps the Host header that the manifest gives", async () => {
    await using _ = await proxied();
    const { url, seen } = await target();
    expect(await fireOnce({ url: named(url), host: "shop.example" })).toMatchObject({ status: 200 });
    expect(header(seen[0], "host")).toBe("shop.example");
  });

  it("may lead to another place, which is reached through the proxy as well", async () => {
    await using proxy = await proxied();
    const there = await target();
    const here = await target((_, response) => response.writeHead(307, { location: named(there.url) }).end());
    // the first is this machine itself: straight
    expect(await fireOnce({ url: here.url })).toMatchObject({ status: 200 });
    expect(proxy.asked.map(({ target }) => target)).toEqual([`${named(there.url)}/`]);
    expect(there.seen).toHaveLength(1);
  });
});

/** An address where nobody listens any more. */
async function freeAddress(): Promise<string> {
  await using proxy = await startProxy();
  return proxy.url;
}
