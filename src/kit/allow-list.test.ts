import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allowListOf, neighbourhoodOf, readAddress, readNetwork } from "./allow-list.ts";
import { senderOf } from "./remote-address.ts";

const at = (text: string) => readAddress(text) as NonNullable<ReturnType<typeof readAddress>>;

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::FFFF:c000:0201", "192.0.2.1"],
  ["0:0:0:0:0:ffff:c000:201", "192.0.2.1"],
  ["2001:DB8:0:0::1", "2001:db8::1"],
  ["fe80::1%eth0", "fe80::1"],
  ["::192.0.2.1", "::192.0.2.1"],
])("%s is %s", (written, text) => {
  expect(at(written).text).toBe(text);
});

test.each([
  "",
  "192.0.2",
  "192.0.2.256",
  "010.0.0.1",
  "0x7f.1",
  "2130706433",
  "localhost",
  "2001:db8::1::",
  "1.2.3.4 ",
])("%j is no address", (written) => {
  expect(readAddress(written)).toBeUndefined();
});

test.each([
  ["192.0.2.0/24", ["192.0.2.0", "192.0.2.255", "::ffff:192.0.2.9"], ["192.0.3.0", "192.0.1.255", "::192.0.2.9"]],
  ["192.0.2.7", ["192.0.2.7"], ["192.0.2.6", "192.0.2.8"]],
  ["10.1.2.3/8", ["10.0.0.0", "10.255.255.255"], ["11.0.0.0"]],
  ["0.0.0.0/0", ["1.2.3.4", "::ffff:1.2.3.4"], ["2001:db8::1"]],
  ["::/0", ["2001:db8::1", "::1"], ["1.2.3.4", "::ffff:1.2.3.4"]],
  ["2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "32.1.13.184"]],
  ["2001:db8::/127", ["2001:db8::1"], ["2001:db8::2"]],
  ["::ffff:10.0.0.0/104", ["10.9.9.9"], ["11.0.0.1", "::a00:1"]],
])("%s has its addresses, and no others", (network, inside, outside) => {
  const list = allowListOf(["203.0.113.0/31", network]);
  for (const one of inside) expect([one, list.has(at(one))]).toEqual([one, true]);
  for (const one of outside) expect([one, list.has(at(one))]).toEqual([one, false]);
});

test.each([
  "192.0.2.0/33",
  "192.0.2.0/-1",
  "192.0.2.0/",
  "192.0.2.0/08x",
  "2001:db8::/129",
  "::ffff:10.0.0.0/90",
  "x/8",
])("%s is no network", (written) => {
  expect(readNetwork(written)).toBeUndefined();
  expect(() => allowListOf([written])).toThrow(expect.objectContaining({ code: "FIELD_VALUE" }));
});

test("a network whose address has bits after the prefix is told", () => {
  expect(["10.0.0.0/8", "10.1.0.0/8", "2001:db8::/32", "2001:db8::1/32"].map((one) => readNetwork(one)?.loose)).toEqual(
    [false, true, false, true],
  );
});

test("any address is in its own network of any length, and outside of one that differs in a bit of the prefix", () => {
  const word = fc.integer({ min: 0, max: 0xffff });
  const anything = fc.tuple(fc.array(word, { minLength: 8, maxLength: 8 }), fc.integer({ min: 1, max: 128 }));
  fc.assert(
    fc.property(anything, fc.nat(), ([groups, bits], which) => {
      // 2000::/3, where no address is one of IPv4
      const own = groups.map((group, n) => (n === 0 ? (group & 0x1fff) | 0x2000 : group));
      const text = own.map((group) => group.toString(16)).join(":");
      expect(allowListOf([`${text}/${bits}`]).has(at(text))).toBe(true);
      const flipped = which % bits;
      const other = own.map((group, n) => (n === flipped >> 4 ? group ^ (0x8000 >> (flipped & 15)) : group));
      const otherText = other.map((group) => group.toString(16)).join(":");
      expect(allowListOf([`${otherText}/${bits}`]).has(at(text))).toBe(false);
    }),
  );
});

test("addresses are counted together by address, of IPv6 by /64", () => {
  expect(neighbourhoodOf(at("::ffff:192.0.2.1"))).toBe(neighbourhoodOf(at("192.0.2.1")));
  expect(neighbourhoodOf(at("2001:db8::1"))).toBe(neighbourhoodOf(at("2001:db8:0:0:ffff::9")));
  expect(neighbourhoodOf(at("2001:db8::1"))).not.toBe(neighbourhoodOf(at("2001:db8:0:1::1")));
});

describe("the sender behind proxies", () => {
  const proxies = allowListOf(["10.0.0.0/8", "fd00::/8"]);
  const sender = (remoteAddress: string, ...forwarded: string[]) =>
    senderOf({ remoteAddress, rawHeaders: forwarded.flatMap((value) => ["X-Forwarded-For", value]) }, proxies)?.text;

  test("is the last that is no proxy of ours, whatever stands before it", () => {
    expect(sender("10.0.0.1", "198.51.100.7")).toBe("198.51.100.7");
    expect(sender("10.0.0.1", "127.0.0.1, 198.51.100.7, 10.2.2.2")).toBe("198.51.100.7");
    expect(sender("10.0.0.1", "127.0.0.1", "198.51.100.7", "10.2.2.2")).toBe("198.51.100.7");
    expect(sender("::ffff:10.0.0.1", "::ffff:198.51.100.7")).toBe("198.51.100.7");
    expect(sender("fd00::1", "[2001:db8::7]:443")).toBe("2001:db8::7");
    expect(sender("10.0.0.1", "198.51.100.7:51820")).toBe("198.51.100.7");
  });

  test("is who is connected where that is no proxy, whatever it says", () => {
    expect(sender("198.51.100.7", "10.0.0.1")).toBe("198.51.100.7");
    expect(senderOf({ remoteAddress: "10.0.0.1", rawHeaders: ["X-Forwarded-For", "1.2.3.4"] }, undefined)?.text).toBe(
      "10.0.0.1",
    );
  });

  test("is a proxy itself where nobody is named but proxies", () => {
    expect(sender("10.0.0.1")).toBe("10.0.0.1");
    expect(sender("10.0.0.1", "10.3.3.3, 10.2.2.2")).toBe("10.3.3.3");
  });

  test("is not known where a proxy names no address, or too many", () => {
    for (const value of ["unknown", "", "198.51.100.7,", "_hidden", "198.51.100.7 x", "[198.51.100.7"]) {
      expect([value, sender("10.0.0.1", value)]).toEqual([value, undefined]);
    }
    expect(sender("10.0.0.1", `198.51.100.7, ${"10.0.0.1, ".repeat(100)}10.0.0.1`)).toBeUndefined();
    expect(sender("", "198.51.100.7")).toBeUndefined();
  });

  test("is no crash and no long work for any header", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 60 })), (values) => {
        const found = sender("10.0.0.1", ...values);
        expect(found === undefined || readAddress(found) !== undefined).toBe(true);
      }),
    );
    const startMs = performance.now();
    for (const hostile of [",", "[", ":", "1.", "10.0.0.1,", "%", "::"]) sender("10.0.0.1", hostile.repeat(20_000));
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });
});
