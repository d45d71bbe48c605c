import { awsClientSettings } from "../kit/aws.ts";
import { defineTrigger } from "../kit/trigger.ts";
import { accountKey, accountPlaces, serviceHost } from "./aws/account.ts";
import { sendAll, shownAs } from "./aws/message.ts";
import { Buses } from "./event-bridge/buses.ts";
import { type EventBridgeConfig, eventBridgeConfig, lintEventBridge } from "./event-bridge/config.ts";
import { bridgeEntry, renderEntry } from "./event-bridge/message.ts";

/**
 * Puts an event on a bus of AWS EventBridge; an extension. Firings at the same time share requests of up to 10 entries, each
 * with its own result. The trace goes along as `TraceHeader`. EventBridge has no place for an idempotency key beside the
 * detail, which is the manifest's: a repeated attempt is another event, unless the payload has something to tell it by.
 */
export const eventBridge = defineTrigger<EventBridgeConfig, Buses>({
  kind: "eventBridge",
  title: "AWS EventBridge",
  summary: "Puts an event on an event bus.",
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
        name: put
        eventBridge:
          region: us-east-1
          eventBusName: shop
          source: shop.orders
          detailType: Order placed
          payload:
            - src:
                dependencyName: order
                dataKey: body
                useRawData: true
              dest: order
`,
  config: eventBridgeConfig,
  lint: lintEventBridge,
  connectionKey: accountKey,
  target: (config) => serviceHost("events", config),
  reaches: accountPlaces,
  async connect(cx) {
    const sdk = await cx.sdk("@aws-sdk/client-eventbridge", () => import("@aws-sdk/client-eventbridge"));
    return new Buses(sdk, await awsClientSettings(cx.config, cx));
  },
  fire: (call) => sendAll(call, async (firing) => call.client.post(bridgeEntry(firing), call.signal)),
  render: (call) => shownAs(call, renderEntry),
});
