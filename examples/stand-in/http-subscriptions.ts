import { randomBytes, randomUUID } from "node:crypto";
import type { Identity } from "./certificate.ts";
import { confirmation, type Letter, type Letterhead, type Message, notification, rawNotification } from "./envelope.ts";
import { admits, type FilterPolicy, readFilterPolicy } from "./filter-policy.ts";
import {
  type Answer,
  done,
  elementOf,
  entryOf,
  escapeXml,
  type Form,
  messageAttributesOf,
  pairsOf,
  refused,
} from "./query.ts";

/** What the arm needs of the rest. */
export interface HttpSubscriptionsOptions {
  /** Where clients reach the stand-in; the URLs in the messages begin with it. */
  readonly endpoint: () => string;
  readonly certificateUrl: () => string;
  readonly identity: Identity;
  /** Asks fauxqs, which keeps the topics. */
  readonly ask: (form: Form) => Promise<Answer>;
  readonly post: (letter: Letter) => void;
}

/**
 * SNS subscriptions of the protocols http and https. fauxqs keeps topics and all other subscriptions.
 * States of a subscription: pending (a SubscriptionConfirmation is sent, nothing else) → confirmed (by token, through
 * the API or the SubscribeURL) → gone (Unsubscribe, or its topic is deleted).
 */
export interface HttpSubscriptions {
  /** The answer to a request that is about an HTTP subscription; undefined when it is fauxqs's to answer. */
  before(form: Form): Promise<Answer | undefined>;
  /** Called with what fauxqs answered with success: delivers what was published; returns the answer to send. */
  after(form: Form, xml: string): Promise<string>;
}

interface Subscription {
  readonly arn: string;
  readonly topicArn: string;
  readonly protocol: string;
  readonly url: string;
  readonly token: string;
  readonly confirmed: boolean;
  readonly settings: Settings;
}

interface Settings {
  readonly attributes: ReadonlyMap<string, string>;
  readonly raw: boolean;
  readonly policy: FilterPolicy | undefined;
}

/** The settings these attributes ask for, or the sentence that refuses them: nothing is accepted and then not kept. */
function settingsOf(attributes: ReadonlyMap<string, string>): Settings | string {
  let raw = false;
  let policy: FilterPolicy | string | undefined;
  for (const [name, value] of attributes) {
    if (name === "RawMessageDelivery" && /^(true|false)$/i.test(value)) raw = value.toLowerCase() === "true";
    else if (name === "FilterPolicy") policy = value === "" ? undefined : readFilterPolicy(value);
    else if (name !== "FilterPolicyScope" || value !== "MessageAttributes") {
      return `the stand-in does not have ${name}=${value} for an HTTP subscription`;
    }
  }
  return typeof policy === "string" ? policy : { attributes, raw, policy };
}

const sameAttributes = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);

/** `MessageStructure=json`: the text for this protocol, or the default one. */
function textFor(protocol: string, text: string, structure: string | undefined): string | undefined {
  if (structure !== "json") return text;
  try {
    const byProtocol: unknown = JSON.parse(text);
    if (typeof byProtocol !== "object" || byProtocol === null) return undefined;
    const own = new Map<string, unknown>(Object.entries(byProtocol));
    const chosen = own.get(protocol) ?? own.get("default");
    return typeof chosen === "string" ? chosen : undefined;
  } catch {
    return undefined;
  }
}

function memberXml(subscription: Subscription): string {
  const arn = subscription.confirmed ? subscription.arn : "PendingConfirmation";
  return (
    `<member><SubscriptionArn>${escapeXml(arn)}</SubscriptionArn><TopicArn>${escapeXml(subscription.topicArn)}</TopicArn>` +
    `<Protocol>${subscription.protocol}</Protocol><Endpoint>${escapeXml(subscription.url)}</Endpoint>` +
    `<Owner>000000000000</Owner></member>`
  );
}

function attributesXml(subscription: Subscription): string {
  const attributes = new Map([
    ["SubscriptionArn", subscription.arn],
    ["TopicArn", subscription.topicArn],
    ["Protocol", subscription.protocol],
    ["Endpoint", subscription.url],
    ["Owner", "000000000000"],
    ["PendingConfirmation", String(!subscription.confirmed)],
    ["RawMessageDelivery", String(subscription.settings.raw)],
    ...subscription.settings.attributes,
  ]);
  const entries = [...attributes].map(
    ([k, v]) => `<entry><key>${escapeXml(k)}</key><value>${escapeXml(v)}</value></entry>`,
  );
  return `<Attributes>${entries.join("")}</Attributes>`;
}

/** One published message, taken from the request and from the id fauxqs gave it. */
interface Published {
  readonly form: Form;
  readonly at: string;
  readonly messageId: string;
}

/** `Publish` is one message; of a `PublishBatch` those that fauxqs took, found by their batch ids. */
function publishedIn(form: Form, xml: string): readonly Published[] {
  if (form.Action === "Publish") {
    const messageId = elementOf(xml, "MessageId");
    return messageId === undefined ? [] : [{ form, at: "", messageId }];
  }
  const taken = new Map<string, string>();
  for (const member of (elementOf(xml, "Successful") ?? "").split("<member>")) {
    const id = elementOf(member, "Id");
    const messageId = elementOf(member, "MessageId");
    if (id !== undefined && messageId !== undefined) taken.set(id, messageId);
  }
  const published: Published[] = [];
  for (let n = 1; ; n++) {
    const at = `PublishBatchRequestEntries.member.${n}.`;
    const id = form[`${at}Id`];
    if (id === undefined) return published;
    const messageId = taken.get(id);
    if (messageId !== undefined) published.push({ form, at, messageId });
  }
}

export function keepHttpSubscriptions(cx: HttpSubscriptionsOptions): HttpSubscriptions {
  const kept = new Map<string, Subscription>();

  const ofTopic = (topicArn: string | undefined) => [...kept.values()].filter((s) => s.topicArn === topicArn);
  const isOurs = (form: Form) => kept.get(form.SubscriptionArn ?? "");

  async function letterhead(topicArn: string): Promise<Letterhead> {
    const { xml } = await cx.ask({ Action: "GetTopicAttributes", TopicArn: topicArn });
    const signatureVersion = entryOf(xml, "SignatureVersion") === "2" ? "2" : "1";
    return { identity: cx.identity, signatureVersion, certificateUrl: cx.certificateUrl() };
  }

  async function sendConfirmation(
    kind: "SubscriptionConfirmation" | "UnsubscribeConfirmation",
    subscription: Subscription,
  ): Promise<void> {
    const { topicArn, token, url, arn } = subscription;
    const query = new URLSearchParams({ Action: "ConfirmSubscription", TopicArn: topicArn, Token: token });
    const subscribeUrl = `${cx.endpoint()}/?${query}`;
    const about = {
      url,
      subscriptionArn: arn,
      messageId: randomUUID(),
      topicArn,
      token,
      subscribeUrl,
      time: new Date(),
    };
    cx.post(confirmation(kind, about, await letterhead(topicArn)));
  }

  async function subscribe(form: Form): Promise<Answer | undefined> {
    const { Protocol: protocol, Endpoint: url, TopicArn: topicArn } = form;
    if (protocol !== "http" && protocol !== "https") return undefined;
    if (topicArn === undefined) return refused("InvalidParameter", "Invalid parameter: TopicArn");
    if (url === undefined || !URL.canParse(url) || new URL(url).protocol !== `${protocol}:`) {
      return refused("InvalidParameter", "Invalid parameter: Endpoint must match the specified protocol");
    }
    const topic = await cx.ask({ Action: "GetTopicAttributes", TopicArn: topicArn });
    if (topic.status !== 200) return topic;
    if (entryOf(topic.xml, "FifoTopic") === "true") {
      return refused("InvalidParameter", "Invalid parameter: a FIFO topic does not deliver over HTTP");
    }
    const settings = settingsOf(pairsOf(form, "Attributes.entry"));
    if (typeof settings === "string") return refused("InvalidParameter", `Invalid parameter: ${settings}`);
    const known = ofTopic(topicArn).find((s) => s.protocol === protocol && s.url === url);
    if (known !== undefined && !sameAttributes(known.settings.attributes, settings.attributes)) {
      return refused("InvalidParameter", "Invalid parameter: Subscription already exists with different attributes");
    }
    const fresh = () => ({
      arn: `${topicArn}:${randomUUID()}`,
      token: randomBytes(64).toString("hex"),
      confirmed: false,
    });
    const subscription = known ?? { ...fresh(), topicArn, protocol, url, settings };
    kept.set(subscription.arn, subscription);
    if (!subscription.confirmed) await sendConfirmation("SubscriptionConfirmation", subscription);
    const told = subscription.confirmed || form.ReturnSubscriptionArn === "true";
    return done("Subscribe", `<SubscriptionArn>${told ? subscription.arn : "pending confirmation"}</SubscriptionArn>`);
  }

  function confirm(form: Form): Answer | undefined {
    const subscription = ofTopic(form.TopicArn).find((s) => s.token === form.Token);
    if (subscription === undefined) return undefined;
    kept.set(subscription.arn, { ...subscription, confirmed: true });
    return done("ConfirmSubscription", `<SubscriptionArn>${subscription.arn}</SubscriptionArn>`);
  }

  async function unsubscribe(form: Form): Promise<Answer | undefined> {
    const subscription = isOurs(form);
    if (subscription === undefined) return undefined;
    kept.delete(subscription.arn);
    await sendConfirmation("UnsubscribeConfirmation", subscription);
    return done("Unsubscribe");
  }

  function setAttribute(form: Form): Answer | undefined {
    const subscription = isOurs(form);
    if (subscription === undefined) return undefined;
    const name = form.AttributeName ?? "";
    const attributes = new Map(subscription.settings.attributes).set(name, form.AttributeValue ?? "");
    const settings = settingsOf(attributes);
    if (typeof settings === "string") return refused("InvalidParameter", `Invalid parameter: ${settings}`);
    kept.set(subscription.arn, { ...subscription, settings });
    return done("SetSubscriptionAttributes");
  }

  async function deliver({ form, at, messageId }: Published): Promise<void> {
    const topicArn = form.TopicArn ?? "";
    const attributes = messageAttributesOf(form, `${at}MessageAttributes.entry`);
    const due = ofTopic(topicArn).filter(
      ({ confirmed, settings }) => confirmed && (settings.policy === undefined || admits(settings.policy, attributes)),
    );
    if (due.length === 0) return;
    const head = await letterhead(topicArn);
    for (const { protocol, url, arn, settings } of due) {
      const text = textFor(protocol, form[`${at}Message`] ?? "", form[`${at}MessageStructure`]);
      if (text === undefined) continue;
      const subject = form[`${at}Subject`];
      const message: Message = { messageId, topicArn, subject, message: text, attributes, time: new Date() };
      const unsubscribeUrl = `${cx.endpoint()}/?${new URLSearchParams({ Action: "Unsubscribe", SubscriptionArn: arn })}`;
      const to = { url, subscriptionArn: arn, unsubscribeUrl };
      cx.post(settings.raw ? rawNotification(message, to) : notification(message, to, head));
    }
  }

  return {
    async before(form) {
      const subscription = isOurs(form);
      switch (form.Action) {
        case "Subscribe":
          return subscribe(form);
        case "ConfirmSubscription":
          return confirm(form);
        case "Unsubscribe":
          return unsubscribe(form);
        case "SetSubscriptionAttributes":
          return setAttribute(form);
        case "GetSubscriptionAttributes":
          return subscription && done("GetSubscriptionAttributes", attributesXml(subscription));
        default:
          return undefined;
      }
    },
    async after(form, xml) {
      if (form.Action === "Publish" || form.Action === "PublishBatch") {
        for (const published of publishedIn(form, xml)) await deliver(published);
      }
      if (form.Action === "DeleteTopic") for (const { arn } of ofTopic(form.TopicArn)) kept.delete(arn);
      if (!form.Action?.startsWith("ListSubscriptions") || xml.includes("<NextToken>")) return xml;
      // ours come on the last page
      const all = form.Action === "ListSubscriptionsByTopic" ? ofTopic(form.TopicArn) : [...kept.values()];
      return xml.replace("</Subscriptions>", () => `${all.map(memberXml).join("")}</Subscriptions>`);
    },
  };
}
