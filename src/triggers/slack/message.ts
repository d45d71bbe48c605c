import { TideError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";
import { checkedConfig } from "../aws/message.ts";
import { type SlackConfig, slackConfig } from "./config.ts";

/** The body of `chat.postMessage`. */
export type SlackMessage = Readonly<Record<string, unknown>> & { readonly channel: string };

/** What a configuration says, for Slack. Throws MESSAGE_INVALID. */
export function slackMessage(given: SlackConfig): SlackMessage {
  const config = checkedConfig(slackConfig, "slack", given);
  const channel = (config.channel ?? "").replace(/^#/, "");
  if (channel === "") throw new TideError("MESSAGE_INVALID", "there is no channel");
  const { message, sender, thread } = config;
  const parts = { attachments: listOf(config, "attachments"), blocks: listOf(config, "blocks") };
  if (!message && parts.attachments === undefined && parts.blocks === undefined)
    throw new TideError("MESSAGE_INVALID", "there is none of message, attachments and blocks");
  return {
    channel,
    ...(message ? { text: message } : {}),
    ...(parts.attachments === undefined ? {} : { attachments: parts.attachments }),
    ...(parts.blocks === undefined ? {} : { blocks: parts.blocks }),
    ...(sender?.username ? { username: sender.username } : {}),
    ...iconOf(sender?.icon),
    ...(thread?.broadcastMessageToChannel === true ? { reply_broadcast: true } : {}),
  };
}

/** What Slack takes for an icon: `:rocket:`, or a URL. */
function iconOf(icon: string | undefined): Readonly<Record<string, string>> {
  if (!icon) return {};
  return /^https?:\/\//i.test(icon) ? { icon_url: icon } : { icon_emoji: icon };
}

/** A list as JSON text; blocks also as Slack's own tool gives them: `{ "blocks": […] }`. */
function listOf(config: SlackConfig, key: "attachments" | "blocks"): readonly unknown[] | undefined {
  const text = config[key];
  if (!text) return undefined;
  const read = jsonOf(text, key);
  const list = isRecord(read) ? read[key] : read;
  if (!Array.isArray(list)) throw new TideError("MESSAGE_INVALID", `${key} is no JSON list`);
  return list;
}

function jsonOf(text: string, key: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TideError("MESSAGE_INVALID", `${key} is no JSON`, { cause });
  }
}
