import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { WebRequest } from "../kit/webhook.ts";

/** Why a request is not let in, as AWS words it: the caller's SDK knows the code. */
export interface SignatureFault {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** What the `Authorization` header of a signed request says. */
export interface Claim {
  readonly accessKeyId: string;
  /** `YYYYMMDD/region/service/aws4_request`. */
  readonly scope: string;
  readonly region: string;
  /** Names of signed headers, lower case, as listed. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly timestamp: string;
}

export interface SignatureRules {
  /** The word in the scope of a credential. */
  readonly service: string;
  readonly nowMs: number;
}

type Signed = Pick<WebRequest, "method" | "path" | "query" | "rawHeaders" | "body">;

const algorithm = "AWS4-HMAC-SHA256";
/** As AWS has it. */
const maxSkewMs = 5 * 60_000;

/**
 * Reads who a request says it is from, and checks all of AWS's Signature Version 4 that needs no key: form, scope, clock,
 * hash of the body, and that what decides about the request is signed. Signatures in the query (presigned) are refused.
 */
export function readClaim(request: Signed, { service, nowMs }: SignatureRules): Claim | SignatureFault {
  const headers = headersOf(request.rawHeaders);
  if (/(^|&)x-amz-(algorithm|signature|credential)=/i.test(request.query)) {
    return incomplete("a signature in the query (a presigned URL) is not taken; sign in the Authorization header");
  }
  const authorization = headers.get("authorization") ?? "";
  if (authorization === "") {
    return { status: 403, code: "MissingAuthenticationTokenException", message: "Missing Authentication Token" };
  }
  const claim = claimOf(authorization, headers);
  if ("code" in claim) return claim;
  return scopeFault(claim, service) ?? clockFault(claim, nowMs) ?? contentFault(claim, headers, request.body) ?? claim;
}

/** Whether the request was signed with this key; takes the same time whatever the signature. */
export function isSignedWith(secretKey: string, claim: Claim, request: Signed): boolean {
  const hash = createHash("sha256").update(canonicalOf(request, claim), "latin1").digest("hex");
  const toSign = [algorithm, claim.timestamp, claim.scope, hash].join("\n");
  const key = claim.scope.split("/").reduce<Buffer | string>(hmac, `AWS4${secretKey}`);
  const given = Buffer.from(claim.signature, "hex");
  const expected = hmac(key, toSign);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

export const wrongSignature: SignatureFault = {
  status: 403,
  code: "InvalidSignatureException",
  message:
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
};

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}

function incomplete(message: string): SignatureFault {
  return { status: 400, code: "IncompleteSignatureException", message };
}

function invalid(message: string): SignatureFault {
  return { status: 403, code: "InvalidSignatureException", message };
}

function claimOf(authorization: string, headers: ReadonlyMap<string, string>): Claim | SignatureFault {
  const space = authorization.indexOf(" ");
  if (authorization.slice(0, Math.max(space, 0)) !== algorithm) {
    return incomplete(`Authorization header must begin with ${algorithm}`);
  }
  const parts = new Map<string, string>();
  for (const part of authorization.slice(space + 1).split(",")) {
    const equals = part.indexOf("=");
    parts.set(part.slice(0, Math.max(equals, 0)).trim(), part.slice(equals + 1).trim());
  }
  const absent = ["Credential", "Signature", "SignedHeaders"].filter((name) => !parts.get(name));
  if (absent.length > 0) {
    return incomplete(absent.map((name) => `Authorization header requires '${name}' parameter.`).join(" "));
  }
  const timestamp = headers.get("x-amz-date") ?? "";
  if (!/^\d{8}T\d{6}Z$/.test(timestamp)) {
    return incomplete("Authorization header requires existence of an 'X-Amz-Date' header in ISO-8601 basic format.");
  }
  const [accessKeyId = "", ...scope] = (parts.get("Credential") ?? "").split("/");
  const signature = parts.get("Signature") ?? "";
  if (!/^[\da-f]{64}$/.test(signature)) return incomplete("the signature is not 64 hex digits in lower case");
  return {
    accessKeyId,
    scope: scope.join("/"),
    region: scope[1] ?? "",
    signedHeaders: (parts.get("SignedHeaders") ?? "").split(";").map((name) => name.toLowerCase()),
    signature,
    timestamp,
  };
}

function scopeFault({ scope, timestamp }: Claim, wanted: string): SignatureFault | undefined {
  const [date, region, service, end, ...more] = scope.split("/");
  if (end === undefined || more.length > 0 || !region) {
    return incomplete("Credential must have the form <access key id>/<YYYYMMDD>/<region>/<service>/aws4_request");
  }
  if (end !== "aws4_request") return invalid("Credential should be scoped with a valid terminator: 'aws4_request'.");
  if (service !== wanted) return invalid(`Credential should be scoped to correct service: '${wanted}'.`);
  if (date === timestamp.slice(0, 8)) return undefined;
  return invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.");
}

function clockFault({ timestamp }: Claim, nowMs: number): SignatureFault | undefined {
  const [, year, month, day, hour, minute, second] = /^(....)(..)(..)T(..)(..)(..)Z$/.exec(timestamp) ?? [];
  const signedMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(signedMs)) return incomplete("the X-Amz-Date header is no date");
  if (signedMs < nowMs - maxSkewMs) {
    const early = basic(nowMs - maxSkewMs);
    return invalid(`Signature expired: ${timestamp} is now earlier than ${early} (${basic(nowMs)} - 5 min.)`);
  }
  if (signedMs > nowMs + maxSkewMs) {
    const late = basic(nowMs + maxSkewMs);
    return invalid(`Signature not yet current: ${timestamp} is still later than ${late} (${basic(nowMs)} + 5 min.)`);
  }
  return undefined;
}

function basic(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
}

/** The signature always covers the body's hash as we count it; a header that names another one is a mistake to tell. */
function contentFault(
  { signedHeaders }: Claim,
  headers: ReadonlyMap<string, string>,
  body: Uint8Array,
): SignatureFault | undefined {
  const needed = ["host", ...[...headers.keys()].filter((name) => name.startsWith("x-amz-"))];
  const unsigned = needed.find((name) => !signedHeaders.includes(name));
  if (unsigned !== undefined) {
    return invalid(`'${unsigned}' must be a 'SignedHeader' in the AWS Authorization.`);
  }
  const absent = signedHeaders.find((name) => !headers.has(name));
  if (absent !== undefined) return invalid(`the signed header '${absent}' is not in the request`);
  const said = headers.get("x-amz-content-sha256");
  if (said === undefined || said === hashOf(body)) return undefined;
  return invalid("The value of the 'x-amz-content-sha256' header does not match the calculated content SHA256.");
}

function hashOf(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

/** The canonical request, one character per byte. */
function canonicalOf({ method, path, query, rawHeaders, body }: Signed, { signedHeaders }: Claim): string {
  const headers = headersOf(rawHeaders);
  const names = [...signedHeaders].sort();
  return [
    method,
    // SDKs sign what they send, escaped once more
    path
      .split("/")
      .map((segment) => encode(encode(segment)))
      .join("/"),
    query.split("&").map(canonicalPair).sort().join("&"),
    ...names.map((name) => `${name}:${headers.get(name) ?? ""}`),
    "",
    names.join(";"),
    hashOf(body),
  ].join("\n");
}

function canonicalPair(pair: string): string {
  if (pair === "") return "";
  const equals = pair.indexOf("=");
  const [name, value] = equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
  return `${recoded(name)}=${recoded(value)}`;
}

function recoded(text: string): string {
  try {
    return encode(decodeURIComponent(text));
  } catch {
    return encode(text);
  }
}

/** Percent-encoding of all but RFC 3986's unreserved characters. */
function encode(text: string): string {
  const more = (c: string): string => `%${c.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, more);
}

/** By lower-case name: trimmed, runs of spaces as one, several values joined by commas in their order. */
function headersOf(rawHeaders: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? "").toLowerCase();
    const value = (rawHeaders[i + 1] ?? "").trim().replace(/ +/g, " ");
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}
