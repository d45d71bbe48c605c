import { BlockList, isIP, SocketAddress } from "node:net";
import { TideError } from "../lib/errors.ts";

/** An IP address in one spelling: IPv4 in IPv6 (`::ffff:192.0.2.1`) is the IPv4 address, a zone (`%eth0`) is left out. */
export interface Address {
  readonly text: string;
  readonly family: "ipv4" | "ipv6";
}

/** A network as it stands in a manifest: `192.0.2.0/24`, `2001:db8::/32`, or one address. */
export interface Network extends Address {
  readonly bits: number;
  /** Bits after the prefix are set: whoever wrote it may have meant the one address. */
  readonly loose: boolean;
}

export interface AllowList {
  has(address: Address): boolean;
}

const mapped = "::ffff:";

/** undefined: it is no IP address. */
export function readAddress(written: string): Address | undefined {
  const zone = written.indexOf("%");
  const text = zone < 0 ? written : written.slice(0, zone);
  const kind = isIP(text);
  if (kind === 0) return undefined;
  if (kind === 4) return { text, family: "ipv4" };
  // the shortest spelling, in lower case
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  const inner = address.startsWith(mapped) ? address.slice(mapped.length) : "";
  return isIP(inner) === 4 ? { text: inner, family: "ipv4" } : { text: address, family: "ipv6" };
}

/** undefined: it is neither an address nor a network in CIDR notation. */
export function readNetwork(written: string): Network | undefined {
  const slash = written.indexOf("/");
  const typed = slash < 0 ? written : written.slice(0, slash);
  const address = typed.includes("%") ? undefined : readAddress(typed);
  if (address === undefined) return undefined;
  const width = isIP(typed) === 4 ? 32 : 128;
  const prefix = slash < 0 ? String(width) : written.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > width) return undefined;
  // of a network of IPv4 in IPv6 only what is all IPv4 is one
  const bits = Number(prefix) - (width === 128 && address.family === "ipv4" ? 96 : 0);
  if (bits < 0) return undefined;
  return { ...address, bits, loose: bitsOf(address).includes("1", bits) };
}

/**
 * IPv4 addresses are held against the IPv4 networks only, and IPv6 against IPv6: `::/0` is not everybody.
 * Throws FIELD_VALUE for what is no network.
 */
export function allowListOf(networks: readonly string[]): AllowList {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const written of networks) {
    const network = readNetwork(written);
    if (network === undefined) throw new TideError("FIELD_VALUE", `"${written}" is no IP address or network`);
    lists[network.family].addSubnet(network.text, network.bits, network.family);
  }
  return { has: ({ text, family }) => lists[family].check(text, family) };
}

/**
 * Where requests are counted together: an IPv4 address, or the /64 of an IPv6 address, which is what one customer of a
 * provider has at least.
 */
export function neighbourhoodOf(address: Address): string {
  return address.family === "ipv4" ? address.text : groupsOf(address.text).slice(0, 4).join(":");
}

function bitsOf({ text, family }: Address): string {
  const [parts, width] =
    family === "ipv4"
      ? [text.split(".").map(Number), 8]
      : [groupsOf(text).map((group) => Number.parseInt(group, 16)), 16];
  return parts.map((part) => part.toString(2).padStart(width, "0")).join("");
}

/** The eight groups of an IPv6 address, in hex. */
function groupsOf(text: string): readonly string[] {
  const [head = "", tail] = text.split("::");
  const front = plainGroups(head);
  if (tail === undefined) return front;
  const back = plainGroups(tail);
  return [...front, ...Array<string>(8 - front.length - back.length).fill("0"), ...back];
}

/** Some IPv6 addresses are written with an IPv4 address at the end: `::192.0.2.1`. */
function plainGroups(part: string): readonly string[] {
  return part.split(":").flatMap((group) => {
    if (group === "") return [];
    if (!group.includes(".")) return [group];
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
    return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
  });
}
