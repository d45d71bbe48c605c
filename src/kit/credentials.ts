import { hash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { TideError } from "../lib/errors.ts";
import type { KeyRef } from "./fields.ts";
import { headerOf, onlyHeader } from "./headers.ts";
import { keepSecrets } from "./kept-secrets.ts";
import type { RequestHead, WebResponse } from "./webhook.ts";

type Asked = Pick<RequestHead, "rawHeaders">;

/**
 * The answer to a request without the right token; undefined lets it in. Words and statuses are the peer's
 * (reference 1.4); the comparison takes the same time whatever was sent (S25).
 */
export async function refuseStranger(
  authSecret: KeyRef,
  { rawHeaders }: Asked,
  secret: (ref: KeyRef) => Promise<string>,
): Promise<WebResponse | undefined> {
  let expected: string;
  try {
    expected = await secret(authSecret);
  } catch {
    return { status: 500, body: "Error loading auth token\n" };
  }
  const given = headerOf(rawHeaders, "authorization");
  const headers = { "WWW-Authenticate": "Bearer" };
  if (given === undefined || !given.startsWith("Bearer ")) {
    return { status: 401, headers, body: "Invalid Authorization Header\n" };
  }
  const token = Buffer.from(given.slice("Bearer ".length), "latin1");
  return expected !== "" && timingSafeEqual(digestOf(token), digestOf(expected))
    ? undefined
    : { status: 401, headers, body: "Invalid Auth token\n" };
}

/** Hashes have one length, and are compared in the same time whatever they are of. */
function digestOf(value: string | Uint8Array): Buffer {
  return hash("sha256", value, "buffer");
}

export interface BasicSecrets {
  readonly username: KeyRef;
  readonly password: KeyRef;
  readonly secret: (ref: KeyRef) => Promise<string>;
  readonly clock: Clock;
}

/** Whether a request has the right user name and password (RFC 7617, in UTF-8). Rejects as `keepSecrets` does. */
export async function basicCheck({
  username,
  password,
  secret,
  clock,
}: BasicSecrets): Promise<(head: Asked) => Promise<boolean>> {
  const make = (value: string): Buffer => {
    if (value === "") throw new TideError("SECRET_UNFIT", "user name or password of basicAuth is empty");
    return digestOf(value);
  };
  const kept = await keepSecrets({ refs: [username, password], secret, make, clock });
  return async ({ rawHeaders }) => {
    const given = readBasic(onlyHeader(rawHeaders, "authorization") ?? "");
    if (given === undefined) return false;
    const [user, word] = [digestOf(given.user), digestOf(given.password)];
    const fits = ([u, p]: readonly Buffer[]): boolean => {
      if (u === undefined || p === undefined) return false;
      // both, always: which of the two was wrong must not show
      const isUser = timingSafeEqual(u, user);
      return timingSafeEqual(p, word) && isUser;
    };
    if (fits(await kept.get())) return true;
    const others = await kept.again();
    return others !== undefined && fits(others);
  };
}

function readBasic(header: string): { readonly user: Buffer; readonly password: Buffer } | undefined {
  const [, text] = /^basic +([A-Za-z\d+/]+={0,2})$/i.exec(header) ?? [];
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, "base64");
  const colon = bytes.indexOf(0x3a);
  return colon < 0 ? undefined : { user: bytes.subarray(0, colon), password: bytes.subarray(colon + 1) };
}
