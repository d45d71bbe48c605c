import type * as Sdk from "@aws-sdk/client-sqs";
import type { AwsClientSettings } from "../../kit/aws.ts";
import { abortable } from "../../lib/abort.ts";
import { isTide, TideError } from "../../lib/errors.ts";
import { Coalescers, type Posted } from "../aws/coalesce.ts";
import { awsFault, inOrder } from "../aws/faults.ts";
import type { SqsConfig } from "./config.ts";
import type { SqsMessage } from "./message.ts";

/** Events may name ever new queues. */
const mostUrls = 1000;
const findTimeoutMs = 30_000;

/** The queues of one account, as far as messages are sent to them. */
export class Queues implements AsyncDisposable {
  readonly #sdk: typeof Sdk;
  readonly #client: Sdk.SQSClient;
  readonly #urls = new Map<string, Promise<string>>();
  readonly #batches: Coalescers<SqsMessage>;

  constructor(sdk: typeof Sdk, settings: AwsClientSettings) {
    this.#sdk = sdk;
    this.#client = new sdk.SQSClient({
      ...settings,
      // a stand-in may name its queues by a host that does not resolve here
      ...(settings.endpoint === undefined ? {} : { useQueueUrlAsEndpoint: false }),
    });
    this.#batches = new Coalescers((url) => (messages, signal) => this.#send(url, messages, signal));
  }

  /** Resolves with the message's id. */
  async post(queue: SqsConfig, posted: Posted<SqsMessage>, signal: AbortSignal): Promise<string> {
    const url = queue.queueUrl || (await abortable(this.#urlOf(queue), signal));
    try {
      return await this.#batches.post(url, posted, signal);
    } catch (error) {
      // it may come back under another URL
      if (isTide(error, "AWS_MISSING")) this.#urls.delete(nameOf(queue));
      throw error;
    }
  }

  /** The URL of a queue stays the same as long as it is there: asked for once. */
  #urlOf(queue: SqsConfig): Promise<string> {
    const name = nameOf(queue);
    const known = this.#urls.get(name);
    if (known !== undefined) return known;
    const found = this.#find(queue);
    if (this.#urls.size >= mostUrls) this.#urls.clear();
    this.#urls.set(name, found);
    found.catch(() => this.#urls.delete(name));
    return found;
  }

  async #find({ queue: QueueName, queueAccountId }: SqsConfig): Promise<string> {
    const command = new this.#sdk.GetQueueUrlCommand({
      QueueName,
      ...(queueAccountId ? { QueueOwnerAWSAccountId: queueAccountId } : {}),
    });
    const limit = new AbortController();
    const late = new TideError("TARGET_TIMEOUT", `finding queue ${QueueName}: no answer within 30 s`);
    const timer = setTimeout(() => limit.abort(late), findTimeoutMs);
    try {
      const { QueueUrl } = await abortable(this.#client.send(command, { abortSignal: limit.signal }), limit.signal);
      if (QueueUrl === undefined) throw new TideError("AWS_MISSING", `queue ${QueueName} has no URL`);
      return QueueUrl;
    } catch (error) {
      throw awsFault(`finding queue ${QueueName}`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(
    url: string,
    messages: readonly SqsMessage[],
    signal: AbortSignal,
  ): Promise<readonly (string | TideError)[]> {
    const doing = `sending to ${url}`;
    const command = new this.#sdk.SendMessageBatchCommand({
      QueueUrl: url,
      Entries: messages.map((message, at) => ({ ...message, Id: String(at) })),
    });
    try {
      const sending = this.#client.send(command, { abortSignal: signal });
      // looking for credentials heeds no signal
      return inOrder(messages.length, doing, await abortable(sending, signal));
    } catch (error) {
      throw awsFault(doing, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
  }
}

function nameOf({ queue, queueAccountId }: SqsConfig): string {
  return `${queueAccountId ?? ""}/${queue ?? ""}`;
}
