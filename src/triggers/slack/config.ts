import type { z } from "zod";
import { flag, object, optional, secretRef, text } from "../../kit/fields.ts";
import { badValue, needs } from "../../kit/rules.ts";
import { triggerParameters } from "../../kit/schemas.ts";
import type { Finding } from "../../lib/finding.ts";

const word = (description: string) => optional(text({ description }));

/** `template.slack` (reference 4, slack). */
export const slackConfig = object(
  {
    parameters: optional(triggerParameters({ description: "Change these settings; `dest` is relative to them." })),
    slackToken: optional(secretRef({ description: "Token of the app, with the scope chat:write." })),
    channel: word("Channel: its id or name; a # before it is left out."),
    message: word("Text."),
    attachments: word("Attachments, as JSON text."),
    blocks: word("Blocks, as JSON text."),
    thread: optional(
      object(
        {
          messageAggregationKey: word("Messages of one key and channel make a thread, as long as the process runs."),
          broadcastMessageToChannel: optional(flag({ description: "Also show it in the channel." })),
        },
        { description: "Thread." },
      ),
    ),
    sender: optional(
      object({ username: word("Name shown."), icon: word("Icon: an emoji or a URL.") }, { description: "Sender." }),
    ),
    baseUrl: word("Where the API is (extension). Default https://slack.com/api."),
  },
  { description: "A Slack message." },
);

export type SlackConfig = z.infer<typeof slackConfig>;

export const defaultBaseUrl = "https://slack.com/api";

export function* lintSlack(config: SlackConfig): Iterable<Finding> {
  yield* needs(config, ["slackToken"]);
  for (const key of ["attachments", "blocks"] as const) yield* jsonRule(config, key);
  const { baseUrl } = config;
  if (baseUrl && !/^https?:\/\//i.test(baseUrl))
    yield badValue(["baseUrl"], "baseUrl does not begin with http:// or https://", "Write the whole URL.");
}

/** JSON in a text; with parameters the text is only what they change. */
function* jsonRule(config: SlackConfig, key: "attachments" | "blocks"): Iterable<Finding> {
  const written = config[key];
  if (!written || config.parameters !== undefined) return;
  try {
    JSON.parse(written);
  } catch {
    yield badValue([key], `${key} is no JSON`, "Write a JSON list as text.");
  }
}
