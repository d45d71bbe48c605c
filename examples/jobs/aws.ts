import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { startStandIn } from "../stand-in/stand-in.ts";

/** The queues and the topic of one run, made as terraform/ makes them for a real account. */
export interface Aws extends AsyncDisposable {
  readonly endpoint: string;
  readonly topicArn: string;
  readonly sqs: SQSClient;
  readonly queues: Readonly<Record<QueueName, string>>;
  /** How many messages a queue holds, visible or not. */
  depth(queue: QueueName): Promise<number>;
  /** Takes all messages of a queue that nobody else reads. */
  drain(queue: QueueName): Promise<readonly Letter[]>;
}

export type QueueName = "ingester" | "jobs-todo" | "jobs-dead" | "jobs-notified";

export interface Letter {
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Any will do for a stand-in. */
export const localKeys = { accessKeyId: "local", secretAccessKey: "local-stand-in" };
export const region = "us-east-1";

/** How often a message is given out before its queue moves it: as in terraform/. */
const maxReceiveCount = 3;

/** Starts the stand-in, or takes another one by its URL, and makes the queues, their redrive policies and the topic. */
export async function openAws(given: string): Promise<Aws> {
  const local = given === "local" ? await startStandIn({ queues: [], topics: [] }) : undefined;
  const endpoint = local?.endpoint ?? given;
  const settings = { endpoint, region, credentials: localKeys };
  const sqs = new SQSClient(settings);
  const sns = new SNSClient(settings);
  const close = async (): Promise<void> => {
    sqs.destroy();
    sns.destroy();
    await local?.stop();
  };
  try {
    const dead = await makeQueue(sqs, "jobs-dead");
    const redrive = {
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount }),
    };
    const ingester = await makeQueue(sqs, "ingester", redrive);
    const todo = await makeQueue(sqs, "jobs-todo", redrive);
    // who listens to the topic: here a queue, so that the report can count what was told
    const notified = await makeQueue(sqs, "jobs-notified");
    const { TopicArn: topicArn } = await sns.send(new CreateTopicCommand({ Name: "jobs-failed" }));
    if (topicArn === undefined) throw new Error("no topic was made");
    const subscription = { TopicArn: topicArn, Protocol: "sqs", Endpoint: notified.arn };
    await sns.send(new SubscribeCommand({ ...subscription, Attributes: { RawMessageDelivery: "true" } }));
    const queues = {
      ingester: ingester.url,
      "jobs-todo": todo.url,
      "jobs-dead": dead.url,
      "jobs-notified": notified.url,
    };
    return {
      endpoint,
      topicArn,
      sqs,
      queues,
      depth: (queue) => depthOf(sqs, queues[queue]),
      drain: (queue) => drain(sqs, queues[queue]),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function makeQueue(
  sqs: SQSClient,
  name: QueueName,
  attributes: Readonly<Record<string, string>> = {},
): Promise<{ readonly url: string; readonly arn: string }> {
  const { QueueUrl: url } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  if (url === undefined) throw new Error(`no queue ${name} was made`);
  if (Object.keys(attributes).length > 0)
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: attributes }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["QueueArn"] }));
  return { url, arn: Attributes?.QueueArn ?? "" };
}

async function depthOf(sqs: SQSClient, url: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: url,
      AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    }),
  );
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
}

async function drain(sqs: SQSClient, url: string): Promise<readonly Letter[]> {
  const letters = new Map<string, Letter>();
  for (;;) {
    // hidden for long enough not to be given out twice here; they stay in the queue for whoever looks later
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 600,
        MessageAttributeNames: ["All"],
      }),
    );
    if (Messages.length === 0) return [...letters.values()];
    for (const { MessageId = "", Body = "", MessageAttributes = {} } of Messages) {
      const attributes = Object.entries(MessageAttributes).map(([name, { StringValue = "" }]) => [name, StringValue]);
      letters.set(MessageId, { body: Body, attributes: Object.fromEntries(attributes) });
    }
  }
}
