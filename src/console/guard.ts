import { isIP } from "node:net";
import { TideError } from "../lib/errors.ts";

/** The headers that tell who asks. */
interface Asking {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly "sec-fetch-site"?: string | string[] | undefined;
}

/** Under which names the admin API may be asked. */
export interface ServedAs {
  /** It listens beyond this machine: then by any address, since only a name can be bound to another one. */
  readonly outside: boolean;
  /** Names of `--admin-host`, in lower case. */
  readonly names: ReadonlySet<string>;
  /** Itself by TLS. */
  readonly secure: boolean;
}

const thisMachineOnly: ServedAs = { outside: false, names: new Set(), secure: false };

/**
 * Keeps pages of other sites out, which a browser on this machine may have open: a name that somebody rebound to
 * 127.0.0.1 comes with its own `Host`, a form or script of another page with its own `Origin`, a picture or a link of one
 * with `Sec-Fetch-Site`. A page of another port of this machine is another page, too. No answer ever has a CORS header.
 * Throws HOST_REFUSED.
 */
export function refuseStrangers(headers: Asking, served: ServedAs = thisMachineOnly): void {
  const { host, origin } = headers;
  if (host === undefined || !isServed(hostOf(host), served)) {
    throw new TideError("HOST_REFUSED", `the admin API is not served as ${JSON.stringify(host ?? "")}`);
  }
  if (origin !== undefined && !schemesOf(served).some((scheme) => origin === `${scheme}://${host}`)) {
    throw new TideError("HOST_REFUSED", `pages of ${JSON.stringify(origin)} may not use the admin API`);
  }
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") {
    throw new TideError("HOST_REFUSED", "other sites may not use the admin API");
  }
}

/** Behind a proxy that ends TLS, a page is of `https` although this is asked by `http`. */
function schemesOf({ names, secure }: ServedAs): readonly string[] {
  if (secure) return ["https"];
  return names.size > 0 ? ["http", "https"] : ["http"];
}

function isServed(host: string, { outside, names }: ServedAs): boolean {
  if (isLoopback(host) || names.has(host.toLowerCase().replace(/\.$/, ""))) return true;
  return outside && isIP(host) !== 0;
}

/** `localhost`, `127.*` and `::1`; any other name may lead anywhere. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === "localhost") return true;
  const kind = isIP(host);
  return (kind === 4 && host.startsWith("127.")) || (kind === 6 && /^(0*:)*0*1$/.test(host) && host.includes(":"));
}

function hostOf(header: string): string {
  const bracketed = /^\[([^\]]*)\](:\d+)?$/.exec(header);
  return bracketed?.[1] ?? header.replace(/:\d+$/, "");
}

/** `application/json`, whatever its parameters: a page of another site cannot send it without asking first. */
export function refuseForms(method: string, contentType: string | undefined): void {
  if (!bodied.has(method)) return;
  const type = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "application/json" || type.endsWith("+json")) return;
  const given = contentType === undefined ? "none" : JSON.stringify(contentType.slice(0, 100));
  throw new TideError("CONTENT_TYPE_REFUSED", `the content type of a ${method} is application/json; it was ${given}`);
}

/** A page of another site cannot send the other methods that change something without asking first. */
const bodied: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);
