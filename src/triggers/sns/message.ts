import type { PublishBatchRequestEntry } from "@aws-sdk/client-sns";
import type { Rendered } from "../../kit/trigger.ts";
import { TideError } from "../../lib/errors.ts";
import type { Posted } from "../aws/coalesce.ts";
import {
  attributeBytes,
  attributesOf,
  checkedBytes,
  checkedConfig,
  isFifo,
  type MessageOf,
  textAttributes,
  textOf,
} from "../aws/message.ts";
import { isSubject, type SnsConfig, snsConfig } from "./config.ts";

/** An entry of a batch without its id, which only means something in its request. */
export type SnsMessage = Omit<PublishBatchRequestEntry, "Id">;

/** The message of one firing. Throws MESSAGE_INVALID. */
export function snsMessage(firing: MessageOf<SnsConfig>): Posted<SnsMessage> {
  const { topicArn, subject, messageGroupId, messageAttributes } = checkedConfig(snsConfig, "sns", firing.config);
  const fifo = isFifo(topicArn);
  if (topicArn === "") throw new TideError("MESSAGE_INVALID", "there is no topicArn");
  if (fifo && !messageGroupId) throw new TideError("MESSAGE_INVALID", "a FIFO topic needs messageGroupId");
  if (subject && !isSubject(subject)) {
    throw new TideError("MESSAGE_INVALID", "the subject is not 1 to 100 printable characters of ASCII");
  }
  const { key, trace } = firing;
  const Message = textOf(firing);
  const attributes = attributesOf(messageAttributes, { key: fifo ? undefined : key, trace });
  const MessageAttributes = textAttributes(attributes);
  const message: SnsMessage = {
    Message,
    ...(subject ? { Subject: subject } : {}),
    ...(MessageAttributes === undefined ? {} : { MessageAttributes }),
    ...(messageGroupId ? { MessageGroupId: messageGroupId } : {}),
    ...(fifo && key !== undefined ? { MessageDeduplicationId: key } : {}),
  };
  const bytes = checkedBytes(Buffer.byteLength(Message) + attributeBytes(attributes));
  return { message, bytes, group: fifo ? messageGroupId : undefined };
}

/** The same for people and tests. */
export function renderSns(firing: MessageOf<SnsConfig>): Rendered {
  const { Message, Subject, MessageGroupId } = snsMessage(firing).message;
  const attributes = attributesOf(firing.config.messageAttributes, firing);
  return {
    topicArn: firing.config.topicArn,
    ...(Subject === undefined ? {} : { subject: Subject }),
    message: Message,
    ...(attributes.size === 0 ? {} : { messageAttributes: Object.fromEntries(attributes) }),
    ...(MessageGroupId === undefined ? {} : { messageGroupId: MessageGroupId }),
  };
}
