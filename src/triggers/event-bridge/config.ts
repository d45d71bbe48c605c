import type { z } from "zod";
import { list, object, optional, text } from "../../kit/fields.ts";
import { badValue, isMade, needs } from "../../kit/rules.ts";
import type { Finding } from "../../lib/finding.ts";
import { accountFields, accountRules } from "../aws/account.ts";
import { messageFields } from "../aws/message.ts";

/** `template.eventBridge`, an extension. */
export const eventBridgeConfig = object(
  {
    ...accountFields,
    eventBusName: optional(text({ description: "Name or ARN of the event bus. Default: the account's default bus." })),
    source: text({ description: "Source of the event, such as shop.orders; not aws." }),
    detailType: text({ description: "Detail type of the event." }),
    ...messageFields,
    resources: optional(list(text({ description: "One ARN or name." }), { description: "What the event is about." })),
    time: optional(
      text({ description: "When it happened, as 2026-01-05T09:00:00Z. Default: when EventBridge gets it." }),
    ),
  },
  { description: "Puts an event on a bus of AWS EventBridge; the message is its detail, a JSON object. (extension)" },
);

export type EventBridgeConfig = z.infer<typeof eventBridgeConfig>;

/** A moment as RFC 3339 writes it; undefined where the text is none. */
export function momentOf(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const moment = new Date(text);
  return Number.isNaN(moment.getTime()) ? undefined : moment;
}

export function* lintEventBridge(config: EventBridgeConfig): Iterable<Finding> {
  yield* accountRules(config);
  yield* needs(config, ["source", "detailType"]);
  const { source, time } = config;
  if (/^aws\b/i.test(source) && !isMade(config, "source")) {
    yield badValue(["source"], "EventBridge keeps sources that begin with aws for itself", "Use another name.");
  }
  if (time && momentOf(time) === undefined && !isMade(config, "time")) {
    yield badValue(["time"], `"${time}" is no time`, "Write it as 2026-01-05T09:00:00Z.");
  }
}
