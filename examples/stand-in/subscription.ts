import { type FilterPolicy, readFilterPolicy } from "./filter-policy.ts";
import { elementOf, escapeXml, type Form } from "./query.ts";

export interface Subscription {
  readonly arn: string;
  readonly topicArn: string;
  readonly protocol: string;
  readonly url: string;
  readonly token: string;
  readonly confirmed: boolean;
  readonly settings: Settings;
}

export interface Settings {
  readonly attributes: ReadonlyMap<string, string>;
  readonly raw: boolean;
  readonly policy: FilterPolicy | undefined;
}

/** The settings these attributes ask for, or the sentence that refuses them: nothing is accepted and then not kept. */
export function settingsOf(attributes: ReadonlyMap<string, string>): Settings | string {
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

export const sameAttributes = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);

/** `MessageStructure=json`: the text for this protocol, or the default one. */
export function textFor(protocol: string, text: string, structure: string | undefined): string | undefined {
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

export function memberXml(subscription: Subscription): string {
  const arn = subscription.confirmed ? subscription.arn : "PendingConfirmation";
  return (
    `<member><SubscriptionArn>${escapeXml(arn)}</SubscriptionArn><TopicArn>${escapeXml(subscription.topicArn)}</TopicArn>` +
    `<Protocol>${subscription.protocol}</Protocol><Endpoint>${escapeXml(subscription.url)}</Endpoint>` +
    `<Owner>000000000000</Owner></member>`
  );
}

export function attributesXml(subscription: Subscription): string {
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
export interface Published {
  readonly form: Form;
  readonly at: string;
  readonly messageId: string;
}

/** `Publish` is one message; of a `PublishBatch` those that fauxqs took, found by their batch ids. */
export function publishedIn(form: Form, xml: string): readonly Published[] {
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
