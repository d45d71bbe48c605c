import type { z } from "zod";
import { object, optional, text } from "../../kit/fields.ts";
import { badValue, isMade, missing, needs } from "../../kit/rules.ts";
import type { Finding } from "../../lib/finding.ts";
import { accountFields, accountRules } from "../aws/account.ts";
import { isFifo, messageAttributes, messageFields } from "../aws/message.ts";

/** `template.sns`, an extension. */
export const snsConfig = object(
  {
    ...accountFields,
    topicArn: text({ description: "ARN of the topic." }),
    ...messageFields,
    subject: optional(
      text({ description: "Subject, for e-mail: at most 100 characters of ASCII, beginning with none that is blank." }),
    ),
    messageAttributes,
    messageGroupId: optional(
      text({
        description:
          "FIFO: messages of one group come in the order in which they were published. Needed for a FIFO topic; a parameter can take it from the event.",
      }),
    ),
  },
  { description: "Publishes a message to a topic of AWS SNS. (extension)" },
);

export type SnsConfig = z.infer<typeof snsConfig>;

export function* lintSns(config: SnsConfig): Iterable<Finding> {
  yield* accountRules(config);
  yield* needs(config, ["topicArn"]);
  const { topicArn, subject } = config;
  if (topicArn !== "" && !/^arn:[^:]+:sns:[^:]*:[^:]*:[^:]+$/.test(topicArn) && !isMade(config, "topicArn")) {
    yield badValue(["topicArn"], `${topicArn} is no ARN of a topic`, "Write arn:aws:sns:REGION:ACCOUNT:TOPIC.");
  }
  if (subject && !isSubject(subject)) {
    yield badValue(["subject"], "SNS does not take this subject", "Use 1 to 100 printable characters of ASCII.");
  }
  if (isFifo(topicArn) && !config.messageGroupId && !isMade(config, "messageGroupId")) {
    yield missing(["messageGroupId"], "a FIFO topic needs messageGroupId", "Add it, or a parameter that makes it.");
  }
}

/** What SNS takes as such. */
export function isSubject(text: string): boolean {
  return /^[!-~][ -~]{0,99}$/.test(text);
}
