import { domainToASCII } from "node:url";
import {
  type AddressBytes,
  type AddressRange,
  carried,
  isInRange,
  parseAddress,
  parseRange,
} from "./egress-address.ts";

/** One entry of an allow-list: hosts by name, or addresses. */
export interface AllowRule {
  /** As written. */
  readonly text: string;
  /** Absent: any port. */
  readonly port?: number;
  /** What names it stands for; absent: it is about addresses. */
  readonly name?: { readonly text: string; readonly below: boolean };
  readonly range?: AddressRange;
}

/** A host of a URL or a setting, in the one form that is compared: lower case, ASCII, without brackets and the last dot. */
export function hostName(host: string): string {
  const plain = host.trim().replace(/^\[(.*)\]$/s, "$1");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: asks for ASCII
  const ascii = /^[\x00-\x7f]*$/.test(plain) ? plain : domainToASCII(plain) || plain;
  return ascii.toLowerCase().replace(/\.$/, "");
}

/**
 * Reads `HOST`, `*.HOST` (all names below it), `*`, an address or a range (`10.0.0.0/8`, `fd00::/8`), each with `:PORT` if
 * wanted (an address of version 6 then in brackets). Or says why it is none of these.
 */
export function parseAllow(text: string): AllowRule | { readonly problem: string } {
  if (text.length > 300 || text === "" || /[\s@]/.test(text)) return problem(text);
  if (text.includes("://")) {
    return { problem: `${shown(text)} is a URL: write its host, and its port where only that one is meant` };
  }
  const { place, port } = split(text);
  if (port !== undefined && !(port >= 1 && port <= 65_535))
    return { problem: `${shown(text)} has no port from 1 to 65535` };
  const given = { text, ...(port === undefined ? {} : { port }) };
  const range = parseRange(place);
  if (range !== undefined) return { ...given, range };
  const below = place.startsWith("*.");
  const name = hostName(below ? place.slice(2) : place);
  if (place === "*") return { ...given, name: { text: "", below: true } };
  if (!/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(name)) return problem(text);
  return { ...given, name: { text: name, below } };
}

function problem(text: string): { readonly problem: string } {
  return { problem: `${shown(text)} is no host, no *.host, no address and no range such as 10.0.0.0/8` };
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

/** Without brackets, several colons are an address of version 6, and no port. */
function split(text: string): { readonly place: string; readonly port: number | undefined } {
  const [, inBrackets, plain, port] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const place = inBrackets ?? plain;
  if (place === undefined) return { place: text.replace(/^\[([^\]]*)\]$/, "$1"), port: undefined };
  return { place, port: Number(port) };
}

/** Where a connection is to go. */
export interface Place {
  /** As `hostName` gives it. */
  readonly host: string;
  readonly port: number;
  /** What the host resolved to, or is; absent while that is not known. */
  readonly address?: AddressBytes;
}

/** `whole`: entries with a star, which stand for names that nobody wrote, do not count. */
export function isAllowed(rules: readonly AllowRule[], place: Place, whole = false): boolean {
  return rules.some((rule) => matches(rule, place, whole));
}

function matches({ name, range, port }: AllowRule, place: Place, whole: boolean): boolean {
  if (port !== undefined && port !== place.port) return false;
  if (name !== undefined) {
    if (!name.below) return place.host === name.text;
    if (whole || parseAddress(place.host) !== undefined) return false;
    return name.text === "" || place.host.endsWith(`.${name.text}`);
  }
  const { address } = place;
  if (range === undefined || address === undefined) return false;
  // an IPv4 address is the same in whatever form it comes
  return isInRange(address, range) || carried(address).some((inside) => isInRange(inside.address, range));
}
