import { TideError } from "../../lib/errors.ts";
import { isMarkedJson } from "../../lib/json-bytes.ts";
import { bytesAsText } from "./target.ts";

/** Header fields by lower-case name, in the order of their first appearance; the later of two with one name wins. */
export type Fields = Map<string, readonly [name: string, value: string]>;

/**
 * Names that the request's own framing decides, or that undici refuses. Go drops the first four without a word too; the
 * Host header is the field `host`.
 */
export const ignoredHeaders: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "trailer",
  "keep-alive",
  "upgrade",
  "expect",
]);

/** Puts a header in, its name verbatim (reference 4, http), its value as Go writes it. Throws REQUEST_INVALID. */
export function setField(fields: Fields, name: string, value: string): void {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) {
    throw new TideError("REQUEST_INVALID", `header name ${JSON.stringify(name.slice(0, 100))} is not possible in HTTP`);
  }
  const lower = name.toLowerCase();
  if (ignoredHeaders.has(lower)) return;
  // the value may be a secret: the message does not show it
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are refused, as Go does
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
    throw new TideError("REQUEST_INVALID", `the value of header ${name} has control characters, such as a line break`);
  }
  fields.set(lower, [name, bytesAsText(trimBlanks(value))]);
}

/** By hand: `/[ \t]+$/` takes quadratic time where many blanks stand before the last word. */
function trimBlanks(value: string): string {
  const isBlank = (at: number): boolean => value[at] === " " || value[at] === "\t";
  let from = 0;
  let to = value.length;
  while (from < to && isBlank(from)) from += 1;
  while (to > from && isBlank(to - 1)) to -= 1;
  return value.slice(from, to);
}

/** Name and value in turn, as undici takes them. */
export function flat(fields: Fields): string[] {
  const pairs: string[] = [];
  for (const [name, value] of fields.values()) pairs.push(name, value);
  return pairs;
}

/** The Content-Type of a body that the manifest gives none for. */
export function guessContentType(body: Uint8Array): string {
  if (isMarkedJson(body)) return "application/json";
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(buffer);
  } catch {
    return "application/octet-stream";
  }
  // only what begins as JSON does is worth the parse; a body beyond 1 MiB is believed
  if (!/^[\s]*[[{"\-0-9tfn]/.test(text)) return "text/plain; charset=utf-8";
  if (text.length > 1024 * 1024) return "application/json";
  try {
    JSON.parse(text);
    return "application/json";
  } catch {
    return "text/plain; charset=utf-8";
  }
}

/** `Retry-After` in milliseconds from now: seconds, or an HTTP date. */
export function retryAfterMs(value: string | string[] | undefined, nowMs: number): number | undefined {
  const text = (Array.isArray(value) ? value[0] : value)?.trim();
  if (text === undefined || text === "") return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : Math.max(0, Math.ceil(atMs - nowMs));
}
