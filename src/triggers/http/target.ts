import { TideError } from "../../lib/errors.ts";

/** A URL, taken apart once. */
export interface Target {
  /** Scheme, host and port: what a connection is made to. */
  readonly origin: string;
  /** Host without port, as TLS names it. */
  readonly hostname: string;
  /** Path and query as they go over the wire, one character per byte. */
  readonly path: string;
  /** The whole as it goes over the wire, without user and fragment. */
  readonly href: string;
  /** For messages: without query and user, where secrets are. */
  readonly shown: string;
  /** `Basic …` of a `user:password@` in the URL. */
  readonly authorization: string | undefined;
}

/**
 * Takes a URL apart as Go's net/url does, because the target sees the bytes: path and query go out as written (JavaScript's
 * URL would resolve `..`, turn `\` into `/` and encode the query anew). Throws REQUEST_INVALID.
 */
export function parseTarget(url: string): Target {
  const match = /^(https?):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?$/is.exec(url);
  if (match === null) throw invalid(url, "it must begin with http:// or https://");
  const [, scheme, authority, rawPath, query] = match;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are refused, as Go does
  if (/[\x00-\x1f\x7f]/.test(url.split("#", 1)[0] ?? ""))
    throw invalid(url, "it has control characters, such as a line break");
  const place = URL.parse(`${scheme}://${authority}`);
  // JavaScript would take a backslash for the begin of the path, and decode escapes
  const host = authority?.slice(authority.lastIndexOf("@") + 1) ?? "";
  if (place === null || place.hostname === "" || /[\\%\s]/.test(host)) throw invalid(url, "its host cannot be read");
  const path = wirePath(rawPath ?? "", url) || "/";
  const wire = path + bytesAsText((query ?? "").replaceAll(" ", "%20"));
  return {
    origin: place.origin,
    hostname: place.hostname.replace(/^\[|\]$/g, ""),
    path: wire,
    href: place.origin + wire,
    shown: place.origin + path,
    authorization: userOf(place, url),
  };
}

function userOf(place: URL, url: string): string | undefined {
  if (place.username === "" && place.password === "") return undefined;
  try {
    return basic(decodeURIComponent(place.username), decodeURIComponent(place.password));
  } catch {
    throw invalid(url, "its user and password have a % that is no escape");
  }
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** One character per byte of the UTF-8 form: what undici writes as Latin-1 is then UTF-8, as Go writes it. */
export function bytesAsText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: asks for ASCII
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text).toString("latin1");
}

/** Go sends a path as written when all of it may stand in a path, and otherwise encodes what it decoded. */
function wirePath(raw: string, url: string): string {
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) throw invalid(url, "its path has a % that is no escape");
  if (/^[A-Za-z0-9\-._~!$&'()*+,;=:@[\]/%]*$/.test(raw)) return raw;
  const bytes = Buffer.from(raw.replace(/%([0-9A-Fa-f]{2})|[^%]+/g, toLatin1), "latin1");
  return bytes.toString("latin1").replace(/[^A-Za-z0-9\-._~$&+,/:;=@]/g, (byte) => `%${hex(byte.charCodeAt(0))}`);
}

function toLatin1(part: string, code: string | undefined): string {
  return code === undefined ? bytesAsText(part) : String.fromCharCode(parseInt(code, 16));
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}

/** The message leaves out user and query, where secrets are. */
function invalid(url: string, why: string): TideError {
  const shown = url.replace(/\/\/[^/?#]*@/, "//").replace(/\?.*$/s, "?…");
  return new TideError("REQUEST_INVALID", `url ${JSON.stringify(shown.slice(0, 200))}: ${why}`);
}
