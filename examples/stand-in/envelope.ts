import { createSign } from "node:crypto";
import type { Identity } from "./certificate.ts";
import type { MessageAttributes } from "./query.ts";

/** SNS's two signatures: 1 is RSA with SHA-1, 2 is RSA with SHA-256. */
type SignatureVersion = "1" | "2";

/** One HTTP POST to a subscriber. */
export interface Letter {
  readonly url: string;
  readonly messageId: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Message {
  readonly messageId: string;
  readonly topicArn: string;
  readonly subject: string | undefined;
  readonly message: string;
  readonly attributes: MessageAttributes;
  readonly time: Date;
}

/** What every envelope of one stand-in has in common. */
export interface Letterhead {
  readonly identity: Identity;
  readonly signatureVersion: SignatureVersion;
  readonly certificateUrl: string;
}

export interface Addressee {
  readonly url: string;
  readonly subscriptionArn: string;
}

/** The keys that are signed, in the order they are signed in; an absent one is left out, not signed as empty. */
const signedKeys = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
} as const;

type Kind = keyof typeof signedKeys;
type Fields = Readonly<Record<string, unknown>> & { readonly MessageId: string; readonly TopicArn: string };

function signed(kind: Kind, fields: Fields, { identity, signatureVersion, certificateUrl }: Letterhead): Fields {
  const whole: Fields = { Type: kind, ...fields };
  const text = signedKeys[kind]
    .filter((key) => whole[key] !== undefined)
    .map((key) => `${key}\n${String(whole[key])}\n`)
    .join("");
  const algorithm = signatureVersion === "2" ? "RSA-SHA256" : "RSA-SHA1";
  return {
    ...whole,
    SignatureVersion: signatureVersion,
    Signature: createSign(algorithm).update(text, "utf8").sign(identity.privateKey, "base64"),
    SigningCertURL: certificateUrl,
  };
}

function headersOf(kind: Kind, fields: { readonly MessageId: string; readonly TopicArn: string }) {
  return {
    "x-amz-sns-message-type": kind,
    "x-amz-sns-message-id": fields.MessageId,
    "x-amz-sns-topic-arn": fields.TopicArn,
    "content-type": "text/plain; charset=UTF-8",
    "user-agent": "Amazon Simple Notification Service Agent",
  };
}

/** The signed `Notification`, with the four `x-amz-sns-*` headers. */
export function notification(
  message: Message,
  to: Addressee & { readonly unsubscribeUrl: string },
  head: Letterhead,
): Letter {
  const attributes = [...message.attributes].map(([name, { type, value }]) => [name, { Type: type, Value: value }]);
  const fields = signed(
    "Notification",
    {
      MessageId: message.messageId,
      TopicArn: message.topicArn,
      ...(message.subject === undefined ? {} : { Subject: message.subject }),
      Message: message.message,
      Timestamp: message.time.toISOString(),
    },
    head,
  );
  const body = {
    ...fields,
    UnsubscribeURL: to.unsubscribeUrl,
    ...(attributes.length === 0 ? {} : { MessageAttributes: Object.fromEntries(attributes) }),
  };
  return {
    url: to.url,
    messageId: message.messageId,
    headers: { ...headersOf("Notification", fields), "x-amz-sns-subscription-arn": to.subscriptionArn },
    body: JSON.stringify(body, null, 2),
  };
}

/** `RawMessageDelivery`: the message itself as the body, nothing signed. */
export function rawNotification(message: Message, to: Addressee): Letter {
  const ids = { MessageId: message.messageId, TopicArn: message.topicArn };
  return {
    url: to.url,
    messageId: message.messageId,
    headers: {
      ...headersOf("Notification", ids),
      "x-amz-sns-subscription-arn": to.subscriptionArn,
      "x-amz-sns-rawdelivery": "true",
    },
    body: message.message,
  };
}

/** The signed `SubscriptionConfirmation`; getting `subscribeUrl`, or ConfirmSubscription with the token, confirms. */
export function confirmation(
  about: Pick<Message, "messageId" | "topicArn" | "time"> & {
    readonly url: string;
    readonly token: string;
    readonly subscribeUrl: string;
  },
  head: Letterhead,
): Letter {
  const fields = signed(
    "SubscriptionConfirmation",
    {
      MessageId: about.messageId,
      Token: about.token,
      TopicArn: about.topicArn,
      Message: `You have chosen to subscribe to the topic ${about.topicArn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
      SubscribeURL: about.subscribeUrl,
      Timestamp: about.time.toISOString(),
    },
    head,
  );
  return {
    url: about.url,
    messageId: about.messageId,
    // no x-amz-sns-subscription-arn: a subscription has no ARN to be told before it is confirmed
    headers: headersOf("SubscriptionConfirmation", fields),
    body: JSON.stringify(fields, null, 2),
  };
}
