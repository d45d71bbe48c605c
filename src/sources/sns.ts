import { awsClientSettings } from "../kit/aws.ts";
import { badRequest, portsOf, receiptAnswer, routeOf } from "../kit/callback.ts";
import { placeOfUrl } from "../kit/egress-place.ts";
import { envelopeData, readEnvelope } from "../kit/event-envelope.ts";
import { compactJson, goString, goTextOfBytes, metadataMember } from "../kit/go-json.ts";
import { type HeaderWriter, headerOf, makeHeaderWriter } from "../kit/headers.ts";
import { allOrNone, badValue, conflict, webhookRules } from "../kit/rules.ts";
import { type Draft, defineSource, type SourceContext } from "../kit/source.ts";
import { traceOfHeaders } from "../kit/trace-headers.ts";
import type { WebRequest, WebResponse } from "../kit/webhook.ts";
import { guardRules } from "../kit/webhook-guard-rules.ts";
import { aborted } from "../lib/abort.ts";
import { isTide, messageOf, TideError } from "../lib/errors.ts";
import type { Finding } from "../lib/finding.ts";
import { type SnsConfig, snsConfig } from "./sns-config.ts";
import { readSnsMessage, type SnsMessage, timestampUs } from "./sns-message.ts";
import { makeVerifier, type Verifier } from "./sns-signature.ts";
import { SnsSubscription } from "./sns-subscription.ts";

/**
 * `sns` (reference 1.4, 1.6, S21): serves a route, subscribes it to the topic once it listens, confirms, and takes the
 * notifications. SNS hears 200 once the bus holds one, and 503 otherwise, after which it delivers again. The MessageId
 * makes the event id, so that a second delivery is a visible duplicate.
 */
export const sns = defineSource({
  kind: "sns",
  title: "AWS SNS",
  summary: "Subscribes to an SNS topic and takes its notifications over HTTP.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata:
  name: shop
spec:
  sns:
    orders:
      region: us-east-1
      topicArn: arn:aws:sns:us-east-1:000000000000:orders
      validateSignature: true
      webhook:
        endpoint: /orders
        port: "12000"
        url: https://events.example.com
`,
  config: snsConfig,
  lint: rules,
  reaches: ({ endpoint }) => (endpoint ? [placeOfUrl(endpoint)] : []),
  ports: ({ webhook }) => portsOf(webhook),
  async run(cx) {
    const sdk = await cx.sdk("@aws-sdk/client-sns", () => import("@aws-sdk/client-sns"));
    using subscription = new SnsSubscription(cx, sdk, await awsClientSettings(cx.config, cx));
    const { endpoint, validateSignature, webhook, unsubscribeOnStop } = cx.config;
    const verify = validateSignature ? makeVerifier(endpoint || undefined, cx) : undefined;
    const headers = makeHeaderWriter();
    const route = await routeOf(webhook, "POST", cx);
    const authenticated = route.authenticated === true || verify !== undefined;
    await using _ = await cx.http.route({ ...route, authenticated }, (request) =>
      take(request, { cx, subscription, verify, headers }),
    );
    if (webhook.url) {
      await subscription.subscribe().catch((error: unknown) => {
        if (!cx.signal.aborted) throw error;
      });
    } else {
      cx.log.info({ topic: cx.config.topicArn }, "webhook.url is not set: subscribe the endpoint by hand");
      cx.ready();
    }
    await aborted(cx.signal);
    if (unsubscribeOnStop) await subscription.unsubscribe();
  },
});

function* rules(config: SnsConfig): Iterable<Finding> {
  yield* webhookRules(config.webhook, ["webhook"]);
  yield* guardRules(config.webhook, ["webhook"]);
  if (config.webhook.signature) {
    yield conflict(
      ["webhook", "signature"],
      "SNS signs in its messages: all would be refused",
      "Use validateSignature.",
    );
  }
  yield* allOrNone(config, ["accessKey", "secretKey"]);
  if (config.endpoint && !URL.canParse(config.endpoint)) {
    yield badValue(["endpoint"], `"${config.endpoint}" is no URL`, "Write it with its scheme: http://127.0.0.1:4566.");
  }
  if (config.validateSignature && config.rawMessageDelivery) {
    yield conflict(
      ["rawMessageDelivery"],
      "raw messages carry no signature: all would be refused",
      "Remove validateSignature or rawMessageDelivery.",
    );
  }
  if (!config.webhook.url) {
    yield {
      severity: "warning",
      code: "CALLBACK_MISSING",
      path: ["webhook"],
      message: "url is missing: the topic is not subscribed to",
      fix: "Add `url`, the address under which SNS reaches this port.",
    };
  }
}

interface Desk {
  readonly cx: SourceContext<SnsConfig>;
  readonly subscription: SnsSubscription;
  readonly verify: Verifier | undefined;
  readonly headers: HeaderWriter;
}

async function take(request: WebRequest, desk: Desk): Promise<WebResponse> {
  const { cx } = desk;
  if (headerOf(request.rawHeaders, "x-amz-sns-rawdelivery") === "true") return takeRaw(request, desk);
  const json = compactJson(request.body);
  if ("fault" in json) return badRequest(json.fault);
  const read = readSnsMessage(Buffer.from(json).toString("utf8"));
  if (read === undefined) return badRequest("the body is no SNS message");
  const refused = await refuseForged(read, desk);
  if (refused !== undefined) return refused;
  const { message } = read;
  if (message.Type === "SubscriptionConfirmation") return confirm(message, desk);
  if (message.Type !== "Notification") {
    cx.log.info({ type: message.Type }, "an SNS message that is no notification was ignored");
    return { status: 200 };
  }
  const sentUs = timestampUs(message.Timestamp);
  return publish(request, desk, {
    json,
    message: () => message.fields.get("Message") ?? "",
    about: {
      ...(message.MessageId === "" ? {} : { upstreamId: message.MessageId }),
      ...(sentUs === undefined ? {} : { sentUs }),
      trace: message.trace,
    },
  });
}

/** The answer to a message that SNS did not send for this topic; undefined where it did, or nobody asked. */
async function refuseForged(
  { message, ambiguous }: { readonly message: SnsMessage; readonly ambiguous: boolean },
  { verify, cx }: Desk,
): Promise<WebResponse | undefined> {
  if (verify === undefined) return undefined;
  try {
    if (ambiguous) throw new TideError("SIGNATURE_INVALID", "the message has a key twice");
    await verify(message);
    if (message.TopicArn !== cx.config.topicArn) {
      throw new TideError("SIGNATURE_INVALID", "the message is of another topic");
    }
    return undefined;
  } catch (error) {
    // a certificate that cannot be fetched now: SNS is to come again
    if (!isTide(error, "SIGNATURE_INVALID")) throw error;
    cx.log.warn({ error: messageOf(error) }, "an SNS message was refused");
    return { status: 403, body: `${error.message}\n` };
  }
}

async function confirm(message: SnsMessage, { cx, subscription }: Desk): Promise<WebResponse> {
  if (message.TopicArn !== cx.config.topicArn || message.Token === "") {
    return badRequest(`this address is for ${cx.config.topicArn}`);
  }
  await subscription.confirm(message.Token);
  return { status: 200 };
}

/** Raw delivery: the body is the message itself. The peer takes it for an envelope without a type, and drops it. */
async function takeRaw(request: WebRequest, desk: Desk): Promise<WebResponse> {
  if (desk.verify !== undefined) return { status: 403, body: "raw messages carry no signature\n" };
  const json = compactJson(request.body);
  const id = headerOf(request.rawHeaders, "x-amz-sns-message-id");
  return publish(request, desk, {
    json: "fault" in json ? goString(goTextOfBytes(request.body)) : json,
    message: () => goTextOfBytes(request.body),
    about: id ? { upstreamId: id } : {},
  });
}

interface Delivery {
  /** The body for the event. */
  readonly json: Uint8Array | string;
  /** What was published to the topic. */
  readonly message: () => string;
  readonly about: Omit<Draft, "data">;
}

async function publish(request: WebRequest, desk: Desk, delivery: Delivery): Promise<WebResponse> {
  const { cx, subscription } = desk;
  const draft = draftOf(request, desk, delivery);
  const { upstreamId, sentUs } = delivery.about;
  const about = { ...(upstreamId === undefined ? {} : { upstreamId }), ...(sentUs === undefined ? {} : { sentUs }) };
  const [receipt] = "fault" in draft ? await cx.refuse([{ ...about, reason: draft.fault }]) : await cx.emit([draft]);
  if (receipt === undefined) throw new TideError("UPSTREAM_FAILED", "no receipt for a notification");
  subscription.works();
  return receiptAnswer(request, receipt);
}

/** `{header, body, metadata?}` (reference 1.6), or the envelope of EventBridge that the message is. */
function draftOf(
  request: WebRequest,
  { cx, headers }: Desk,
  { json, message, about }: Delivery,
): Draft | { readonly fault: string } {
  const { envelope, metadata } = cx.config;
  const traced = { ...about, trace: about.trace ?? traceOfHeaders(request.rawHeaders) };
  if (envelope !== undefined) {
    const read = readEnvelope(message());
    if ("fault" in read) return { fault: `envelope is set, but the message ${read.fault}` };
    return { ...traced, upstreamId: read.id, data: envelopeData(read.text, metadata) };
  }
  const data = Buffer.concat([
    Buffer.from(`{"header":${headers.write(request.rawHeaders)},"body":`),
    Buffer.from(json),
    Buffer.from(`${metadataMember(metadata)}}`),
  ]);
  return { ...traced, data };
}
