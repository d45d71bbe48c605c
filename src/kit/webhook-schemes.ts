import { isRecord } from "../lib/json.ts";
import { onlyHeader } from "./headers.ts";
import {
  base64Key,
  type HmacAlgorithm,
  type Proof,
  type SignatureEncoding,
  type SignatureScheme,
  textKey,
  tokenKey,
} from "./webhook-signature.ts";

/** How the senders sign that a manifest can name by one word (docs/specs/webhook-security.md has the sources). */
export const presets = ["github", "gitlab", "slack", "stripe", "standardWebhooks"] as const;
export type Preset = (typeof presets)[number];

/** A sender's own way to sign, as a manifest describes it. */
export interface OwnScheme {
  readonly header: string;
  readonly algorithm: HmacAlgorithm;
  readonly encoding: SignatureEncoding;
  readonly prefix: string;
  readonly timestampHeader: string | undefined;
  readonly idHeader: string | undefined;
  /** With `{body}` once, and `{timestamp}` and `{id}` as often as wanted. */
  readonly signed: string;
  readonly toleranceMs: number | undefined;
}

const usual = { algorithm: "sha256", encoding: "hex", secretHeaders: [] } as const;
/** Senders show one signature for each secret that they use at the time; more than this many is no sender. */
const mostSignatures = 16;

const none: readonly Proof[] = [];
const seconds = /^\d{1,11}$/;

function proof(of: Pick<Proof, "shown"> & Partial<Proof>): readonly Proof[] {
  return of.shown.length === 0 || of.shown.length > mostSignatures
    ? none
    : [{ kind: "hmac", before: "", after: "", ...of }];
}

/** What stands after the prefix of a header that is there once. */
function afterPrefix(rawHeaders: readonly string[], name: string, prefix: string): readonly string[] {
  const value = onlyHeader(rawHeaders, name);
  return value?.startsWith(prefix) ? [value.slice(prefix.length)] : [];
}

/** `X-Hub-Signature-256: sha256=<hex>` of the body. The id of the delivery is not signed. */
const github: SignatureScheme = {
  ...usual,
  name: "github",
  toleranceMs: undefined,
  keyOf: textKey,
  proofs: (headers) =>
    proof({
      shown: afterPrefix(headers, "x-hub-signature-256", "sha256="),
      id: onlyHeader(headers, "x-github-delivery"),
    }),
};

/** `X-Slack-Signature: v0=<hex>` of `v0:<timestamp>:<body>`. */
function slack(toleranceMs: number): SignatureScheme {
  return {
    ...usual,
    name: "slack",
    toleranceMs,
    keyOf: textKey,
    proofs(headers) {
      const timestamp = onlyHeader(headers, "x-slack-request-timestamp") ?? "";
      if (!seconds.test(timestamp)) return none;
      const shown = afterPrefix(headers, "x-slack-signature", "v0=");
      return proof({ shown, before: `v0:${timestamp}:`, signedMs: Number(timestamp) * 1000 });
    },
    about(body) {
      const said = jsonObject(body);
      const asks = said?.type === "url_verification";
      return { id: textMember(said, "event_id"), answer: asks ? textMember(said, "challenge") : undefined };
    },
  };
}

/** `Stripe-Signature: t=<seconds>,v1=<hex>,…` of `<t>.<body>`; what is not `v1` is nothing. */
function stripe(toleranceMs: number): SignatureScheme {
  return {
    ...usual,
    name: "stripe",
    toleranceMs,
    keyOf: textKey,
    proofs(headers) {
      const parts = (onlyHeader(headers, "stripe-signature") ?? "").split(",").map((part) => part.trim());
      const valuesOf = (key: string) =>
        parts.filter((part) => part.startsWith(key)).map((part) => part.slice(key.length));
      const [timestamp = "", ...more] = valuesOf("t=");
      if (more.length > 0 || !seconds.test(timestamp)) return none;
      return proof({ shown: valuesOf("v1="), before: `${timestamp}.`, signedMs: Number(timestamp) * 1000 });
    },
    about: (body) => ({ id: textMember(jsonObject(body), "id") }),
  };
}

/** `webhook-signature: v1,<base64> …` of `<webhook-id>.<webhook-timestamp>.<body>`; `v1a`, with public keys, is nothing. */
function standardProofs(headers: readonly string[]): readonly Proof[] {
  const id = onlyHeader(headers, "webhook-id") ?? "";
  const timestamp = onlyHeader(headers, "webhook-timestamp") ?? "";
  // with a dot in the id the end of it could be taken for the time, and the time for a part of the body
  if (!/^[^.]{1,256}$/.test(id) || !seconds.test(timestamp)) return none;
  const parts = (onlyHeader(headers, "webhook-signature") ?? "").split(" ");
  const shown = parts.filter((part) => part.startsWith("v1,")).map((part) => part.slice("v1,".length));
  return proof({ shown, before: `${id}.${timestamp}.`, signedMs: Number(timestamp) * 1000, id });
}

function standardWebhooks(toleranceMs: number): SignatureScheme {
  return {
    ...usual,
    name: "standardWebhooks",
    encoding: "base64",
    toleranceMs,
    keyOf: base64Key,
    proofs: standardProofs,
  };
}

/**
 * `X-Gitlab-Token` is the secret token itself; a signing token (`whsec_…`) signs as Standard Webhooks do. GitLab sends both
 * where both are set, and each secret fits what it is for: who has a signing token only is not let in by the other one.
 */
function gitlab(toleranceMs: number): SignatureScheme {
  return {
    ...usual,
    name: "gitlab",
    encoding: "base64",
    toleranceMs,
    secretHeaders: ["x-gitlab-token"],
    keyOf: (secret) => (secret.startsWith("whsec_") ? base64Key(secret) : tokenKey(secret)),
    proofs(headers) {
      const token = onlyHeader(headers, "x-gitlab-token");
      const id = onlyHeader(headers, "idempotency-key");
      const shown = token === undefined ? none : proof({ shown: [token], kind: "token", id });
      return [...standardProofs(headers), ...shown];
    },
  };
}

/** The scheme of a preset; `toleranceMs` counts where it has a time. */
export function presetScheme(preset: Preset, toleranceMs: number): SignatureScheme {
  switch (preset) {
    case "github":
      return github;
    case "gitlab":
      return gitlab(toleranceMs);
    case "slack":
      return slack(toleranceMs);
    case "stripe":
      return stripe(toleranceMs);
    case "standardWebhooks":
      return standardWebhooks(toleranceMs);
  }
}

export function ownScheme(own: OwnScheme): SignatureScheme {
  const [before = "", after = ""] = Buffer.from(own.signed, "utf8").toString("latin1").split("{body}");
  const header = own.header.toLowerCase();
  const signsId = own.signed.includes("{id}");
  return {
    ...usual,
    name: "own",
    algorithm: own.algorithm,
    encoding: own.encoding,
    toleranceMs: own.toleranceMs,
    keyOf: textKey,
    proofs(headers) {
      const timestamp = headerNamed(headers, own.timestampHeader);
      const id = headerNamed(headers, own.idHeader);
      const signedMs = timestamp === undefined ? undefined : timeOf(timestamp);
      if (own.timestampHeader !== undefined && signedMs === undefined) return none;
      // an id that is signed has nothing in it that could be taken for what stands after it
      if (own.idHeader !== undefined && !(signsId ? /^[\w-]{1,256}$/ : /./).test(id ?? "")) return none;
      const fill = (text: string) =>
        text.replace(/\{(timestamp|id)\}/g, (_, of) => (of === "id" ? id : timestamp) ?? "");
      const shown = afterPrefix(headers, header, own.prefix);
      return proof({
        // some senders write hex in capitals
        shown: own.encoding === "hex" ? shown.map((one) => one.toLowerCase()) : shown,
        before: fill(before),
        after: fill(after),
        signedMs,
        id,
      });
    },
  };
}

function headerNamed(headers: readonly string[], name: string | undefined): string | undefined {
  return name === undefined ? undefined : onlyHeader(headers, name.toLowerCase());
}

/** Unix seconds or milliseconds, or a time as ISO 8601 has it. */
function timeOf(text: string): number | undefined {
  if (seconds.test(text)) return Number(text) * 1000;
  if (/^\d{12,14}$/.test(text)) return Number(text);
  const ms = /^\d{4}-\d\d-\d\dT[\d:.]{5,18}(Z|[+-]\d\d:?\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

function jsonObject(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  // forms are bodies too: only what begins as an object is decoded
  if (body[0] !== 0x7b) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function textMember(object: Readonly<Record<string, unknown>> | undefined, key: string): string | undefined {
  const value = object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}
