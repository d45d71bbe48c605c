import { setTimeout as pause } from "node:timers/promises";
import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import { SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { type Channel, type Message, nowUs } from "./message.ts";
import type { Draft } from "./sample.ts";

/** Where messages are sent. */
export interface Outlets {
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly topicArn: string;
  readonly queueUrl: string;
}

export interface SendOptions {
  readonly drafts: readonly Draft[];
  readonly to: Outlets;
  readonly signal: AbortSignal;
  /** Told of each message that SNS or SQS has taken. */
  readonly sent: (channel: Channel, message: Message) => void;
  /** Deletes the Jobs that are complete; called after every 50 messages. */
  readonly deleteJobs?: (() => Promise<void>) | undefined;
}

const deleteEvery = 50;

/** Sends each message to the topic and to the queue, then waits its gap. Rejects when one is not taken, or aborted. */
export async function sendAll({ drafts, to, signal, sent, deleteJobs }: SendOptions): Promise<void> {
  for (const [i, { message, gapMs }] of drafts.entries()) {
    signal.throwIfAborted();
    await Promise.all([
      toTopic(to, message, signal).then(tell("topic")),
      toQueue(to, message, signal).then(tell("queue")),
    ]);
    if ((i + 1) % deleteEvery === 0) await deleteJobs?.();
    if (i + 1 < drafts.length) await pause(gapMs, undefined, { signal });
  }

  function tell(channel: Channel): (message: Message) => void {
    return (message) => sent(channel, message);
  }
}

async function toTopic(to: Outlets, draft: Draft["message"], abortSignal: AbortSignal): Promise<Message> {
  const message = { ...draft, sentUs: nowUs() };
  await to.sns.send(new PublishCommand({ TopicArn: to.topicArn, Message: JSON.stringify(message) }), { abortSignal });
  return message;
}

async function toQueue(to: Outlets, draft: Draft["message"], abortSignal: AbortSignal): Promise<Message> {
  const message = { ...draft, sentUs: nowUs() };
  await to.sqs.send(new SendMessageCommand({ QueueUrl: to.queueUrl, MessageBody: JSON.stringify(message) }), {
    abortSignal,
  });
  return message;
}
