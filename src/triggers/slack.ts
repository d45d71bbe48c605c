import { placeOfUrl } from "../kit/egress-place.ts";
import { defineTrigger } from "../kit/trigger.ts";
import { TideError } from "../lib/errors.ts";
import { isThreadGone, SlackApi } from "./slack/api.ts";
import { defaultBaseUrl, lintSlack, type SlackConfig, slackConfig } from "./slack/config.ts";
import { slackMessage } from "./slack/message.ts";
import { Threads } from "./slack/threads.ts";

/**
 * Posts a message to a channel of Slack (reference 4, slack; T2 is mended: parameters of the type itself have effect).
 * Slack knows no idempotency key: a message whose answer is lost may be there twice after a retry.
 */
export const slack = defineTrigger<SlackConfig, SlackApi>({
  kind: "slack",
  title: "Slack",
  summary: "Posts a message to a channel of Slack.",
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
        slack:
          slackToken:
            name: slack
            key: token
          channel: orders
          message: An order came in
      parameters:
        - src:
            dependencyName: order
            dataTemplate: "Order {{ .Input.body.id }} came in"
          dest: slack.message
`,
  config: slackConfig,
  lint: lintSlack,
  connectionKey: ({ baseUrl, slackToken }) => JSON.stringify([baseUrl || defaultBaseUrl, slackToken ?? null]),
  target: ({ baseUrl }) => URL.parse(baseUrl || defaultBaseUrl)?.host ?? "",
  reaches: ({ baseUrl }) => [placeOfUrl(baseUrl || defaultBaseUrl)],
  async connect(cx) {
    const { slackToken, baseUrl } = cx.config;
    if (slackToken === undefined) throw new TideError("MESSAGE_INVALID", "there is no slackToken");
    return new SlackApi(baseUrl || defaultBaseUrl, await cx.secret(slackToken), cx.egress);
  },
  async fire(call) {
    const { client, config, signal } = call;
    const message = slackMessage(config);
    const post = (more: object = {}): Promise<string> =>
      client.post({ ...message, ...more }, { signal, nowMs: call.clock.nowMs() });
    const said = `posted to ${message.channel}`;
    const key = config.thread?.messageAggregationKey;
    if (!key) {
      await post();
      return { said };
    }
    const threads = call.keep("slack threads", () => new Threads());
    const at = JSON.stringify([call.namespace, config.baseUrl, config.slackToken, message.channel, key]);
    await threads.post(at, async (thread) => {
      try {
        return await post(thread === undefined ? {} : { thread_ts: thread });
      } catch (error) {
        // somebody deleted what it began with: another one begins
        if (thread === undefined || !isThreadGone(error)) throw error;
        threads.forget(at);
        return post();
      }
    });
    return { said: `${said} in thread ${key}` };
  },
  render: ({ config }) => ({
    method: "POST",
    url: `${(config.baseUrl || defaultBaseUrl).replace(/(?<!\/)\/+$/, "")}/chat.postMessage`,
    body: slackMessage(config),
  }),
});
