import type { Agent as HttpAgent } from "node:http";
import type { Agent as HttpsAgent } from "node:https";
import { codeOf, messageOf, TideError } from "../lib/errors.ts";
import { refusalIn, unguarded } from "./egress.ts";
import { type KeyRef, optional, secretRef, text } from "./fields.ts";
import { namesProxy } from "./proxy.ts";
import { proxyAgents } from "./proxy-tunnel.ts";
import type { SourceContext } from "./source.ts";

/** The fields by which an entry says who it is towards AWS. */
export const awsFields = {
  region: text({ description: "AWS region, such as us-east-1.", nonEmpty: true }),
  accessKey: optional(secretRef({ description: "Access key id; needs secretKey. Without both, the usual AWS chain." })),
  secretKey: optional(secretRef({ description: "Secret access key; needs accessKey." })),
  roleARN: optional(
    text({ description: "Role to assume with the credentials of the usual AWS chain; wins over keys." }),
  ),
  endpoint: optional(text({ description: "URL of the service instead of AWS's own, such as a local stand-in." })),
} as const;

export interface AwsSettings {
  readonly region: string;
  readonly accessKey?: KeyRef | undefined;
  readonly secretKey?: KeyRef | undefined;
  readonly sessionToken?: KeyRef | undefined;
  readonly roleARN?: string | undefined;
  readonly endpoint?: string | undefined;
}

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration: Date;
}

/** What every client of the AWS SDK is made with. */
export interface AwsClientSettings {
  readonly region: string;
  readonly endpoint?: string;
  readonly credentials?: () => Promise<Keys>;
  /** The guard's leave, and proxies of the environment, which the SDK by itself does not heed. Absent only in tests. */
  readonly requestHandler?: { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent };
}

// the SDK renews 5 minutes before the end, so keys from Secrets are read afresh each minute: rotation needs no restart
const keyLifeMs = 6 * 60_000;

/** As the SDK's own agents. */
const maxSockets = 50;

/**
 * Region, endpoint, credentials and proxy of a client (reference 1.6, sqs and sns): a role wins over keys, keys over the SDK's own
 * chain (environment, shared files, container, instance). What that chain asks for credentials is not behind the guard: its
 * address is the machine's own, and no manifest names it. Rejects with SECRET_MISSING or SDK_MISSING.
 */
export async function awsClientSettings(
  settings: AwsSettings,
  cx: Pick<SourceContext<unknown>, "secret" | "sdk" | "clock" | "egress">,
): Promise<AwsClientSettings> {
  const { region, endpoint, roleARN, accessKey, secretKey, sessionToken } = settings;
  const requestHandler = proxyAgents({ env: process.env, egress: cx.egress }, { keepAlive: true, maxSockets });
  const place = { region, ...(endpoint ? { endpoint } : {}), requestHandler };
  if (roleARN) {
    const name = "@aws-sdk/credential-providers";
    const { fromTemporaryCredentials } = await cx.sdk(name, () => import("@aws-sdk/credential-providers"));
    const assume = fromTemporaryCredentials({
      params: { RoleArn: roleARN, RoleSessionName: "tidemill" },
      // its host is AWS's own, as for the rest of the chain: a sensor need not list it
      clientConfig: { region, ...chainWay() },
    });
    return { ...place, credentials: async () => withEnd(await assume(), cx.clock.nowMs()) };
  }
  if (!accessKey || !secretKey) return place;
  const keys = async (): Promise<Keys> => ({
    accessKeyId: await cx.secret(accessKey),
    secretAccessKey: await cx.secret(secretKey),
    ...(sessionToken ? { sessionToken: await cx.secret(sessionToken) } : {}),
    expiration: new Date(cx.clock.nowMs() + keyLifeMs),
  });
  // a missing Secret is told now, as such, and not by each request
  await keys();
  return { ...place, credentials: keys };
}

/** How the chain reaches AWS: only where the environment names a proxy is that not the SDK's own way. */
function chainWay(): Partial<Pick<AwsClientSettings, "requestHandler">> {
  if (!namesProxy(process.env)) return {};
  return { requestHandler: proxyAgents({ env: process.env, egress: unguarded }, { keepAlive: true }) };
}

function withEnd(keys: Omit<Keys, "expiration"> & { readonly expiration?: Date }, nowMs: number): Keys {
  return { ...keys, expiration: keys.expiration ?? new Date(nowMs + keyLifeMs) };
}

const gone = new Set([
  "QueueDoesNotExist",
  "AWS.SimpleQueueService.NonExistentQueue",
  "NotFound",
  "NotFoundException",
  "ResourceNotFoundException",
]);

/** An AWS error as one of ours: `doing` is a gerund, such as "receiving from queue orders". */
export function awsError(doing: string, error: unknown): TideError {
  const refusal = refusalIn(error);
  if (refusal !== undefined) return refusal;
  if (error instanceof TideError) return error;
  const name = error instanceof Error ? error.name : "";
  const word = codeOf(error) ?? (name === "Error" ? "" : name);
  const message = [doing, word, messageOf(error)].filter((part) => part !== "").join(": ");
  return new TideError(gone.has(name) ? "UPSTREAM_GONE" : "UPSTREAM_FAILED", message, { cause: error });
}

/** Whether trying the same request again is pointless: rights, names, expired keys. Throttling is not meant. */
export function isClientFault(error: unknown): boolean {
  if (!(error instanceof Error) || /throttl|TooManyRequests|SlowDown/i.test(error.name)) return false;
  return error instanceof TideError || ("$fault" in error && error.$fault === "client");
}
