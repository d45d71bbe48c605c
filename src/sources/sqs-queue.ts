import type * as Sdk from "@aws-sdk/client-sqs";
import type { Message } from "@aws-sdk/client-sqs";
import { type AwsClientSettings, awsError } from "../kit/aws.ts";
import { abortable, within } from "../lib/abort.ts";
import { sayDuration } from "../lib/duration.ts";
import { TideError } from "../lib/errors.ts";
import type { SqsConfig } from "./sqs-config.ts";

/** A message that can be deleted and extended. */
export interface Held {
  readonly message: Message;
  readonly handle: string;
}

interface SqsQueueOptions extends SqsConfig {
  /** Until an answer must be there, beyond the time of a long poll. Default 20 s; the SDK itself would wait for ever. */
  readonly answerTimeoutMs?: number;
}

/** One queue, with the few requests that the source needs. */
export class SqsQueue implements Disposable {
  readonly name: string;
  readonly visibilitySeconds: number;
  readonly #sdk: typeof Sdk;
  readonly #client: Sdk.SQSClient;
  readonly #config: SqsQueueOptions;
  #url = "";

  constructor(sdk: typeof Sdk, settings: AwsClientSettings, config: SqsQueueOptions) {
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
      const { QueueUrl } = await this.#ask(signal, (abortSignal) => this.#client.send(command, { abortSignal }));
      if (QueueUrl === undefined) throw new TideError("UPSTREAM_GONE", `queue ${QueueName} has no URL`);
      this.#url = QueueUrl;
    } catch (error) {
      throw awsError(`finding queue ${QueueName}`, error);
    }
  }

  /** One long poll: up to 10 messages, in the order SQS gives them. */
  async receive(signal: AbortSignal): Promise<readonly Held[]> {
    const WaitTimeSeconds = this.#config.waitTimeSeconds || 3;
    const command = new this.#sdk.ReceiveMessageCommand({
      QueueUrl: this.#url,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: this.visibilitySeconds,
      WaitTimeSeconds,
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: ["SentTimestamp", "AWSTraceHeader"],
    });
    const polling = (abortSignal: AbortSignal) => this.#client.send(command, { abortSignal });
    const { Messages = [] } = await this.#ask(signal, polling, WaitTimeSeconds * 1_000);
    return Messages.map((message) => ({ message, handle: message.ReceiptHandle ?? "" }));
  }

  /** Deletes up to 10; returns those that were not, and might be if tried again. */
  async delete(held: readonly Held[], signal: AbortSignal): Promise<readonly Held[]> {
    const command = new this.#sdk.DeleteMessageBatchCommand({
      QueueUrl: this.#url,
      Entries: held.map(({ handle }, i) => ({ Id: String(i), ReceiptHandle: handle })),
    });
    const { Failed = [] } = await this.#ask(signal, (abortSignal) => this.#client.send(command, { abortSignal }));
    return Failed.filter(({ SenderFault }) => SenderFault !== true).flatMap(({ Id }) => held[Number(Id)] ?? []);
  }

  /** Hides up to 10 messages for so long from now; 0 gives them back. What cannot be hidden any more is left out. */
  async hide(held: readonly Held[], seconds: number, signal: AbortSignal): Promise<void> {
    const command = new this.#sdk.ChangeMessageVisibilityBatchCommand({
      QueueUrl: this.#url,
      Entries: held.map(({ handle }, i) => ({ Id: String(i), ReceiptHandle: handle, VisibilityTimeout: seconds })),
    });
    await this.#ask(signal, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  /** One request. It ends by the abort or its time at the latest: looking for credentials heeds no signal. */
  async #ask<T>(signal: AbortSignal, send: (abortSignal: AbortSignal) => Promise<T>, pollMs = 0): Promise<T> {
    const patienceMs = pollMs + (this.#config.answerTimeoutMs ?? 20_000);
    const late = () => new Error(`no answer from queue ${this.name} within ${sayDuration(patienceMs)}`);
    using limit = within(signal, patienceMs, late);
    return await abortable(send(limit.signal), limit.signal);
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }
}
