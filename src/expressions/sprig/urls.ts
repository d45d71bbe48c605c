import { CallFault, fn, type GoFunction, type GoMap, kindName, mapOf } from "../go-value.ts";
import { hostName, parseUrl, type UrlParts, urlText } from "./url.ts";

/** URLs as dictionaries. */
export const urls: readonly (readonly [string, GoFunction])[] = [
  ["urlParse", fn(["string"], ([text]) => parse(text))],
  ["urlJoin", fn(["dict"], ([parts]) => join(parts))],
];

function parse(text: string): GoMap {
  const url = withReason("unable to parse url", () => parseUrl(text));
  return mapOf([
    ["scheme", url.scheme],
    ["host", url.host],
    ["hostname", hostName(url.host)],
    ["path", url.path],
    ["query", url.query],
    ["opaque", url.opaque],
    ["fragment", url.fragment],
    ["userinfo", url.userinfo ?? ""],
  ]);
}

function withReason(what: string, body: () => UrlParts): UrlParts {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof CallFault) throw new CallFault(`${what}: parse: ${cause.reason}`);
    throw cause;
  }
}

function join(parts: GoMap): string {
  const part = (key: string): string => {
    const value = parts.has(key) ? parts.get(key) : "";
    if (typeof value === "string") return value;
    throw new CallFault(`unable to parse ${key} key, must be of type string, but ${kindName(value)} found`);
  };
  const url = {
    scheme: part("scheme"),
    host: part("host"),
    path: part("path"),
    query: part("query"),
    opaque: part("opaque"),
    fragment: part("fragment"),
  };
  const userinfo = part("userinfo");
  if (userinfo === "") return urlText({ ...url, userinfo: undefined });
  const read = withReason("unable to parse userinfo in dict", () => parseUrl(`proto://${userinfo}@host`));
  return urlText({ ...url, userinfo: read.userinfo });
}
