import { isIPv6 } from "node:net";
import { domainToASCII } from "node:url";

/**
 * What an address is to whoever connects to it: `never` is the machine's own link with the metadata of its cloud, and what
 * is no single peer at all; `loopback` is this machine, `private` a network that is not the internet.
 */
type AddressKind = "never" | "loopback" | "private" | "public";

export interface AddressClass {
  readonly kind: AddressKind;
  /** For people: `169.254.0.0/16 (link-local, metadata of clouds)`; empty where it is public. */
  readonly rule: string;
}

/** Four bytes, or sixteen. */
export type AddressBytes = readonly number[];

/**
 * An address in any spelling that some part of a machine takes for one: as C's inet_aton reads it (decimal, octal, hex, one
 * to four parts), with a dot behind, in brackets, with a zone, with escapes, with digits of other scripts. undefined: a name.
 */
export function parseAddress(text: string): AddressBytes | undefined {
  const plain = ascii(text.trim()).toLowerCase();
  const inside = plain.replace(/^\[(.*)\]$/s, "$1").replace(/\.$/, "");
  const [six = ""] = inside.split("%", 1);
  return six.includes(":") ? parseV6(six) : parseV4(inside);
}

/** Full-width digits and ideographic stops become those of ASCII, as in URLs; what stands for nothing stays. */
function ascii(text: string): string {
  // an address of version 6 has a % of its own, before its zone
  const decoded = text.includes(":") ? text : unescaped(text);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: asks for ASCII
  return /^[\x00-\x7f]*$/.test(decoded) ? decoded : domainToASCII(decoded) || decoded;
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parseV4(text: string): AddressBytes | undefined {
  const parts = text.split(".");
  if (parts.length > 4) return undefined;
  const numbers = parts.map(numberOf);
  const last = numbers.pop();
  if (last === undefined || numbers.some((part) => part === undefined || part > 255)) return undefined;
  const rest = 4 - numbers.length;
  if (last >= 256 ** rest) return undefined;
  const tail = Array.from({ length: rest }, (_, i) => Math.floor(last / 256 ** (rest - 1 - i)) % 256);
  return [...numbers.map((part) => part ?? 0), ...tail];
}

function numberOf(part: string): number | undefined {
  if (/^0x[\da-f]{0,16}$/.test(part)) return part === "0x" ? 0 : Number.parseInt(part.slice(2), 16);
  if (/^0[0-7]{0,22}$/.test(part)) return Number.parseInt(part, 8);
  return /^[1-9]\d{0,15}$/.test(part) ? Number(part) : undefined;
}

function parseV6(text: string): AddressBytes | undefined {
  if (!isIPv6(text)) return undefined;
  const [head = "", tail] = text.split("::");
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const gap = Array.from({ length: 16 - front.length - back.length }, () => 0);
  return [...front, ...gap, ...back];
}

function groupsOf(text: string): readonly number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return parseV4(group) ?? [];
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** The same address as people write it. */
export function addressText(bytes: AddressBytes): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  // the URL parser knows where the two colons go
  return URL.parse(`http://[${groups.join(":")}]`)?.hostname.slice(1, -1) ?? groups.join(":");
}

/** A range of addresses. */
export interface AddressRange {
  readonly bytes: AddressBytes;
  readonly bits: number;
}

/** `10.0.0.0/8`, `fd00::/8`; an address alone is a range of one. undefined: it is none. */
export function parseRange(text: string): AddressRange | undefined {
  const [, written = "", bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bytes = parseAddress(written);
  if (bytes === undefined) return undefined;
  const most = bytes.length * 8;
  const length = bits === undefined ? most : Number(bits);
  return length <= most ? { bytes, bits: length } : undefined;
}

export function isInRange(bytes: AddressBytes, range: AddressRange): boolean {
  if (bytes.length !== range.bytes.length) return false;
  const whole = range.bits >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== range.bytes[i]) return false;
  const left = range.bits & 7;
  if (left === 0) return true;
  const mask = (0xff << (8 - left)) & 0xff;
  return ((bytes[whole] ?? 0) & mask) === ((range.bytes[whole] ?? 0) & mask);
}

interface Known extends AddressRange {
  readonly kind: AddressKind;
  readonly rule: string;
}

function known(rows: readonly (readonly [range: string, kind: AddressKind, what: string])[]): readonly Known[] {
  return rows.flatMap(([text, kind, what]) => {
    const range = parseRange(text);
    return range === undefined ? [] : [{ ...range, kind, rule: `${text} (${what})` }];
  });
}

/**
 * IANA's registries of special addresses (RFC 6890 and its successors), and where clouds answer with a machine's
 * credentials outside of 169.254.0.0/16. The first that fits counts.
 */
const v4 = known([
  ["169.254.0.0/16", "never", "link-local, metadata of clouds"],
  ["100.100.100.200", "never", "metadata of Alibaba Cloud"],
  ["168.63.129.16", "never", "the platform of Azure"],
  ["192.0.0.192", "never", "metadata of Oracle Cloud"],
  ["0.0.0.0/8", "never", "no address"],
  ["224.0.0.0/4", "never", "multicast"],
  ["240.0.0.0/4", "never", "reserved, broadcast"],
  ["127.0.0.0/8", "loopback", "this machine"],
  ["10.0.0.0/8", "private", "private"],
  ["172.16.0.0/12", "private", "private"],
  ["192.168.0.0/16", "private", "private"],
  ["100.64.0.0/10", "private", "shared by customers of a provider"],
  ["192.0.0.0/24", "private", "for protocols"],
  ["192.0.2.0/24", "private", "for documentation"],
  ["198.51.100.0/24", "private", "for documentation"],
  ["203.0.113.0/24", "private", "for documentation"],
  ["192.88.99.0/24", "private", "6to4 relays"],
  ["198.18.0.0/15", "private", "for measurements"],
]);

const v6 = known([
  ["::1", "loopback", "this machine"],
  ["::", "never", "no address"],
  ["fe80::/10", "never", "link-local"],
  ["fd00:ec2::/32", "never", "metadata of AWS"],
  ["fd20:ce::254", "never", "metadata of Google Cloud"],
  ["fd00:c1::a9fe:a9fe", "never", "metadata of Oracle Cloud"],
  ["ff00::/8", "never", "multicast"],
  ["fc00::/7", "private", "private"],
  ["fec0::/10", "private", "site-local"],
  ["2001:db8::/32", "private", "for documentation"],
  ["3fff::/20", "private", "for documentation"],
  ["2001:2::/48", "private", "for measurements"],
]);

/** Everything that is given out for the internet is in here. */
const global6: AddressRange = { bytes: [0x20, ...Array.from({ length: 15 }, () => 0)], bits: 3 };

/** Where an IPv4 address stands in one of IPv6, and leads to it where there is a gateway. */
const carriers = (
  [
    ["::ffff:0:0/96", "IPv4 in IPv6", [12]],
    ["::/96", "IPv4 in IPv6", [12]],
    ["::ffff:0:0:0/96", "translated IPv4", [12]],
    ["64:ff9b::/96", "NAT64", [12]],
    // RFC 6052 puts it at another place for each length of a prefix; this one is given out for all of them
    ["64:ff9b:1::/48", "NAT64", [12]],
    ["2002::/16", "6to4", [2]],
    ["2001::/32", "Teredo", [4, -12]],
  ] as const
).flatMap(([text, what, at]) => {
  const range = parseRange(text);
  return range === undefined ? [] : [{ ...range, what, at }];
});

/**
 * What may be at an address. Of one that carries another the stricter of both counts: a gateway on the way may unpack it.
 * Prefixes of a network's own NAT64 cannot be known here.
 */
export function classifyAddress(bytes: AddressBytes): AddressClass {
  if (bytes.length === 4) return find(v4, bytes) ?? { kind: "public", rule: "" };
  const own = find(v6, bytes);
  if (own?.kind === "never" || own?.kind === "loopback") return own;
  const inside = carried(bytes).map(({ address, what }) => {
    const found = classifyAddress(address);
    return found.kind === "public" ? found : { ...found, rule: `${found.rule} as ${what}` };
  });
  const outside = own ?? (isInRange(bytes, global6) || isSpelled(bytes) ? publicClass : notGlobal);
  return [outside, ...inside].reduce((one, other) => (strictness[other.kind] > strictness[one.kind] ? other : one));
}

const publicClass: AddressClass = { kind: "public", rule: "" };
const notGlobal: AddressClass = { kind: "private", rule: "outside of 2000::/3 (not the internet)" };
const strictness: Readonly<Record<AddressKind, number>> = { public: 0, private: 1, loopback: 2, never: 3 };

/** It is nothing but another way to write an IPv4 address: no more private than that one is. */
function isSpelled(bytes: AddressBytes): boolean {
  return carriers.some((range) => range.bits === 96 && isInRange(bytes, range));
}

function find(list: readonly Known[], bytes: AddressBytes): AddressClass | undefined {
  return list.find((range) => isInRange(bytes, range));
}

/** The IPv4 addresses that one of IPv6 carries. A place below zero counts from the front, its bits turned over. */
export function carried(bytes: AddressBytes): readonly { readonly address: AddressBytes; readonly what: string }[] {
  if (bytes.length === 4) return [];
  const carrier = carriers.find((range) => isInRange(bytes, range));
  const found = (carrier?.at ?? []).map((at) => {
    const address = bytes.slice(Math.abs(at), Math.abs(at) + 4);
    return { address: at < 0 ? address.map((byte) => byte ^ 0xff) : address, what: carrier?.what ?? "" };
  });
  // ISATAP (RFC 5214): in the lower half of any prefix
  const isatap = (bytes[8] === 0 || bytes[8] === 2) && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
  return isatap ? [...found, { address: bytes.slice(12), what: "ISATAP" }] : found;
}
