import type * as Sdk from "@aws-sdk/client-sqs";
import type { Message } from "@aws-sdk/client-sqs";
import { type AwsClientSettings, awsError } from "../kit/aws.ts";
import { abortable } from "../lib/abort.ts";
import { TideError } from "../lib/errors.ts";
import type { SqsConfig } from "./sqs-config.ts";

/** A message that can be deleted and extended. */
export interface Held {
  readonly message: Message;
  readonly handle: string;
}

/** One queue, with the few requests that the source needs. */
export class SqsQueue implements Disposable {
  readonly name: string;
  readonly visibilitySeconds: number;
  readonly #sdk: typeof Sdk;
  readonly #client: Sdk.SQSClient;
  readonly #config: SqsConfig;
  #url = "";

  constructor(sdk: typeof Sdk, settings: AwsClientSettings, config: SqsConfig) {
    this.name = config.queue;
    this.visibilitySeconds = config.visibilityTimeoutSeconds ?? 120;
    this.#sdk = sdk;
    this.#config = config;
    this.#client = new sdk.SQSClient({
      ...settings,
      // a stand-in may name its queues by a host that does not resolve here
      ...(settings.endpoint === undefined ? {} : { useQueueUrlAsEndpoint: false }),
    });
  }

  /** Learns the queue's URL. */
  async find(signal: AbortSignal): Promise<void> {
    const { queue: QueueName, queueAccountId } = this.#config;
    const command = new this.#sdk.GetQueueUrlCommand({
      QueueName,
      ...(queueAccountId ? { QueueOwnerAWSAccountId: queueAccountId } : {}),
    });
    try {
      const { QueueUrl } = await abortable(this.#client.send(command, { abortSignal: signal }), signal);
      if (QueueUrl === undefined) throw new TideError("UPSTREAM_GONE", `queue ${QueueName} has no URL`);
      this.#url = QueueUrl;
    } catch (error) {
      throw awsError(`finding queue ${QueueName}`, error);
    }
  }

  /** One long poll: up to 10 messages, in the order SQS gives them. */
  async receive(signal: AbortSignal): Promise<readonly Held[]> {
    const polling = this.#client.send(
      new this.#sdk.ReceiveMessageCommand({
        QueueUrl: this.#url,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: this.visibilitySeconds,
        WaitTimeSeconds: this.#config.waitTimeSeconds || 3,
        MessageAttributeNames: ["All"],
        MessageSystemAttributeNames: ["SentTimestamp", "AWSTraceHeader"],
      }),
      { abortSignal: signal },
    );
    // looking for credentials heeds no signal
    const { Messages = [] } = await abortable(polling, signal);
    return Messages.map((message) => ({ message, handle: message.ReceiptHandle ?? "" }));
  }

  /** Deletes up to 10; returns those that were not, and might be if tried again. */
  async delete(held: readonly Held[], signal: AbortSignal): Promise<readonly Held[]> {
    const { Failed = [] } = await this.#client.send(
      new this.#sdk.DeleteMessageBatchCommand({
        QueueUrl: this.#url,
        Entries: held.map(({ handle }, i) => ({ Id: String(i), ReceiptHandle: handle })),
      }),
      { abortSignal: signal },
    );
    return Failed.filter(({ SenderFault }) => SenderFault !== true).flatMap(({ Id }) => held[Number(Id)] ?? []);
  }

  /** Hides up to 10 messages for so long from now; 0 gives them back. What cannot be hidden any more is left out. */
  async hide(held: readonly Held[], seconds: number, signal: AbortSignal): Promise<void> {
    await this.#client.send(
      new this.#sdk.ChangeMessageVisibilityBatchCommand({
        QueueUrl: this.#url,
        Entries: held.map(({ handle }, i) => ({ Id: String(i), ReceiptHandle: handle, VisibilityTimeout: seconds })),
      }),
      { abortSignal: signal },
    );
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }
}
