import type { SendMessageBatchRequestEntry } from "@aws-sdk/client-sqs";
import type { Rendered } from "../../kit/trigger.ts";
import { TideError } from "../../lib/errors.ts";
import { traceToAws } from "../../lib/trace.ts";
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
import { type SqsConfig, sqsConfig } from "./config.ts";

/** An entry of a batch without its id, which only means something in its request. */
export type SqsMessage = Omit<SendMessageBatchRequestEntry, "Id">;

/** The message of one firing. Throws MESSAGE_INVALID. */
export function sqsMessage(firing: MessageOf<SqsConfig>): Posted<SqsMessage> {
  const { delaySeconds, messageGroupId, messageAttributes, ...config } = checkedConfig(sqsConfig, "sqs", firing.config);
  const fifo = isFifo(config.queue || config.queueUrl);
  if (fifo && !messageGroupId) throw new TideError("MESSAGE_INVALID", "a FIFO queue needs messageGroupId");
  const { key, trace } = firing;
  const MessageBody = textOf(firing);
  const attributes = attributesOf(messageAttributes, { key: fifo ? undefined : key, trace });
  const MessageAttributes = textAttributes(attributes);
  const header = trace === undefined || messageAttributes?.traceparent ? undefined : traceToAws(trace);
  const message: SqsMessage = {
    MessageBody,
    ...(delaySeconds === undefined ? {} : { DelaySeconds: delaySeconds }),
    ...(MessageAttributes === undefined ? {} : { MessageAttributes }),
    ...(header === undefined
      ? {}
      : { MessageSystemAttributes: { AWSTraceHeader: { DataType: "String", StringValue: header } } }),
    ...(messageGroupId ? { MessageGroupId: messageGroupId } : {}),
    ...(fifo && key !== undefined ? { MessageDeduplicationId: key } : {}),
  };
  const bytes = checkedBytes(Buffer.byteLength(MessageBody) + attributeBytes(attributes));
  return { message, bytes, group: fifo ? messageGroupId : undefined };
}

/** The same for people and tests. */
export function renderSqs(firing: MessageOf<SqsConfig>): Rendered {
  const { queue, queueUrl } = firing.config;
  const { MessageBody, DelaySeconds, MessageGroupId } = sqsMessage(firing).message;
  const attributes = attributesOf(firing.config.messageAttributes, firing);
  return {
    ...(queueUrl ? { queueUrl } : { queue }),
    body: MessageBody,
    ...(attributes.size === 0 ? {} : { messageAttributes: Object.fromEntries(attributes) }),
    ...(DelaySeconds === undefined ? {} : { delaySeconds: DelaySeconds }),
    ...(MessageGroupId === undefined ? {} : { messageGroupId: MessageGroupId }),
  };
}
