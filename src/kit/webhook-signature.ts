import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from "node:crypto";
import { TideError } from "../lib/errors.ts";

export type HmacAlgorithm = "sha1" | "sha256" | "sha512";
export type SignatureEncoding = "hex" | "base64" | "base64url";

/** What a request brings to show who sent it, as its headers tell: the body is not there yet. */
export interface Proof {
  /** Of a signature: any one of them must be right, in the encoding of the scheme. Of a token: the token itself. */
  readonly shown: readonly string[];
  readonly kind: SignatureKey["kind"];
  /** What is signed is this text, the body, and the text after it; a character for each byte, as Node reads headers. */
  readonly before: string;
  readonly after: string;
  /** When it was signed, where the sender says so. */
  readonly signedMs?: number | undefined;
  /** The sender's own id of the delivery. */
  readonly id?: string | undefined;
}

/** A secret, ready for use. A token is sent as it is and not used to sign. */
export type SignatureKey =
  | { readonly kind: "hmac"; readonly key: KeyObject }
  | { readonly kind: "token"; readonly hash: Buffer };

/** How a sender signs. */
export interface SignatureScheme {
  /** First part of the ids of deliveries, so that those of two schemes are never the same. */
  readonly name: string;
  readonly algorithm: HmacAlgorithm;
  readonly encoding: SignatureEncoding;
  /** How far `signedMs` may be from now. undefined: the scheme has no time. */
  readonly toleranceMs: number | undefined;
  /** Throws SECRET_UNFIT. */
  keyOf(secret: string): SignatureKey;
  /** None: a header is missing, there twice, too long or not of its form. */
  proofs(rawHeaders: readonly string[]): readonly Proof[];
  /** What the body says of itself; asked for signed bodies only. */
  about?(body: Uint8Array): About;
  /** Headers, in lower case, that hold the secret itself and are masked in the event. */
  readonly secretHeaders: readonly string[];
}

export interface About {
  /** The sender's own id, where it stands in the body. */
  readonly id?: string | undefined;
  /** The body is no event but a question whether anybody is here: this is the answer. */
  readonly answer?: string | undefined;
}

/** A proof that a key fits. */
export interface Match {
  readonly proof: Proof;
  /** The signature as it must be; of a token undefined. */
  readonly signature: string | undefined;
}

/**
 * The first of the proofs that one of the keys fits. The time that a comparison takes says nothing about what would have been
 * right; which key of several fitted may show.
 */
export function matchOf(
  { algorithm, encoding }: SignatureScheme,
  {
    proofs,
    keys,
    body,
  }: { readonly proofs: readonly Proof[]; readonly keys: readonly SignatureKey[]; body: Uint8Array },
): Match | undefined {
  for (const proof of proofs) {
    for (const key of keys) {
      if (key.kind === "token") {
        if (proof.kind === "token" && proof.shown.some((one) => isToken(one, key.hash))) {
          return { proof, signature: undefined };
        }
      } else if (proof.kind === "hmac") {
        const hmac = createHmac(algorithm, key.key).update(proof.before, "latin1").update(body);
        const signature = hmac.update(proof.after, "latin1").digest(encoding);
        if (shows(proof, Buffer.from(signature, "latin1"))) return { proof, signature };
      }
    }
  }
  return undefined;
}

function shows({ shown }: Proof, expected: Buffer): boolean {
  let found = false;
  for (const one of shown) {
    const given = Buffer.from(one, "latin1");
    if (given.length === expected.length && timingSafeEqual(given, expected)) found = true;
  }
  return found;
}

/** Hashes have one length: not even the token's is told. */
function isToken(shown: string, expected: Buffer): boolean {
  return timingSafeEqual(hash("sha256", Buffer.from(shown, "latin1"), "buffer"), expected);
}

/** The text of the secret as it is, which is how most senders use theirs. */
export function textKey(secret: string): SignatureKey {
  if (secret === "") throw unfit("is empty");
  return { kind: "hmac", key: createSecretKey(secret, "utf8") };
}

/** Base64, with or without `whsec_` before it (Standard Webhooks). */
export function base64Key(secret: string): SignatureKey {
  const text = secret.startsWith("whsec_") ? secret.slice("whsec_".length) : secret;
  const bytes = Buffer.from(text, "base64");
  if (bytes.length === 0 || bytes.toString("base64").replace(/=+$/, "") !== text.replace(/=+$/, "")) {
    throw unfit("is not whsec_ and base64");
  }
  return { kind: "hmac", key: createSecretKey(bytes) };
}

export function tokenKey(secret: string): SignatureKey {
  if (secret === "") throw unfit("is empty");
  return { kind: "token", hash: hash("sha256", secret, "buffer") };
}

function unfit(why: string): TideError {
  return new TideError("SECRET_UNFIT", `a secret of signature.secrets ${why}`);
}
