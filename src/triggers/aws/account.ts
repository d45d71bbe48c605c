import { type AwsSettings, awsFields } from "../../kit/aws.ts";
import { placeOfUrl } from "../../kit/egress-place.ts";
import { optional, secretRef } from "../../kit/fields.ts";
import { allOrNone, badValue } from "../../kit/rules.ts";
import type { Finding } from "../../lib/finding.ts";

/** Who a trigger is towards AWS, as the sources have it. */
export const accountFields = {
  ...awsFields,
  sessionToken: optional(secretRef({ description: "Session token of temporary keys; read afresh each minute." })),
} as const;

/** Firings that are the same person at the same place share a client, whatever they send and where to. */
export function accountKey({ region, endpoint, roleARN, accessKey, secretKey, sessionToken }: AwsSettings): string {
  return JSON.stringify([region, endpoint, roleARN, accessKey, secretKey, sessionToken]);
}

/** What is down as a whole when a service is: `host:port` of the endpoint, or the service's own host of the region. */
export function serviceHost(service: string, { region, endpoint }: AwsSettings): string {
  const url = URL.parse(endpoint ?? "");
  if (url === null || url.host === "") return `${service}.${region}.amazonaws.com:443`;
  return url.port === "" ? `${url.host}:${url.protocol === "https:" ? 443 : 80}` : url.host;
}

/** What the settings name to connect to; without an endpoint the SDK makes a host of AWS's from the region. */
export function accountPlaces({ endpoint }: Pick<AwsSettings, "endpoint">): readonly string[] {
  return endpoint ? [placeOfUrl(endpoint)] : [];
}

export function* accountRules(config: Pick<AwsSettings, "endpoint" | "accessKey" | "secretKey">): Iterable<Finding> {
  yield* allOrNone(config, ["accessKey", "secretKey"]);
  if (config.endpoint && !URL.canParse(config.endpoint)) {
    yield badValue(["endpoint"], `"${config.endpoint}" is no URL`, "Write it with its scheme: http://127.0.0.1:4566.");
  }
}
