import { json, map, object, optional, secretRef, text, whole } from "../kit/fields.ts";
import { eventSourceFilter } from "../kit/schemas.ts";
import { guardFields } from "../kit/webhook-guard-fields.ts";

/** One entry of `eventBridge`: an extension, all of it. */
export const eventBridgeConfig = object(
  {
    port: text({ description: 'Port to listen on, as text: "4010". Entries share it. (extension)', nonEmpty: true }),
    endpoint: optional(
      text({ description: "Path that is served. Default /, which is where AWS SDKs send to. (extension)" }),
    ),
    eventBusName: optional(
      text({ description: "Event bus whose events the entry gets: a name or an ARN. Default default. (extension)" }),
    ),
    pattern: optional(
      json({
        description:
          "Event pattern, as in a rule of EventBridge: YAML, or JSON as text. Which events the entry gets; all by default. (extension)",
      }),
    ),
    region: optional(
      text({
        description:
          "AWS region in events; requests signed for another one are refused. Default us-east-1. (extension)",
      }),
    ),
    account: optional(
      text({ description: "AWS account in events. Default that of the ARN, or 000000000000. (extension)" }),
    ),
    accessKey: optional(
      secretRef({ description: "Access key id that requests must be signed with; needs secretKey. (extension)" }),
    ),
    secretKey: optional(secretRef({ description: "Secret access key; needs accessKey. (extension)" })),
    serverCertSecret: optional(
      secretRef({ description: "Server certificate (PEM) for HTTPS; needs serverKeySecret. (extension)" }),
    ),
    serverKeySecret: optional(secretRef({ description: "Key of the server certificate (PEM). (extension)" })),
    maxPayloadSize: optional(
      whole({ description: "Largest request in bytes. Default 8388608: 1 MiB of entries, escaped. (extension)" }),
    ),
    allowFrom: guardFields.allowFrom,
    trustedProxies: guardFields.trustedProxies,
    rateLimit: guardFields.rateLimit,
    clientCertificate: guardFields.clientCertificate,
    bodyTimeout: guardFields.bodyTimeout,
    metadata: optional(
      map(text({ description: "Value." }), { description: "Constant keys put into the event's data. (extension)" }),
    ),
    filter: optional(eventSourceFilter()),
  },
  { description: "An event bus that speaks the AWS API for PutEvents. (extension)" },
);

export type EventBridgeConfig = ReturnType<typeof eventBridgeConfig.parse>;

/** What a bus is called. Region and account are known where the name is an ARN. */
export interface BusName {
  readonly name: string;
  readonly region?: string;
  readonly account?: string;
}

/** AWS's own form of what it takes as `EventBusName`. */
const form = /^(?:arn:aws[\w-]*:events:([a-z]{2}-[a-z]+-[\w-]+):(\d{12}):event-bus\/)?([/.\-_A-Za-z0-9]+)$/;

/** undefined where the text is neither the name nor the ARN of an event bus. */
export function readBusName(text: string): BusName | undefined {
  const [, region, account, name] = form.exec(text) ?? [];
  if (name === undefined || text.length > 1600) return undefined;
  return region === undefined || account === undefined ? { name } : { name, region, account };
}
