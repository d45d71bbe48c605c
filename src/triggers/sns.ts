import { awsClientSettings } from "../kit/aws.ts";
import { defineTrigger } from "../kit/trigger.ts";
import { accountKey, accountPlaces, serviceHost } from "./aws/account.ts";
import { sendAll, shownAs } from "./aws/message.ts";
import { lintSns, type SnsConfig, snsConfig } from "./sns/config.ts";
import { renderSns, snsMessage } from "./sns/message.ts";
import { Topics } from "./sns/topics.ts";

/**
 * Publishes a message to an SNS topic; an extension. Messages of firings at the same time share requests of up to 10, each
 * with its own result. The firing id goes along: to a FIFO topic as deduplication id (SNS remembers it for 5 minutes), else
 * as the attribute `idempotency-key`; the trace as attributes traceparent and tracestate. Order in FIFO groups is as with
 * the trigger `sqs`.
 */
export const sns = defineTrigger<SnsConfig, Topics>({
  kind: "sns",
  title: "AWS SNS",
  summary: "Publishes a message to a topic of AWS SNS, standard or FIFO.",
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
        name: tell
        sns:
          region: us-east-1
          topicArn: arn:aws:sns:us-east-1:123456789012:orders
          subject: An order
          payload:
            - src:
                dependencyName: order
                dataKey: body
                useRawData: true
              dest: order
          messageAttributes:
            kind: order
`,
  config: snsConfig,
  lint: lintSns,
  connectionKey: accountKey,
  target: (config) => serviceHost("sns", config),
  reaches: accountPlaces,
  async connect(cx) {
    const sdk = await cx.sdk("@aws-sdk/client-sns", () => import("@aws-sdk/client-sns"));
    return new Topics(sdk, await awsClientSettings(cx.config, cx));
  },
  fire: (call) =>
    sendAll(call, async (firing) => call.client.post(firing.config.topicArn, snsMessage(firing), call.signal)),
  render: (call) => shownAs(call, renderSns),
});
