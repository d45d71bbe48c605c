import { BlockList, isIP } from "node:net";
import { domainToASCII } from "node:url";
import { TideError } from "../lib/errors.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** A proxy, as the environment names it. */
export interface ProxyServer {
  /** Scheme, host and port; for messages too, because the credentials are not in it. */
  readonly origin: string;
  readonly hostname: string;
  readonly port: number;
  readonly secure: boolean;
  /** What its own certificate is for, where it speaks TLS: empty for an address. */
  readonly servername: string;
  /** `Basic …` of a `user:password@` in the URL. */
  readonly authorization: string | undefined;
}

/**
 * The proxy on the way to `url`, by the rules of Go's httpproxy, which the peer's clients follow: `HTTPS_PROXY` or
 * `HTTP_PROXY` by the scheme of `url` (upper case first, then lower case), unless `NO_PROXY` covers its host: by an
 * address, a range (`10.0.0.0/8`), a name (with all below it), `.name` or `*.name` (only what is below it), each but the
 * range with a port if wanted, or `*`. Never for localhost and loopback addresses. Throws PROXY_INVALID.
 */
export function proxyFor(url: URL, env: Env): ProxyServer | undefined {
  const named = url.protocol === "https:" ? of(env, "HTTPS_PROXY") : of(env, "HTTP_PROXY");
  if (named === undefined || !goesThrough(url, of(env, "NO_PROXY") ?? "")) return undefined;
  return parseProxy(named);
}

/** Whether the environment names any proxy at all. */
export function namesProxy(env: Env): boolean {
  return of(env, "HTTPS_PROXY") !== undefined || of(env, "HTTP_PROXY") !== undefined;
}

/** The passwords of the proxies, as written and decoded: what no log line may show. */
export function proxyPasswords(env: Env): readonly string[] {
  const found = ["HTTPS_PROXY", "HTTP_PROXY"].flatMap((name) => {
    const password = urlOf(of(env, name) ?? "")?.password;
    return password ? [password, decoded(password) ?? ""] : [];
  });
  return [...new Set(found)].filter((password) => password !== "");
}

function of(env: Env, name: string): string | undefined {
  return env[name] || env[name.toLowerCase()] || undefined;
}

/** Without a scheme it is `http://`, as in Go. */
function urlOf(text: string): URL | undefined {
  const url = URL.parse(text);
  if (url !== null && url.hostname !== "") return url;
  return text.includes("://") ? undefined : (URL.parse(`http://${text}`) ?? undefined);
}

function parseProxy(text: string): ProxyServer {
  const url = urlOf(text);
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    // what stands before an @ may be a password
    const shown = JSON.stringify(text.replace(/^.*@/s, "…@").slice(0, 100));
    throw new TideError("PROXY_INVALID", `the proxy ${shown} of the environment is no http:// or https:// URL`);
  }
  const secure = url.protocol === "https:";
  const user = decoded(url.username);
  const password = decoded(url.password);
  if (user === undefined || password === undefined) {
    throw new TideError("PROXY_INVALID", `user or password of the proxy ${url.host} have a % that is no escape`);
  }
  const authorization = url.username === "" && url.password === "" ? undefined : basic(user, password);
  return {
    origin: url.origin,
    hostname: bare(url.hostname),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    secure,
    servername: isIP(bare(url.hostname)) === 0 ? url.hostname : "",
    authorization,
  };
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "").toLowerCase();
}

function goesThrough(url: URL, noProxy: string): boolean {
  const host = bare(url.hostname);
  if (host === "localhost" || loopback.check(host, familyOf(host))) return false;
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return !noProxy.split(",").some((entry) => covers(entry.trim().toLowerCase(), host, port));
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("::1", "ipv6");

function covers(entry: string, host: string, port: string): boolean {
  if (entry === "" || entry === "*") return entry === "*";
  const range = rangeOf(entry);
  if (range !== undefined) return isIP(host) !== 0 && range.check(host, familyOf(host));
  const [, inBrackets, plain, wantedPort] = /^(?:\[([^\]]*)\]|([^:[]*)):(.*)$/.exec(entry) ?? [];
  // an IPv6 address without brackets is no host and port
  const split = isIP(entry) === 0 && (inBrackets ?? plain) !== undefined;
  const name = split ? (inBrackets ?? plain ?? "") : bare(entry);
  if (name === "" || (split && wantedPort !== "" && wantedPort !== port)) return false;
  if (isIP(name) !== 0) return isIP(host) !== 0 && sameAddress(name, host);
  if (isIP(host) !== 0) return false;
  const below = name.startsWith("*.") ? name.slice(1) : name;
  if (below.startsWith(".")) return host.endsWith(`.${ascii(below.slice(1))}`);
  return host === ascii(below) || host.endsWith(`.${ascii(below)}`);
}

/** A URL's host is punycode; so is what it is compared with. */
function ascii(name: string): string {
  return domainToASCII(name) || name;
}

function rangeOf(entry: string): BlockList | undefined {
  const [, address, bits] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (address === undefined || isIP(address) === 0 || Number(bits) > (isIP(address) === 4 ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), familyOf(address));
  return list;
}

function sameAddress(one: string, other: string): boolean {
  const list = new BlockList();
  list.addAddress(one, familyOf(one));
  return list.check(other, familyOf(other));
}

function familyOf(host: string): "ipv4" | "ipv6" {
  return isIP(host) === 6 ? "ipv6" : "ipv4";
}
