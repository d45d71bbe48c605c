import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { startStandIn } from "../stand-in/stand-in.ts";
import type { Outlets } from "./send.ts";

/** The SNS and SQS of one run: the local stand-in, another one at an endpoint, or AWS itself. */
export interface Aws extends Outlets, AsyncDisposable {
  readonly region: string;
  /** undefined: AWS's own. */
  readonly endpoint: string | undefined;
  /** The keys that a stand-in takes, which are any; undefined: those of the usual AWS chain. */
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  readonly queueName: string;
}

const anyKeys = { accessKeyId: "local", secretAccessKey: "local-stand-in" };

export interface AwsOptions {
  /** `local` starts the stand-in, `aws` takes AWS by the usual variables, anything else is the URL of a stand-in. */
  readonly endpoint: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told of what SNS could not deliver to the end. Only the own stand-in knows. */
  readonly undelivered: (what: string) => void;
}

/** Opens it, and makes the topic and the queue `orders` where they are missing. */
export async function openAws({ endpoint: given, env, undelivered }: AwsOptions): Promise<Aws> {
  const local =
    given === "local"
      ? await startStandIn({
          queues: [],
          topics: [],
          onUndelivered: ({ url, reason }) => undelivered(`SNS could not deliver to ${url}: ${reason}`),
        })
      : undefined;
  const endpoint = local?.endpoint ?? (given === "aws" ? undefined : given);
  const keys = endpoint === undefined ? undefined : anyKeys;
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? "us-east-1";
  const settings = {
    ...(endpoint === undefined
      ? (env.AWS_REGION ?? env.AWS_DEFAULT_REGION) && { region }
      : { endpoint, region: "us-east-1" }),
    ...(keys === undefined ? {} : { credentials: keys }),
  };
  const sns = new SNSClient(settings);
  const sqs = new SQSClient(settings);
  const close = async (): Promise<void> => {
    sns.destroy();
    sqs.destroy();
    await local?.stop();
  };
  try {
    const queueName = "orders";
    const { TopicArn: topicArn } = await sns.send(new CreateTopicCommand({ Name: "orders" }));
    const { QueueUrl: queueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: queueName }));
    if (topicArn === undefined || queueUrl === undefined) throw new Error("no topic or queue was made");
    return {
      sns,
      sqs,
      topicArn,
      queueUrl,
      queueName,
      region: await sns.config.region(),
      endpoint,
      keys,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
