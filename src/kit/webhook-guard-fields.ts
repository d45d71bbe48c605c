import { parseDurationMs } from "../lib/duration.ts";
import { choice, duration, flag, type KeyRef, list, object, optional, secretRef, text, whole } from "./fields.ts";
import { presets } from "./webhook-schemes.ts";

/** Who may send to a webhook, and how much (docs/specs/webhook-security.md): extensions of a WebhookContext, all of them. */
export const guardFields = {
  signature: optional(
    object(
      {
        preset: optional(
          choice(presets, {
            description: "Sender whose way to sign is known. Without it the fields below say how.",
          }),
        ),
        secrets: optional(
          list(secretRef({ description: "A secret that signs." }), {
            description: "Secrets, any of which may have signed: the new one and the old one while it is renewed.",
          }),
        ),
        header: optional(text({ description: "Header with the signature." })),
        algorithm: optional(choice(["sha1", "sha256", "sha512"], { description: "Hash of the HMAC. Default sha256." })),
        encoding: optional(
          choice(["hex", "base64", "base64url"], {
            description: "How the signature is written. Default hex.",
          }),
        ),
        prefix: optional(text({ description: "What stands before the signature, such as `sha256=`." })),
        timestampHeader: optional(
          text({
            description: "Header with the time of signing: Unix seconds or milliseconds, or ISO 8601.",
          }),
        ),
        idHeader: optional(
          text({
            description: "Header with the sender's id of the delivery: a second one is a duplicate.",
          }),
        ),
        signed: optional(
          text({
            description:
              "What is signed, such as `{timestamp}.{body}`; knows `{body}`, `{timestamp}` and `{id}`. Default `{body}`.",
          }),
        ),
        tolerance: optional(duration({ description: "How far the time of signing may be from now. Default 5m." })),
        once: optional(
          flag({
            description: "A second request with the same signature is a duplicate, whatever its id is.",
          }),
        ),
      },
      { description: "Requests must be signed by the sender. (extension)" },
    ),
  ),
  basicAuth: optional(
    object(
      {
        username: optional(secretRef({ description: "User name." })),
        password: optional(secretRef({ description: "Password." })),
      },
      { description: "Callers must send this user name and password as `Authorization: Basic`. (extension)" },
    ),
  ),
  clientCertificate: optional(
    object(
      {
        caSecret: optional(secretRef({ description: "CA certificates (PEM) that sign the certificates of callers." })),
        names: optional(
          list(text({ description: "A name, such as `DNS:partner.example.com`." }), {
            description:
              "Names, one of which the certificate must have: `CN:`, `DNS:`, `URI:`, `email:` or `IP:` and the name. Default any.",
          }),
        ),
      },
      { description: "Callers must show a certificate of this CA (mutual TLS). (extension)" },
    ),
  ),
  allowFrom: optional(
    list(text({ description: "An address or a network: `192.0.2.0/24`, `2001:db8::/32`." }), {
      description: "Addresses that may call. Default all. (extension)",
    }),
  ),
  trustedProxies: optional(
    list(text({ description: "An address or a network." }), {
      description: "Proxies whose `X-Forwarded-For` tells the address of the caller. Default none. (extension)",
    }),
  ),
  rateLimit: optional(
    object(
      {
        requestsPerUnit: whole({ description: "Requests in each unit of time.", min: 1 }),
        unit: optional(choice(["Second", "Minute", "Hour"], { description: "Default Second." })),
        burst: optional(whole({ description: "Requests that may come at once. Default requestsPerUnit.", min: 1 })),
        per: optional(
          choice(["Address", "Route"], {
            description:
              "Whose requests are counted together: those of each address (IPv6: of each /64), or all. Default Address.",
          }),
        ),
      },
      { description: "How often may be called; what is more is answered with 429. (extension)" },
    ),
  ),
  bodyTimeout: optional(
    duration({
      description:
        "How long a body may take to arrive once the headers are there, at most 30s. Default 30s. (extension)",
    }),
  ),
} as const;

/** The fields above, as an entry has them. */
export interface GuardSettings {
  readonly authSecret?: KeyRef | undefined;
  readonly signature?: SignatureSettings | undefined;
  readonly basicAuth?: { readonly username?: KeyRef | undefined; readonly password?: KeyRef | undefined } | undefined;
  readonly clientCertificate?:
    | { readonly caSecret?: KeyRef | undefined; readonly names?: readonly string[] | undefined }
    | undefined;
  readonly allowFrom?: readonly string[] | undefined;
  readonly trustedProxies?: readonly string[] | undefined;
  readonly rateLimit?: RateSettings | undefined;
  readonly bodyTimeout?: string | number | undefined;
}

export interface SignatureSettings {
  readonly preset?: (typeof presets)[number] | undefined;
  readonly secrets?: readonly KeyRef[] | undefined;
  readonly header?: string | undefined;
  readonly algorithm?: "sha1" | "sha256" | "sha512" | undefined;
  readonly encoding?: "hex" | "base64" | "base64url" | undefined;
  readonly prefix?: string | undefined;
  readonly timestampHeader?: string | undefined;
  readonly idHeader?: string | undefined;
  readonly signed?: string | undefined;
  readonly tolerance?: string | number | undefined;
  readonly once?: boolean | undefined;
}

export interface RateSettings {
  readonly requestsPerUnit: number;
  readonly unit?: "Second" | "Minute" | "Hour" | undefined;
  readonly burst?: number | undefined;
  readonly per?: "Address" | "Route" | undefined;
}

/** Go's durations, or nanoseconds. undefined: it is none, or less than a millisecond, as 5 is that was meant as seconds. */
export function guardDurationMs(written: string | number): number | undefined {
  const ms = typeof written === "number" ? written / 1e6 : parseDurationMs(written);
  return ms !== undefined && ms >= 1 ? ms : undefined;
}
