import { awsClientSettings } from "../kit/aws.ts";
import { placeOfUrl } from "../kit/egress-place.ts";
import { defineTrigger } from "../kit/trigger.ts";
import { accountKey, accountPlaces, serviceHost } from "./aws/account.ts";
import { sendAll, shownAs } from "./aws/message.ts";
import { lintSqs, type SqsConfig, sqsConfig } from "./sqs/config.ts";
import { renderSqs, sqsMessage } from "./sqs/message.ts";
import { Queues } from "./sqs/queues.ts";

/**
 * Sends a message to an SQS queue; an extension. Messages of firings at the same time share requests of up to 10, each with
 * its own result. The firing id goes along: to a FIFO queue as deduplication id, so that a repeated attempt is no second
 * message for as long as SQS remembers it (5 minutes from the first: a retry or a `dlq retry` after that is one), else as
 * the attribute `idempotency-key`. A FIFO group keeps the order in which its firings were made as long as they go out at
 * the first attempt; `orderBy` or `atLeastOnce` keep it also over retries. The trace goes along as attributes
 * traceparent and tracestate and as `AWSTraceHeader`.
 */
export const sqs = defineTrigger<SqsConfig, Queues>({
  kind: "sqs",
  title: "AWS SQS",
  summary: "Sends a message to a queue of AWS SQS, standard or FIFO.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: orders
spec:
  dependencies:
    - name: order
      eventSourceName: shop
      eventName: order
  triggers:
    - template:
        name: queue
        sqs:
          region: us-east-1
          queue: orders
          payload:
            - src:
                dependencyName: order
                dataKey: body
                useRawData: true
              dest: order
`,
  config: sqsConfig,
  lint: lintSqs,
  connectionKey: accountKey,
  target: (config) => (config.queueUrl && !config.endpoint ? hostOfUrl(config) : serviceHost("sqs", config)),
  // the SDK sends to where the URL is
  reaches: (config) => [...accountPlaces(config), ...(config.queueUrl ? [placeOfUrl(config.queueUrl)] : [])],
  async connect(cx) {
    const sdk = await cx.sdk("@aws-sdk/client-sqs", () => import("@aws-sdk/client-sqs"));
    return new Queues(sdk, await awsClientSettings(cx.config, cx));
  },
  fire: (call) => sendAll(call, async (firing) => call.client.post(firing.config, sqsMessage(firing), call.signal)),
  render: (call) => shownAs(call, renderSqs),
});

/** The SDK goes to where the queue's URL points. */
function hostOfUrl({ region, queueUrl }: SqsConfig): string {
  return serviceHost("sqs", { region, endpoint: queueUrl });
}
