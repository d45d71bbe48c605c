import type { z } from "zod";
import { object, optional, text, whole } from "../../kit/fields.ts";
import { badValue, conflict, exactlyOne, isMade, missing } from "../../kit/rules.ts";
import type { Finding } from "../../lib/finding.ts";
import { accountFields, accountRules } from "../aws/account.ts";
import { isFifo, messageAttributes, messageFields } from "../aws/message.ts";

/** `template.sqs`, an extension. */
export const sqsConfig = object(
  {
    ...accountFields,
    queue: optional(text({ description: "Name of the queue; or give queueUrl." })),
    queueAccountId: optional(text({ description: "Account that owns the queue, if it is another one." })),
    queueUrl: optional(text({ description: "URL of the queue, instead of its name." })),
    ...messageFields,
    delaySeconds: optional(
      whole({
        description: "How long the message stays hidden at first. Default: the queue's own. Not with FIFO.",
        min: 0,
        max: 900,
      }),
    ),
    messageAttributes,
    messageGroupId: optional(
      text({
        description:
          "FIFO: messages of one group come in the order in which they were sent. Needed for a FIFO queue; a parameter can take it from the event. Of a standard queue, the tenant of fair queues.",
      }),
    ),
  },
  { description: "Sends a message to a queue of AWS SQS. (extension)" },
);

export type SqsConfig = z.infer<typeof sqsConfig>;

export function* lintSqs(config: SqsConfig): Iterable<Finding> {
  yield* accountRules(config);
  yield* exactlyOne(config, ["queue", "queueUrl"]);
  const { queueUrl, queue, queueAccountId } = config;
  if (queueUrl && !URL.canParse(queueUrl)) {
    yield badValue(["queueUrl"], `"${queueUrl}" is no URL`, "Write the whole URL, or use `queue` with its name.");
  }
  if (queueUrl && queueAccountId) {
    yield conflict(["queueAccountId"], "queueAccountId has no effect with queueUrl", "Remove it.");
  }
  if (!isFifo(queue ?? queueUrl)) return;
  if (!config.messageGroupId && !isMade(config, "messageGroupId")) {
    yield missing(["messageGroupId"], "a FIFO queue needs messageGroupId", "Add it, or a parameter that makes it.");
  }
  if (config.delaySeconds !== undefined) {
    yield conflict(["delaySeconds"], "a FIFO queue takes no delaySeconds for a message", "Set it on the queue.");
  }
}
