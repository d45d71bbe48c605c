import { randomBytes, randomUUID } from "node:crypto";
import type { Identity } from "./certificate.ts";
import { confirmation, type Letter, type Letterhead, type Message, notification, rawNotification } from "./envelope.ts";
import { admits } from "./filter-policy.ts";
import { type Answer, done, entryOf, type Form, messageAttributesOf, pairsOf, refused } from "./query.ts";
import {
  attributesXml,
  memberXml,
  type Published,
  publishedIn,
  type Subscription,
  sameAttributes,
  settingsOf,
  textFor,
} from "./subscription.ts";

/** What the arm needs of the rest. */
export interface HttpSubscriptionsOptions {
  /** Where clients reach the stand-in; the links in the messages begin with it. */
  readonly endpoint: () => string;
  readonly certificateUrl: () => string;
  readonly identity: Identity;
  /** Asks fauxqs, which keeps the topics. */
  readonly ask: (form: Readonly<Record<string, string>>) => Promise<Answer>;
  readonly post: (letter: Letter) => void;
}

/**
 * SNS subscriptions of the protocols http and https. fauxqs keeps topics and all other subscriptions.
 * States of a subscription: pending (a SubscriptionConfirmation is sent, nothing else) → confirmed (by token, through
 * the API or the SubscribeURL) → gone (Unsubscribe, or its topic is deleted). No UnsubscribeConfirmation is sent.
 */
export class HttpSubscriptions {
  readonly #cx: HttpSubscriptionsOptions;
  readonly #kept = new Map<string, Subscription>();

  constructor(cx: HttpSubscriptionsOptions) {
    this.#cx = cx;
  }

  /** The answer to a request that is about an HTTP subscription; undefined when it is fauxqs's to answer. */
  async before(form: Form): Promise<Answer | undefined> {
    if (form.Action === "Subscribe") return this.#subscribe(form);
    if (form.Action === "ConfirmSubscription") return this.#confirm(form);
    const subscription = this.#kept.get(form.SubscriptionArn ?? "");
    if (subscription === undefined) return undefined;
    if (form.Action === "GetSubscriptionAttributes") return done(form.Action, attributesXml(subscription));
    if (form.Action === "SetSubscriptionAttributes") return this.#setAttribute(subscription, form);
    if (form.Action !== "Unsubscribe") return undefined;
    this.#kept.delete(subscription.arn);
    return done(form.Action);
  }

  /** Called with what fauxqs answered with success: delivers what was published; returns the answer to send. */
  async after(form: Form, xml: string): Promise<string> {
    if (form.Action === "Publish" || form.Action === "PublishBatch") {
      for (const published of publishedIn(form, xml)) await this.#deliver(published);
    }
    if (form.Action === "DeleteTopic") for (const { arn } of this.#ofTopic(form.TopicArn)) this.#kept.delete(arn);
    // ours come on the last page
    if (!form.Action?.startsWith("ListSubscriptions") || xml.includes("<NextToken>")) return xml;
    const listed = form.Action === "ListSubscriptionsByTopic" ? this.#ofTopic(form.TopicArn) : [...this.#kept.values()];
    return xml.replace("</Subscriptions>", () => `${listed.map(memberXml).join("")}</Subscriptions>`);
  }

  #ofTopic(topicArn: string | undefined): readonly Subscription[] {
    return [...this.#kept.values()].filter((subscription) => subscription.topicArn === topicArn);
  }

  async #subscribe(form: Form): Promise<Answer | undefined> {
    const { Protocol: protocol, Endpoint: url, TopicArn: topicArn } = form;
    if (protocol !== "http" && protocol !== "https") return undefined;
    if (topicArn === undefined) return refused("InvalidParameter", "Invalid parameter: TopicArn");
    if (url === undefined || !URL.canParse(url) || new URL(url).protocol !== `${protocol}:`) {
      return refused("InvalidParameter", "Invalid parameter: Endpoint must match the specified protocol");
    }
    const topic = await this.#cx.ask({ Action: "GetTopicAttributes", TopicArn: topicArn });
    if (topic.status !== 200) return topic;
    if (entryOf(topic.xml, "FifoTopic") === "true") {
      return refused("InvalidParameter", "Invalid parameter: a FIFO topic does not deliver over HTTP");
    }
    const settings = settingsOf(pairsOf(form, "Attributes.entry"));
    if (typeof settings === "string") return refused("InvalidParameter", `Invalid parameter: ${settings}`);
    const known = this.#ofTopic(topicArn).find((s) => s.protocol === protocol && s.url === url);
    if (known !== undefined && !sameAttributes(known.settings.attributes, settings.attributes)) {
      return refused("InvalidParameter", "Invalid parameter: Subscription already exists with different attributes");
    }
    const subscription = known ?? {
      arn: `${topicArn}:${randomUUID()}`,
      token: randomBytes(64).toString("hex"),
      confirmed: false,
      topicArn,
      protocol,
      url,
      settings,
    };
    this.#kept.set(subscription.arn, subscription);
    if (!subscription.confirmed) await this.#sendConfirmation(subscription);
    const told = subscription.confirmed || form.ReturnSubscriptionArn === "true";
    return done("Subscribe", `<SubscriptionArn>${told ? subscription.arn : "pending confirmation"}</SubscriptionArn>`);
  }

  async #sendConfirmation({ topicArn, token, url }: Subscription): Promise<void> {
    const query = new URLSearchParams({ Action: "ConfirmSubscription", TopicArn: topicArn, Token: token });
    const subscribeUrl = `${this.#cx.endpoint()}/?${query}`;
    const about = { url, messageId: randomUUID(), topicArn, token, subscribeUrl, time: new Date() };
    this.#cx.post(confirmation(about, await this.#letterhead(topicArn)));
  }

  #confirm(form: Form): Answer | undefined {
    const subscription = this.#ofTopic(form.TopicArn).find((s) => s.token === form.Token);
    if (subscription === undefined) return undefined;
    this.#kept.set(subscription.arn, { ...subscription, confirmed: true });
    return done("ConfirmSubscription", `<SubscriptionArn>${subscription.arn}</SubscriptionArn>`);
  }

  #setAttribute(subscription: Subscription, form: Form): Answer {
    const name = form.AttributeName ?? "";
    const settings = settingsOf(new Map(subscription.settings.attributes).set(name, form.AttributeValue ?? ""));
    if (typeof settings === "string") return refused("InvalidParameter", `Invalid parameter: ${settings}`);
    this.#kept.set(subscription.arn, { ...subscription, settings });
    return done("SetSubscriptionAttributes");
  }

  async #letterhead(topicArn: string): Promise<Letterhead> {
    const { xml } = await this.#cx.ask({ Action: "GetTopicAttributes", TopicArn: topicArn });
    const signatureVersion = entryOf(xml, "SignatureVersion") === "2" ? "2" : "1";
    return { identity: this.#cx.identity, signatureVersion, certificateUrl: this.#cx.certificateUrl() };
  }

  async #deliver({ form, at, messageId }: Published): Promise<void> {
    const topicArn = form.TopicArn ?? "";
    const attributes = messageAttributesOf(form, `${at}MessageAttributes.entry`);
    const due = this.#ofTopic(topicArn).filter(
      ({ confirmed, settings }) => confirmed && (settings.policy === undefined || admits(settings.policy, attributes)),
    );
    if (due.length === 0) return;
    const head = await this.#letterhead(topicArn);
    for (const { protocol, url, arn, settings } of due) {
      const text = textFor(protocol, form[`${at}Message`] ?? "", form[`${at}MessageStructure`]);
      if (text === undefined) continue;
      const subject = form[`${at}Subject`];
      const message: Message = { messageId, topicArn, subject, message: text, attributes, time: new Date() };
      const query = new URLSearchParams({ Action: "Unsubscribe", SubscriptionArn: arn });
      const to = { url, subscriptionArn: arn, unsubscribeUrl: `${this.#cx.endpoint()}/?${query}` };
      this.#cx.post(settings.raw ? rawNotification(message, to) : notification(message, to, head));
    }
  }
}
