import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAddress } from "./egress-address.ts";
import { type AllowRule, hostName, isAllowed, parseAllow } from "./egress-rules.ts";

function rule(text: string): AllowRule {
  const read = parseAllow(text);
  if ("problem" in read) throw new Error(read.problem);
  return read;
}

function allows(
  text: string,
  host: string,
  options: { port?: number; address?: string; whole?: boolean } = {},
): boolean {
  const address = parseAddress(options.address ?? host);
  const place = { host: hostName(host), port: options.port ?? 443, ...(address === undefined ? {} : { address }) };
  return isAllowed([rule(text)], place, options.whole);
}

describe("an entry of an allow-list", () => {
  it.each([
    ["api.example.com", "api.example.com", true],
    ["api.example.com", "API.Example.com.", true],
    ["api.example.com", "x.api.example.com", false],
    ["api.example.com", "api.example.com.evil.test", false],
    ["*.example.com", "a.example.com", true],
    ["*.example.com", "a.b.example.com", true],
    ["*.example.com", "example.com", false],
    ["*.example.com", "evilexample.com", false],
    ["*", "anything.test", true],
    ["*", "8.8.8.8", false],
    ["bücher.example", "xn--bcher-kva.example", true],
    ["10.0.0.0/8", "10.200.1.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["10.0.0.0/8", "::ffff:10.0.0.1", true],
    ["10.0.0.1", "10.0.0.1", true],
    ["0x0a000001", "10.0.0.1", true],
    ["fd00::/8", "fd12::1", true],
    ["[fd00::1]", "fd00::1", true],
    ["fd00::1", "fd00::2", false],
  ])("%s stands for %s: %s", (text, host, yes) => expect(allows(text, host)).toBe(yes));

  it("stands for one port where it has one", () => {
    for (const [text, host] of [
      ["a.test:8080", "a.test"],
      ["*.test:8080", "a.test"],
      ["*:8080", "a.test"],
      ["10.0.0.0/8:8080", "10.1.1.1"],
      ["[fd00::/8]:8080", "fd00::1"],
    ] as const) {
      expect(allows(text, host, { port: 8080 }), text).toBe(true);
      expect(allows(text, host, { port: 8081 }), text).toBe(false);
    }
  });

  it("by address stands for names that lead there, once that is known", () => {
    expect(allows("10.0.0.0/8", "a.test", { address: "10.1.1.1" })).toBe(true);
    expect(allows("10.0.0.0/8", "a.test")).toBe(false);
  });

  it("with a star stands for nothing that has to be written out", () => {
    expect(allows("*.test", "a.test", { whole: true })).toBe(false);
    expect(allows("*", "a.test", { whole: true })).toBe(false);
    expect(allows("a.test", "a.test", { whole: true })).toBe(true);
    expect(allows("10.0.0.0/8", "a.test", { address: "10.1.1.1", whole: true })).toBe(true);
  });

  it.each([
    "",
    "https://a.test",
    "a.test/path",
    "a b",
    "user@a.test",
    "a.*.test",
    "*a.test",
    "a.test:0",
    "a.test:65536",
    "10.0.0.0/33",
    "-a.test",
    "a..test",
    "x".repeat(400),
  ])("that is %j is none, and the message shows it", (text) => {
    const read = parseAllow(text);
    expect(read).toHaveProperty("problem");
    expect("problem" in read && read.problem).toContain(JSON.stringify(text.slice(0, 100)));
  });

  it("is read without a throw, whatever it is", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseAllow(text)));
    fc.assert(fc.property(fc.stringMatching(/^[a-z0-9.*:/[\]_-]{0,60}$/), (text) => void parseAllow(text)));
  });
});
