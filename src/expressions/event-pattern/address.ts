/** An IP address as a number; an IPv4 address written as IPv6 (`::ffff:102:304`) is the IPv4 address. */
export interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** Addresses from `first` to `last`, both included. */
export interface AddressRange {
  readonly bits: 32 | 128;
  readonly first: bigint;
  readonly last: bigint;
}

const MAPPED = 0xffffn << 32n;

/** The address that the text is; undefined for every other text. Leading zeros of IPv4 are decimal, as in event-ruler. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 39) return undefined;
  return text.includes(":") ? parseV6(text) : parseV4(text);
}

function parseV4(text: string): Address | undefined {
  const parts = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (parts === null || text.length > 15) return undefined;
  let value = 0;
  for (const part of parts.slice(1)) {
    if (Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return { bits: 32, value: BigInt(value) };
}

function parseV6(text: string): Address | undefined {
  const halves = text.split("::");
  const [head = "", tail] = halves;
  if (halves.length > 2) return undefined;
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  if (before === undefined || after === undefined) return undefined;
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  let value = 0n;
  for (const group of [...before, ...new Array<number>(missing).fill(0), ...after])
    value = value * 65536n + BigInt(group);
  return value >> 32n === MAPPED >> 32n ? { bits: 32, value: value - MAPPED } : { bits: 128, value };
}

function groups(text: string): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  return parts.every((part) => /^[\da-f]{1,4}$/i.test(part))
    ? parts.map((part) => Number.parseInt(part, 16))
    : undefined;
}

/** `10.0.0.0/8`, `2001:db8::/32`: the range, or what is wrong with it. Bits behind the mask are ignored. */
export function parseRange(text: string): AddressRange | { readonly fault: string } {
  const parts = text.split("/");
  const [host = "", mask = ""] = parts;
  if (parts.length !== 2) return { fault: "a CIDR is an address, a slash and the number of its fixed bits" };
  if (!/^\+?\d{1,9}$/.test(mask)) return { fault: "what follows the slash must be a whole number" };
  const address = parseAddress(host);
  if (address === undefined) return { fault: `"${host}" is no IP address` };
  const { bits, value } = address;
  const most = bits - 1;
  if (Number(mask) > most) {
    return {
      fault: `an ${bits === 32 ? "IPv4" : "IPv6"} mask has at most ${most} bits; for one address, write it alone`,
    };
  }
  const size = 1n << BigInt(bits - Number(mask));
  const first = value - (value % size);
  return { bits, first, last: first + size - 1n };
}

export function isWithin(range: AddressRange, text: string): boolean {
  const address = parseAddress(text);
  if (address === undefined || address.bits !== range.bits) return false;
  return address.value >= range.first && address.value <= range.last;
}
