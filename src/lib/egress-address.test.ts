import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressText, classifyAddress, isInRange, parseAddress, parseRange } from "./egress-address.ts";

function kindOf(text: string): string {
  const bytes = parseAddress(text);
  return bytes === undefined ? "a name" : classifyAddress(bytes).kind;
}

describe("spellings of 169.254.169.254", () => {
  it.each([
    ["as it is", "169.254.169.254"],
    ["with a dot behind", "169.254.169.254."],
    ["in decimal", "2852039166"],
    ["in hex", "0xa9fea9fe"],
    ["in hex, upper case", "0XA9FEA9FE"],
    ["in octal", "025177524776"],
    ["in octal parts", "0251.0376.0251.0376"],
    ["in octal parts with zeros", "0000251.00376.0251.0376"],
    ["in hex parts", "0xa9.0xfe.0xa9.0xfe"],
    ["in parts of all kinds", "0xa9.254.0251.254"],
    ["in three parts", "169.254.43518"],
    ["in two parts", "169.16689662"],
    ["in full-width digits", "１６９.２５４.１６９.２５４"],
    ["with ideographic stops", "169。254。169。254"],
    ["with escapes", "169.254.169.%32%35%34"],
    ["with white space around", " 169.254.169.254 "],
    ["mapped", "::ffff:169.254.169.254"],
    ["mapped, in brackets", "[::ffff:169.254.169.254]"],
    ["mapped, in hex", "::ffff:a9fe:a9fe"],
    ["mapped, written out", "0:0:0:0:0:ffff:a9fe:a9fe"],
    ["mapped, with a zone", "::ffff:169.254.169.254%eth0"],
    ["compatible", "::169.254.169.254"],
    ["compatible, in hex", "::a9fe:a9fe"],
    ["translated", "::ffff:0:a9fe:a9fe"],
    ["by NAT64", "64:ff9b::a9fe:a9fe"],
    ["by NAT64 of a network", "64:ff9b:1::a9fe:a9fe"],
    ["by 6to4", "2002:a9fe:a9fe::1"],
    ["by Teredo, as its server", "2001:0:a9fe:a9fe::"],
    ["by Teredo, as its client", "2001:0:808:808:0:0:5601:5601"],
    ["by ISATAP", "2a00:1450::5efe:a9fe:a9fe"],
    ["by ISATAP, of its own network", "2a00:1450::200:5efe:a9fe:a9fe"],
  ])("%s are never connected to", (_, text) => expect(kindOf(text)).toBe("never"));
});

it.each([
  ["169.254.0.1", "never"],
  ["169.254.170.2", "never"],
  ["169.253.255.255", "public"],
  ["169.255.0.0", "public"],
  ["100.100.100.200", "never"],
  ["100.100.100.201", "private"],
  ["168.63.129.16", "never"],
  ["168.63.129.17", "public"],
  ["192.0.0.192", "never"],
  ["0.0.0.0", "never"],
  ["0", "never"],
  ["0.1.2.3", "never"],
  ["224.0.0.1", "never"],
  ["239.255.255.255", "never"],
  ["240.0.0.1", "never"],
  ["255.255.255.255", "never"],
  ["127.0.0.1", "loopback"],
  ["127.1", "loopback"],
  ["0x7f.1", "loopback"],
  ["017700000001", "loopback"],
  ["2130706433", "loopback"],
  ["::ffff:127.0.0.1", "loopback"],
  ["::127.0.0.1", "loopback"],
  ["2002:7f00:1::", "loopback"],
  ["10.0.0.1", "private"],
  ["11.0.0.0", "public"],
  ["172.15.255.255", "public"],
  ["172.16.0.0", "private"],
  ["172.31.255.255", "private"],
  ["172.32.0.0", "public"],
  ["192.168.0.1", "private"],
  ["100.64.0.1", "private"],
  ["100.127.255.255", "private"],
  ["100.128.0.0", "public"],
  ["198.18.0.1", "private"],
  ["192.0.2.1", "private"],
  ["::ffff:10.1.2.3", "private"],
  ["64:ff9b::a00:1", "private"],
  ["2002:c0a8:1::", "private"],
  ["::", "never"],
  ["::1", "loopback"],
  ["[::1]", "loopback"],
  ["0:0:0:0:0:0:0:1", "loopback"],
  ["::1%lo", "loopback"],
  ["fe80::1", "never"],
  ["fe80::1%eth0", "never"],
  ["[fe80::1%25eth0]", "never"],
  ["febf::1", "never"],
  ["fec0::1", "private"],
  ["fd00:ec2::254", "never"],
  ["fd00:ec2::23", "never"],
  ["fd20:ce::254", "never"],
  ["fd00::1", "private"],
  ["fc00::1", "private"],
  ["ff02::1", "never"],
  ["2001:db8::1", "private"],
  ["4000::1", "private"],
  ["2606:4700::1111", "public"],
  ["8.8.8.8", "public"],
  ["::ffff:8.8.8.8", "public"],
  ["64:ff9b::808:808", "public"],
  ["2002:808:808::1", "public"],
])("%s is %s", (text, kind) => expect(kindOf(text)).toBe(kind));

it.each([
  "",
  "localhost",
  "1.2.3.4.5",
  "256.256.256.256",
  "4294967296",
  "0x100000000",
  "08.1.1.1",
  "1..2",
  ".1",
  "1.2.3.a",
  "0xg",
  "-1",
  "1e3",
  "::g",
  "1:2",
  "fe80::1::2",
  "::1.2.3",
  "%",
  "169.254.169.254.example.com",
])("%j is no address", (text) => expect(parseAddress(text)).toBeUndefined());

const byte = fc.integer({ min: 0, max: 255 });
const v4 = fc.tuple(byte, byte, byte, byte);

it("every IPv4 address is the same in every spelling", () => {
  const radix = fc.constantFrom(
    (n: number) => String(n),
    (n: number) => `0x${n.toString(16)}`,
    (n: number) => `0X0${n.toString(16).toUpperCase()}`,
    (n: number) => `0${n.toString(8)}`,
    (n: number) => `000${n.toString(8)}`,
  );
  const spelling = fc.record({
    address: v4,
    parts: fc.integer({ min: 1, max: 4 }),
    as: fc.array(radix, { minLength: 4 }),
  });
  fc.assert(
    fc.property(spelling, ({ address, parts, as }) => {
      const front = address.slice(0, parts - 1);
      const last = address.slice(parts - 1).reduce((sum, one) => sum * 256 + one, 0);
      const text = [...front, last].map((n, i) => as[i]?.(n) ?? "").join(".");
      expect(parseAddress(text)).toEqual(address);
      expect(parseAddress(`${text}.`)).toEqual(address);
    }),
  );
});

it("an IPv4 address is in no form of IPv6 less strictly judged", () => {
  const rank = ["public", "private", "loopback", "never"];
  const hex = (address: readonly number[]): string => {
    const [a = 0, b = 0, c = 0, d = 0] = address;
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  };
  fc.assert(
    fc.property(v4, (address) => {
      const own = rank.indexOf(classifyAddress(address).kind);
      const forms = ["::ffff:", "::", "::ffff:0:", "64:ff9b::", "64:ff9b:1::"].map((prefix) => prefix + hex(address));
      for (const form of [...forms, `2002:${hex(address)}::1`, `2a00::5efe:${hex(address)}`]) {
        expect(rank.indexOf(kindOf(form)), form).toBeGreaterThanOrEqual(own);
      }
      for (const form of forms.slice(0, 4)) {
        // `::` and `::1` are what they are themselves
        if (address.slice(0, 3).every((one) => one === 0)) continue;
        expect(rank.indexOf(kindOf(form)), form).toBe(own);
      }
    }),
  );
});

it("an address reads as it was written by the URL parser", () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const bytes = parseAddress(text);
      expect(bytes).toHaveLength(16);
      expect(addressText(bytes ?? [])).toBe(URL.parse(`http://[${text}]`)?.hostname.slice(1, -1));
    }),
  );
});

it("nothing that is written makes it throw, or take long", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void kindOf(text)));
  fc.assert(fc.property(fc.stringMatching(/^[0-9a-fx.:%[\]]{0,80}$/), (text) => void kindOf(text)));
  for (const text of ["1.".repeat(100_000), ":".repeat(100_000), "0".repeat(100_000), "%".repeat(100_000)]) {
    const begun = performance.now();
    kindOf(text);
    expect(performance.now() - begun).toBeLessThan(500);
  }
});

it("a range has its addresses and no other", () => {
  fc.assert(
    fc.property(v4, v4, fc.integer({ min: 0, max: 32 }), (one, other, bits) => {
      const range = parseRange(`${one.join(".")}/${bits}`);
      const number = (address: readonly number[]) => address.reduce((sum, part) => sum * 256 + part, 0);
      const size = 2 ** (32 - bits);
      const same = Math.floor(number(one) / size) === Math.floor(number(other) / size);
      expect(range && isInRange(other, range)).toBe(same);
    }),
  );
  for (const text of ["10.0.0.0/33", "::/129", "10.0.0.0/", "a/8", "/8", "10.0.0.0/8/8"]) {
    expect(parseRange(text)).toBeUndefined();
  }
});
