import type * as Sdk from "@aws-sdk/client-sns";
import type { AwsClientSettings } from "../../kit/aws.ts";
import { abortable } from "../../lib/abort.ts";
import type { TideError } from "../../lib/errors.ts";
import { Coalescers, type Posted } from "../aws/coalesce.ts";
import { awsFault, inOrder } from "../aws/faults.ts";
import type { SnsMessage } from "./message.ts";

/** The topics of one account, as far as messages are published to them. */
export class Topics implements AsyncDisposable {
  readonly #sdk: typeof Sdk;
  readonly #client: Sdk.SNSClient;
  readonly #batches: Coalescers<SnsMessage>;

  constructor(sdk: typeof Sdk, settings: AwsClientSettings) {
    this.#sdk = sdk;
    this.#client = new sdk.SNSClient(settings);
    this.#batches = new Coalescers((topic) => (messages, signal) => this.#publish(topic, messages, signal));
  }

  /** Resolves with the message's id. */
  post(topicArn: string, posted: Posted<SnsMessage>, signal: AbortSignal): Promise<string> {
    return this.#batches.post(topicArn, posted, signal);
  }

  async #publish(
    TopicArn: string,
    messages: readonly SnsMessage[],
    signal: AbortSignal,
  ): Promise<readonly (string | TideError)[]> {
    const doing = `publishing to ${TopicArn}`;
    const command = new this.#sdk.PublishBatchCommand({
      TopicArn,
      PublishBatchRequestEntries: messages.map((message, at) => ({ ...message, Id: String(at) })),
    });
    try {
      const publishing = this.#client.send(command, { abortSignal: signal });
      // looking for credentials heeds no signal
      return inOrder(messages.length, doing, await abortable(publishing, signal));
    } catch (error) {
      throw awsFault(doing, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
  }
}
