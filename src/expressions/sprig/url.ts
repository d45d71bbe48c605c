import { isIP } from "node:net";
import { byteText, fromBytes, toBytes } from "../go-text.ts";
import { CallFault } from "../go-value.ts";

/** The parts of a URL, unescaped but for `query` and `opaque`. */
export interface UrlParts {
  readonly scheme: string;
  readonly opaque: string;
  /** Escaped; undefined when there is none. */
  readonly userinfo: string | undefined;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly fragment: string;
}

type Part = "path" | "user" | "host" | "fragment";

/** What each part may hold as it is, besides letters, digits and `-_.~`. */
const PLAIN: Readonly<Record<Part, string>> = {
  path: "$&+,/:;=@",
  user: "$&+,;=",
  host: "!$&'()*+,;=:[]<>\"",
  fragment: "$&+,/:;=?@!()*",
};

function isPlain(unit: string, part: Part): boolean {
  return /^[A-Za-z0-9\-_.~]$/.test(unit) || PLAIN[part].includes(unit);
}

function escapePart(text: string, part: Part): string {
  let out = "";
  for (const byte of toBytes(text)) {
    const unit = String.fromCharCode(byte);
    out += isPlain(unit, part) ? unit : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

function unescapePart(text: string, part: Part): string {
  const bytes: number[] = [];
  const raw = toBytes(text);
  for (let i = 0; i < raw.length; i++) {
    const byte = raw[i] ?? 0;
    if (byte === 0x25) {
      const digits = fromBytes(raw.subarray(i + 1, i + 3));
      const value = /^[0-9a-fA-F]{2}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
      // In a host only bytes above ASCII, and the "%25" of a zone, may be escaped.
      if (value === undefined || (part === "host" && value < 0x80 && value !== 0x25)) {
        throw new CallFault(`invalid URL escape ${JSON.stringify(`%${digits}`)}`);
      }
      bytes.push(value);
      i += 2;
      continue;
    }
    if (part === "host" && byte < 0x80 && !isPlain(byteText(byte), "host")) {
      throw new CallFault(`invalid character ${JSON.stringify(byteText(byte))} in host name`);
    }
    bytes.push(byte);
  }
  return fromBytes(Uint8Array.from(bytes));
}

/** Cuts at the first separator; what is after it is "" when there is none. */
function cut(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** `url.Parse`; throws a CallFault with Go's reason. */
export function parseUrl(text: string): UrlParts {
  const [main, fragment] = cut(text, "#");
  for (let i = 0; i < main.length; i++) {
    const code = main.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) throw new CallFault("net/url: invalid control character in URL");
  }
  const unescaped = unescapePart(fragment, "fragment");
  const empty = { scheme: "", opaque: "", userinfo: undefined, host: "", path: "", query: "", fragment: unescaped };
  if (main === "*") return { ...empty, path: "*" };
  const { scheme, after } = schemeOf(main);
  const [hierarchy, query] = cut(after, "?");
  if (!hierarchy.startsWith("/")) {
    if (scheme !== "") return { ...empty, scheme, opaque: hierarchy, query };
    if (cut(hierarchy, "/")[0].includes(":")) throw new CallFault("first path segment in URL cannot contain colon");
  }
  if (!hierarchy.startsWith("//") || (scheme === "" && hierarchy.startsWith("///"))) {
    return { ...empty, scheme, path: unescapePart(hierarchy, "path"), query };
  }
  const slash = hierarchy.indexOf("/", 2);
  const authority = slash < 0 ? hierarchy.slice(2) : hierarchy.slice(2, slash);
  const path = unescapePart(slash < 0 ? "" : hierarchy.slice(slash), "path");
  return { ...empty, scheme, ...parseAuthority(authority, scheme), path, query };
}

function schemeOf(text: string): { readonly scheme: string; readonly after: string } {
  if (text.startsWith(":")) throw new CallFault("missing protocol scheme");
  const scheme = /^([A-Za-z][A-Za-z0-9+\-.]*):/.exec(text)?.[1];
  return scheme === undefined
    ? { scheme: "", after: text }
    : { scheme: scheme.toLowerCase(), after: text.slice(scheme.length + 1) };
}

function parseAuthority(
  authority: string,
  scheme: string,
): { readonly userinfo: string | undefined; readonly host: string } {
  const at = authority.lastIndexOf("@");
  const host = parseHost(authority.slice(at + 1), scheme);
  if (at < 0) return { userinfo: undefined, host };
  const info = authority.slice(0, at);
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(info)) throw new CallFault("net/url: invalid userinfo");
  const name = escapePart(unescapePart(cut(info, ":")[0], "user"), "user");
  if (!info.includes(":")) return { userinfo: name, host };
  return { userinfo: `${name}:${escapePart(unescapePart(cut(info, ":")[1], "user"), "user")}`, host };
}

function checkPort(port: string): void {
  if (port !== "" && !/^:[0-9]*$/.test(port)) throw new CallFault(`invalid port ${JSON.stringify(port)} after host`);
}

function parseHost(host: string, scheme: string): string {
  const open = host.lastIndexOf("[");
  if (open > 0) throw new CallFault("invalid IP-literal");
  if (open === 0) return parseLiteral(host);
  const first = host.indexOf(":");
  if (first >= 0) checkPort(host.slice(/^https?$/.test(scheme) ? first : host.lastIndexOf(":")));
  return unescapePart(host, "host");
}

/** `[::1]:8080`. */
function parseLiteral(host: string): string {
  const close = host.lastIndexOf("]");
  if (close < 0) throw new CallFault("missing ']' in host");
  const port = host.slice(close + 1);
  checkPort(port);
  const [address, zone] = cut(host.slice(1, close), "%25");
  const name = unescapePart(address, "host") + (host.includes("%25") ? `%${unescapePart(zone, "path")}` : "");
  if (isIP(address) !== 6) throw new CallFault(`invalid host: ParseAddr(${JSON.stringify(name)}): unable to parse IP`);
  return `[${name}]${port}`;
}

/** The host without its port and brackets. */
export function hostName(host: string): string {
  const plain = host.replace(/:[0-9]*$/, "");
  return plain.startsWith("[") && plain.endsWith("]") ? plain.slice(1, -1) : plain;
}

/** `URL.String()`. */
export function urlText(url: UrlParts): string {
  const query = url.query === "" ? "" : `?${url.query}`;
  const fragment = url.fragment === "" ? "" : `#${escapePart(url.fragment, "fragment")}`;
  const scheme = url.scheme === "" ? "" : `${url.scheme}:`;
  if (url.opaque !== "") return scheme + url.opaque + query + fragment;
  let out = scheme;
  const user = url.userinfo === undefined ? "" : `${url.userinfo}@`;
  if (scheme !== "" || url.host !== "" || user !== "") {
    if (url.host !== "" || url.path !== "" || user !== "") out += "//";
    out += user + escapePart(url.host, "host");
  }
  const path = url.path === "*" ? "*" : escapePart(url.path, "path");
  if (path !== "" && !path.startsWith("/") && url.host !== "") out += "/";
  if (out === "" && cut(path, "/")[0].includes(":")) out = "./";
  return out + path + query + fragment;
}
