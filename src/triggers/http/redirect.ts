import { TideError } from "../../lib/errors.ts";
import type { Answer } from "./exchange.ts";
import type { Request } from "./send.ts";
import { parseTarget, type Target } from "./target.ts";

const secretHeaders: ReadonlySet<string> = new Set([
  "authorization",
  "www-authenticate",
  "cookie",
  "cookie2",
  "proxy-authorization",
  "proxy-authenticate",
]);
const bodyHeaders: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-language",
  "content-location",
  "content-type",
]);

/**
 * The request that an answer asks for instead, as Go's client makes it; undefined where there is nothing to follow.
 * 301, 302 and 303 become a GET without body (a HEAD stays one); 307 and 308 keep method and body. Secrets go only to the
 * first host and its subdomains, and once left out they stay out; beyond Go's client that is so for all headers whose values
 * are of Secrets, whatever their names. Throws TARGET_REDIRECTS where no request can be made.
 */
export function redirected(request: Request, answer: Answer, first: Request): Request | undefined {
  const keeps = answer.status === 307 || answer.status === 308;
  if (!keeps && answer.status !== 301 && answer.status !== 302 && answer.status !== 303) return undefined;
  const location = answer.headers.location;
  if (location === undefined || location === "") return undefined;
  const target = resolve(request, location);
  const method = keeps || request.method === "GET" || request.method === "HEAD" ? request.method : "GET";
  const given = hasHeader(first.headers, "referer");
  const headers = without(
    request.headers,
    (lower) =>
      ((secretHeaders.has(lower) || first.secret?.has(lower) === true) &&
        !isWithin(target.hostname, first.target.hostname)) ||
      (!keeps && bodyHeaders.has(lower)) ||
      (lower === "referer" && !given),
  );
  // Go names where it came from, unless that was HTTPS and this is not
  const hides = request.target.origin.startsWith("https:") && !target.origin.startsWith("https:");
  if (!given && !hides) headers.push("Referer", request.target.href);
  if (target.authorization !== undefined && !hasHeader(headers, "authorization")) {
    headers.push("Authorization", target.authorization);
  }
  return {
    target,
    method,
    headers,
    body: keeps ? request.body : undefined,
    host: isAbsolute(location) ? undefined : request.host,
    ...(first.secret === undefined ? {} : { secret: first.secret }),
  };
}

function resolve(request: Request, location: string): Target {
  // header values come one character per byte
  const text = Buffer.from(location, "latin1").toString();
  try {
    return parseTarget(isAbsolute(text) ? text : new URL(text, request.target.href).href);
  } catch (cause) {
    throw new TideError(
      "TARGET_REDIRECTS",
      `${request.method} ${request.target.shown} redirects to ${JSON.stringify(text.slice(0, 200))}, where no request can go`,
      { cause },
    );
  }
}

function isAbsolute(location: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(location);
}

function isWithin(host: string, first: string): boolean {
  return host === first || (!/[:%]/.test(host) && host.endsWith(`.${first}`));
}

function without(headers: readonly string[], drop: (lower: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [name, value] = [headers[i] ?? "", headers[i + 1] ?? ""];
    if (!drop(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

function hasHeader(headers: readonly string[], lower: string): boolean {
  return headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === lower);
}
