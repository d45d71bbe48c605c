import { describe, expect, it } from "vitest";
import { namesProxy, proxyFor, proxyPasswords } from "./proxy.ts";

const through = { HTTPS_PROXY: "http://proxy.corp:3128", HTTP_PROXY: "http://plain.corp:3128" };
const way = (url: string, env: Record<string, string> = through): string =>
  proxyFor(new URL(url), env)?.origin ?? "straight";

describe("which proxy", () => {
  it("follows the scheme of the URL", () => {
    expect(way("https://api.example/x")).toBe("http://proxy.corp:3128");
    expect(way("http://api.example/x")).toBe("http://plain.corp:3128");
    expect(way("http://api.example/x", { HTTPS_PROXY: "http://p:1" })).toBe("straight");
    expect(way("https://api.example/x", {})).toBe("straight");
  });

  it("takes upper case before lower case, and an empty one for none", () => {
    expect(way("http://a.example", { http_proxy: "http://low:1" })).toBe("http://low:1");
    expect(way("http://a.example", { HTTP_PROXY: "http://up:1", http_proxy: "http://low:1" })).toBe("http://up:1");
    expect(way("http://a.example", { HTTP_PROXY: "", http_proxy: "http://low:1" })).toBe("http://low:1");
  });

  it("is never asked for this machine", () => {
    for (const host of ["localhost", "127.0.0.1", "127.8.9.10", "[::1]", "[::ffff:127.0.0.1]"])
      expect(way(`http://${host}:8080`)).toBe("straight");
    // as Go: only this very name
    expect(way("http://x.localhost")).toBe("http://plain.corp:3128");
  });

  // the answers of golang.org/x/net/http/httpproxy, but for `[fd12::1]` without a port, which Go takes for a name
  it.each([
    ["example.com", "http://example.com", true],
    ["example.com", "http://api.example.com", true],
    ["example.com", "http://notexample.com", false],
    [".example.com", "http://api.example.com", true],
    [".example.com", "http://example.com", false],
    ["*.example.com", "http://api.example.com", true],
    ["*.example.com", "http://example.com", false],
    ["EXAMPLE.com", "http://Example.COM", true],
    ["example.com:8080", "http://example.com:8080", true],
    ["example.com:8080", "http://example.com", false],
    ["example.com:80", "http://example.com", true],
    ["example.com:443", "https://example.com", true],
    [" a.example , b.example ", "http://b.example", true],
    ["*", "https://example.com", true],
    ["a.example,*", "https://example.com", true],
    ["10.1.2.3", "http://10.1.2.3", true],
    ["10.1.2.3:81", "http://10.1.2.3:81", true],
    ["10.1.2.3:81", "http://10.1.2.3:82", false],
    ["10.0.0.0/8", "http://10.200.0.1:9000", true],
    ["10.0.0.0/8", "http://11.0.0.1", false],
    ["10.0.0.0/8", "http://10.example.com", false],
    ["10.0.0.0/99", "http://10.0.0.1", false],
    ["fd00::/8", "http://[fd12::1]", true],
    ["fd00::/8", "http://[fe80::1]", false],
    ["fd12::1", "http://[fd12::1]", true],
    ["[fd12::1]", "http://[fd12::1]", true],
    ["[fd12::1]:80", "http://[fd12::1]", true],
    ["[fd12::1]:81", "http://[fd12::1]", false],
    ["fd12:0:0::1", "http://[fd12::1]", true],
    ["10.1.2.3", "http://[::ffff:10.1.2.3]", true],
    ["0.0.1", "http://10.0.0.1", false],
    ["bücher.example", "http://bücher.example", true],
    [",,:80,", "http://example.com", false],
    ["example.com:", "http://example.com:99", true],
  ])("NO_PROXY %j covers %s: %s", (NO_PROXY, url, covered) => {
    expect(way(url, { ...through, NO_PROXY })).toBe(covered ? "straight" : way(url));
    expect(way(url, { ...through, no_proxy: NO_PROXY })).toBe(covered ? "straight" : way(url));
  });
});

describe("the proxy's URL", () => {
  const parsed = (HTTP_PROXY: string) => proxyFor(new URL("http://a.example"), { HTTP_PROXY });

  it("may come without a scheme", () => {
    expect(parsed("proxy.corp:3128")).toMatchObject({ hostname: "proxy.corp", port: 3128, secure: false });
    expect(parsed("10.0.0.7:3128")?.origin).toBe("http://10.0.0.7:3128");
    expect(parsed("proxy.corp")).toMatchObject({ port: 80 });
    expect(parsed("https://proxy.corp")).toMatchObject({ port: 443, secure: true });
    expect(parsed("http://[fd00::7]:3128")).toMatchObject({ hostname: "fd00::7", port: 3128 });
  });

  it("gives its credentials decoded, and shows none", () => {
    const proxy = parsed("http://ada:p%40ss%3Aword@proxy.corp:3128");
    expect(proxy?.authorization).toBe(`Basic ${Buffer.from("ada:p@ss:word").toString("base64")}`);
    expect(proxy?.origin).toBe("http://proxy.corp:3128");
    expect(proxyPasswords({ https_proxy: "http://ada:p%40ss@p:1" })).toEqual(["p%40ss", "p@ss"]);
    expect(proxyPasswords({ HTTP_PROXY: "http://ada@p:1", HTTPS_PROXY: "::" })).toEqual([]);
  });

  it.each([
    "socks5://ada:s3cret@proxy.corp:1080",
    "ftp://ada:s3cret@proxy.corp",
    "http://ada:s3cret%zz@proxy.corp",
    "http://ada:s3cret@:::",
  ])("is refused by a sentence without secrets: %s", (url) => {
    expect(() => parsed(url)).toThrow(expect.objectContaining({ code: "PROXY_INVALID" }));
    expect(() => parsed(url)).not.toThrow(/s3cret/);
  });

  it("counts when there is one", () => {
    expect(namesProxy({})).toBe(false);
    expect(namesProxy({ NO_PROXY: "*" })).toBe(false);
    expect(namesProxy({ https_proxy: "http://p:1" })).toBe(true);
  });
});
