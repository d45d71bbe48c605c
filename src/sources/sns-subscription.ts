import type * as Sdk from "@aws-sdk/client-sns";
import { type AwsClientSettings, awsError } from "../kit/aws.ts";
import { callbackUrl } from "../kit/callback.ts";
import { graceMs } from "../kit/hand-over.ts";
import type { SourceContext } from "../kit/source.ts";
import { abortable, aborted, within } from "../lib/abort.ts";
import { messageOf } from "../lib/errors.ts";
import type { SnsConfig } from "./sns-config.ts";

const firstRepeatMs = 60_000;
const lastRepeatMs = 600_000;

/** The topic's subscription of one entry. */
export class SnsSubscription implements Disposable {
  readonly #cx: SourceContext<SnsConfig>;
  readonly #sdk: typeof Sdk;
  readonly #client: Sdk.SNSClient;
  readonly #confirmed = new AbortController();
  #arn: string | undefined;

  constructor(cx: SourceContext<SnsConfig>, sdk: typeof Sdk, settings: AwsClientSettings) {
    this.#cx = cx;
    this.#sdk = sdk;
    this.#client = new sdk.SNSClient(settings);
  }

  /**
   * Asks for the subscription, again after a minute (then ever more rarely) until it is confirmed: a confirmation that
   * got lost must not leave the source deaf. Asking for one that exists changes nothing.
   */
  async subscribe(): Promise<void> {
    const { signal, clock, config, log } = this.#cx;
    for (let repeatMs = firstRepeatMs; ; repeatMs = Math.min(repeatMs * 2, lastRepeatMs)) {
      await this.#ask();
      if (this.#confirmed.signal.aborted) return;
      this.#cx.waiting(`the subscription to ${config.topicArn} is not confirmed yet`);
      using pause = within(signal, repeatMs);
      await Promise.race([aborted(this.#confirmed.signal), aborted(pause.signal)]);
      if (signal.aborted || this.#confirmed.signal.aborted) return;
      log.warn({ url: callbackUrl(config.webhook), waitedMs: repeatMs, nowMs: clock.nowMs() }, "no confirmation came");
    }
  }

  async #ask(): Promise<void> {
    const { config, signal, log } = this.#cx;
    const url = callbackUrl(config.webhook);
    const command = new this.#sdk.SubscribeCommand({
      TopicArn: config.topicArn,
      Protocol: url.startsWith("https://") ? "https" : "http",
      Endpoint: url,
      ...(config.rawMessageDelivery ? { Attributes: { RawMessageDelivery: "true" } } : {}),
    });
    try {
      const { SubscriptionArn } = await abortable(this.#client.send(command, { abortSignal: signal }), signal);
      // "pending confirmation" until it is confirmed
      if (SubscriptionArn?.startsWith("arn:")) this.#take(SubscriptionArn);
      else log.info({ topic: config.topicArn, url }, "subscription asked for");
    } catch (error) {
      throw awsError(`subscribing ${url} to ${config.topicArn}`, error);
    }
  }

  /** Confirms by the token of a SubscriptionConfirmation, as the peer does: the topic is always the entry's own. */
  async confirm(token: string): Promise<void> {
    const { config, signal, log } = this.#cx;
    const command = new this.#sdk.ConfirmSubscriptionCommand({ TopicArn: config.topicArn, Token: token });
    try {
      const { SubscriptionArn } = await abortable(this.#client.send(command, { abortSignal: signal }), signal);
      log.info({ topic: config.topicArn }, "subscription confirmed");
      this.#take(SubscriptionArn);
    } catch (error) {
      throw awsError(`confirming the subscription to ${config.topicArn}`, error);
    }
  }

  /** A notification came: the subscription works, whoever confirmed it. */
  works(): void {
    if (!this.#confirmed.signal.aborted) this.#take(undefined);
  }

  #take(arn: string | undefined): void {
    this.#arn = arn?.startsWith("arn:") ? arn : this.#arn;
    this.#confirmed.abort();
    this.#cx.ready();
  }

  /** Only when the entry asks for it: the peer's unsubscribing at each stop loses what is sent meanwhile (S21). */
  async unsubscribe(): Promise<void> {
    const { config, log } = this.#cx;
    if (this.#arn === undefined) return;
    using soon = within(new AbortController().signal, graceMs);
    try {
      await this.#client.send(new this.#sdk.UnsubscribeCommand({ SubscriptionArn: this.#arn }), {
        abortSignal: soon.signal,
      });
      log.info({ topic: config.topicArn }, "unsubscribed");
    } catch (error) {
      log.warn({ topic: config.topicArn, error: messageOf(error) }, "the subscription could not be ended");
    }
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }
}
