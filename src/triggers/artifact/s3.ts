import type { GetObjectCommandOutput, S3ClientConfig } from "@aws-sdk/client-s3";
import type { z } from "zod";
import { awsClientSettings } from "../../kit/aws.ts";
import { refusalIn } from "../../kit/egress.ts";
import { proxyAgents } from "../../kit/proxy-tunnel.ts";
import type { s3Artifact } from "../../kit/schemas.ts";
import type { ConnectContext } from "../../kit/trigger.ts";
import { within } from "../../lib/abort.ts";
import { sayDuration } from "../../lib/duration.ts";
import { type CodeName, codeOf, messageOf, TideError } from "../../lib/errors.ts";
import { systemCertificates } from "../http/client.ts";
import { unreachable } from "./http-exchange.ts";
import { maxArtifactBytes, readWhole, textOf, tooLarge } from "./limits.ts";

export type S3Artifact = z.infer<ReturnType<typeof s3Artifact>>;

const timeoutMs = 60_000;
const connectTimeoutMs = 30_000;
const defaultRegion = "us-east-1";

/**
 * `s3` (reference 0, S3Artifact, and 5): one object. Unlike in the peer `caCertificate` counts, an absent `endpoint` is
 * AWS itself, and absent keys mean the usual AWS chain (environment, shared files, container, instance).
 */
export async function readS3(s3: S3Artifact, cx: ConnectContext<unknown>): Promise<string> {
  const { name = "", key = "" } = s3.bucket ?? {};
  const where = shownS3(s3);
  if (name === "" || key === "") {
    throw new TideError("ARTIFACT_UNREADABLE", `${where}: it needs bucket.name and bucket.key`, { retry: "never" });
  }
  const sdk = await cx.sdk("@aws-sdk/client-s3", () => import("@aws-sdk/client-s3"));
  const settings = await clientSettings(s3, cx, where);
  using limit = within(cx.signal, timeoutMs, () => unreachable(where, `no object within ${sayDuration(timeoutMs)}`));
  const client = new sdk.S3Client(settings);
  try {
    const command = new sdk.GetObjectCommand({ Bucket: name, Key: key });
    const { Body, ContentLength } = await client.send(command, { abortSignal: limit.signal });
    const stream = streamOf(Body);
    if (ContentLength !== undefined && ContentLength > maxArtifactBytes) throw tooLarge(where, ContentLength);
    return textOf(await readWhole(stream, where), where);
  } catch (error) {
    if (limit.signal.aborted) throw limit.signal.reason;
    throw refusalIn(error) ?? (error instanceof TideError ? error : fault(error, where));
  } finally {
    // also ends the connection of a body that is not read
    client.destroy();
  }
}

/** For messages. */
export function shownS3({ bucket }: S3Artifact): string {
  return `s3 ${bucket?.name ?? ""}/${bucket?.key ?? ""}`;
}

async function clientSettings(s3: S3Artifact, cx: ConnectContext<unknown>, where: string): Promise<S3ClientConfig> {
  const endpoint = endpointOf(s3, where);
  const ca = s3.caCertificate === undefined ? undefined : await cx.secret(s3.caCertificate);
  const { accessKey, secretKey } = s3;
  const settings = await awsClientSettings(
    { region: s3.region || process.env.AWS_REGION || defaultRegion, accessKey, secretKey },
    // as in the peer: keys pasted with spaces around them work
    { ...cx, secret: async (ref) => (await cx.secret(ref)).trim() },
  );
  const secure = { ca: ca === undefined ? systemCertificates() : [ca], keepAlive: false };
  const agents = proxyAgents({ env: process.env, egress: cx.egress }, secure);
  return {
    ...settings,
    // the peer looks up where a bucket is; the region that the manifest lacks need not be right
    followRegionRedirects: true,
    // stand-ins know neither buckets as host names nor the newer checksums
    ...(endpoint === undefined
      ? {}
      : { endpoint, forcePathStyle: true, responseChecksumValidation: "WHEN_REQUIRED" as const }),
    requestHandler: { connectionTimeout: connectTimeoutMs, ...agents },
  };
}

/** The endpoint as URL; undefined where it is AWS, whose hosts the SDK knows better by region. */
function endpointOf(s3: S3Artifact, where: string): string | undefined {
  const { endpoint = "", insecure } = s3;
  if (endpoint === "") return undefined;
  const url = URL.parse(endpoint.includes("://") ? endpoint : `${insecure ? "http" : "https"}://${endpoint}`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const message = `${where}: endpoint ${JSON.stringify(endpoint.slice(0, 200))} is no host and port`;
    throw new TideError("ARTIFACT_UNREADABLE", message, { retry: "never" });
  }
  return /(^|\.)amazonaws\.com(\.cn)?$/.test(url.hostname) ? undefined : url.href;
}

function streamOf(body: GetObjectCommandOutput["Body"]): AsyncIterable<Uint8Array> {
  // in Node it is a stream; an empty object may come without
  return (body ?? []) as AsyncIterable<Uint8Array>;
}

const refusing: ReadonlySet<string> = new Set([
  "AccessDenied",
  "CredentialsProviderError",
  "ExpiredToken",
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
]);

function fault(error: unknown, where: string): TideError {
  const name = error instanceof Error ? error.name : "";
  const word = codeOf(error) ?? (name === "Error" ? "" : name);
  const message = [where, word, messageOf(error)].filter((part) => part !== "").join(": ");
  return new TideError(codeNameOf(name, statusOf(error)), message, { cause: error });
}

function codeNameOf(name: string, status: number | undefined): CodeName {
  if (name === "NoSuchKey" || name === "NoSuchBucket" || status === 404) return "ARTIFACT_MISSING";
  if (refusing.has(name) || status === 401 || status === 403) return "ARTIFACT_REFUSED";
  return status === undefined || status === 429 || status >= 500 ? "ARTIFACT_UNREACHABLE" : "ARTIFACT_UNREADABLE";
}

function statusOf(error: unknown): number | undefined {
  const metadata: unknown = error instanceof Error && "$metadata" in error ? error.$metadata : undefined;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return undefined;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}
