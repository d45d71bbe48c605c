import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";

/** What a token allows; each scope allows what those before it do. */
export const scopes = ["view", "operate", "admin"] as const;

export type Scope = (typeof scopes)[number];

/** A token as its file in the data folder keeps it: never the token itself. */
export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  /** SHA-256 of the whole token, hex. */
  readonly hash: string;
  /** RFC 3339, as are all times here. */
  readonly createdAt: string;
  /** Absent: never. */
  readonly expiresAt?: string | undefined;
}

const idForm = /^[0-9a-z]{12}$/;
const tokenForm = /^tmt_([0-9a-z]{12})_[A-Za-z0-9_-]{43}$/;

export const tokenName = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._@/-]{0,63}$/u, "write a name of up to 64 letters, digits, spaces and ._@/-");

export const tokenRecord: z.ZodType<TokenRecord> = z.object({
  id: z.string().regex(idForm),
  name: tokenName,
  scope: z.enum(scopes),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().optional(),
});

export interface NewToken {
  readonly name: string;
  readonly scope: Scope;
  readonly nowMs: number;
  /** Absent: it does not expire. */
  readonly lifeMs?: number | undefined;
}

/** A new token of 256 random bits, which is shown once, and what is kept of it. */
export function makeToken({ name, scope, nowMs, lifeMs }: NewToken): {
  readonly token: string;
  readonly record: TokenRecord;
} {
  const id = Array.from(randomBytes(12), (byte) => idLetters[byte % idLetters.length]).join("");
  const token = `tmt_${id}_${randomBytes(32).toString("base64url")}`;
  const record = {
    ...{ id, name, scope, hash: hashOf(token), createdAt: new Date(nowMs).toISOString() },
    ...(lifeMs === undefined ? {} : { expiresAt: new Date(nowMs + lifeMs).toISOString() }),
  };
  return { token, record };
}

/** 32 of them, so that each byte gives each letter equally often. */
const idLetters = "0123456789abcdefghjkmnpqrstvwxyz";

/** The public part of a token, by which its file is found; undefined for what is no token at all. */
export function idOf(token: string): string | undefined {
  return tokenForm.exec(token)?.[1];
}

export function isTokenId(text: string): boolean {
  return idForm.test(text);
}

/**
 * One SHA-256 is enough. Slow hashes (argon2, scrypt) are there to make guesses dear where the secret is a word that a person
 * chose; of 2^256 equally likely tokens nobody finds one, however fast the hash is, and a slow one would let anybody who
 * can reach the port keep the processor busy.
 */
function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Whether it is this record's token, in a time that does not tell how much of it is right. */
export function isTokenOf(record: Pick<TokenRecord, "hash">, token: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(token), "hex"), Buffer.from(record.hash, "hex"));
}

export function isExpired({ expiresAt }: Pick<TokenRecord, "expiresAt">, nowMs: number): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= nowMs;
}

/** Whether a scope allows what needs another. */
export function allows(has: Scope, needs: Scope): boolean {
  return scopes.indexOf(has) >= scopes.indexOf(needs);
}

/** A token as it is shown. */
export interface TokenAnswer extends Omit<TokenRecord, "hash"> {
  readonly expired: boolean;
  /** To the minute. */
  readonly lastUsedAt?: string | undefined;
}

export function tokenAnswer(
  { hash: _, ...shown }: TokenRecord,
  { nowMs, lastUsedAt }: { readonly nowMs: number; readonly lastUsedAt?: string | undefined },
): TokenAnswer {
  return { ...shown, expired: isExpired(shown, nowMs), ...(lastUsedAt === undefined ? {} : { lastUsedAt }) };
}
