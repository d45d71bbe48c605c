import { type Address, type AllowList, readAddress } from "./allow-list.ts";

/** Header values are at most 16 KiB together, so that this much is looked at of one request. */
const maxHops = 32;

/**
 * Who sends a request: whoever is at the other end of the connection, or, where that is one of `proxies`, the last address in
 * `X-Forwarded-For` that is not. What stands before it was written by somebody whom nobody vouches for. undefined: a proxy of
 * ours names something that is no address, or more than 32 others.
 */
export function senderOf(
  head: { readonly remoteAddress: string; readonly rawHeaders: readonly string[] },
  proxies: AllowList | undefined,
): Address | undefined {
  const peer = readAddress(head.remoteAddress);
  if (peer === undefined || proxies === undefined || !proxies.has(peer)) return peer;
  const hops = forwardedFor(head.rawHeaders);
  let nearest = peer;
  for (let seen = 0; hops.length > 0; seen++) {
    const address = seen < maxHops ? readAddress(withoutPort((hops.pop() ?? "").trim())) : undefined;
    if (address === undefined || !proxies.has(address)) return address;
    nearest = address;
  }
  return nearest;
}

/** All entries of all such headers, in their order: each proxy adds its client at the end. */
function forwardedFor(rawHeaders: readonly string[]): string[] {
  const hops: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === "x-forwarded-for") hops.push(...(rawHeaders[i + 1] ?? "").split(","));
  }
  return hops;
}

/** Some proxies write `192.0.2.1:51820` and `[2001:db8::1]:51820`. */
function withoutPort(text: string): string {
  const [, inner, v4] = /^(?:\[([^\]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5})$/.exec(text) ?? [];
  return inner ?? v4 ?? text;
}
