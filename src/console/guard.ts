import { isIP } from "node:net";
import { TideError } from "../lib/errors.ts";

/** The headers that tell who asks. */
interface Asking {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly "sec-fetch-site"?: string | string[] | undefined;
}

/**
 * Keeps pages of other sites out, which a browser on this machine may have open: a name that somebody rebound to
 * 127.0.0.1 comes with its own `Host`, a form or script of another page with its own `Origin`.
 * Throws HOST_REFUSED.
 */
export function refuseStrangers(headers: Asking): void {
  const { host, origin } = headers;
  if (host === undefined || !isLoopback(hostOf(host))) {
    throw new TideError("HOST_REFUSED", `the admin API is not served as ${JSON.stringify(host ?? "")}`);
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    throw new TideError("HOST_REFUSED", `pages of ${JSON.stringify(origin)} may not use the admin API`);
  }
  if (headers["sec-fetch-site"] === "cross-site") {
    throw new TideError("HOST_REFUSED", "other sites may not use the admin API");
  }
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
