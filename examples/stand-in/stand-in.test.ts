import { createVerify, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import {
  ConfirmSubscriptionCommand,
  DeleteTopicCommand,
  GetSubscriptionAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListSubscriptionsCommand,
  PublishBatchCommand,
  PublishCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SNSClient,
  SubscribeCommand,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { type Inbox, openInbox } from "./inbox.ts";
import type { Undelivered } from "./postman.ts";
import { type StandIn, type StandInOptions, startStandIn } from "./stand-in.ts";

const client = (endpoint: string) => ({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});

interface Stage extends AsyncDisposable {
  readonly aws: StandIn;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly topic: string;
}

async function stage(options: Partial<StandInOptions> = {}): Promise<Stage> {
  const aws = await startStandIn({ queues: ["orders"], topics: ["orders"], ...options });
  const sns = new SNSClient(client(aws.endpoint));
  const sqs = new SQSClient(client(aws.endpoint));
  return {
    aws,
    sns,
    sqs,
    topic: aws.topicArn("orders"),
    [Symbol.asyncDispose]: async () => {
      sns.destroy();
      sqs.destroy();
      await aws.stop();
    },
  };
}

type Envelope = Readonly<Record<string, string | undefined>>;
const envelopeOf = ({ body }: { readonly body: string }) => JSON.parse(body) as Envelope;

async function verifies(envelope: Envelope): Promise<boolean> {
  const pem = await (await fetch(envelope.SigningCertURL!)).text();
  const keys =
    envelope.Type === "Notification"
      ? ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
      : ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
  const text = keys.flatMap((key) => (envelope[key] === undefined ? [] : [key, envelope[key]])).join("\n");
  return createVerify(envelope.SignatureVersion === "2" ? "RSA-SHA256" : "RSA-SHA1")
    .update(`${text}\n`)
    .verify(new X509Certificate(pem).publicKey, envelope.Signature!, "base64");
}

/** Subscribes and confirms as an endpoint does; answers the subscription's ARN. */
async function subscribed({ sns, topic }: Stage, inbox: Inbox, attributes: Record<string, string> = {}) {
  const subscribe = { TopicArn: topic, Protocol: "http", Endpoint: `${inbox.url}/sns`, Attributes: attributes };
  await sns.send(new SubscribeCommand(subscribe));
  const { Token } = envelopeOf(await inbox.next());
  const confirmed = await sns.send(new ConfirmSubscriptionCommand({ TopicArn: topic, Token }));
  return confirmed.SubscriptionArn!;
}

async function receive({ sqs, aws }: Stage): Promise<readonly Message[]> {
  const QueueUrl = aws.queueUrl("orders");
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
  return Messages;
}

describe("a subscription over HTTP", () => {
  test("is pending, gets a signed confirmation, and is confirmed by getting its SubscribeURL", async () => {
    await using on = await stage();
    await using inbox = await openInbox();
    const subscribe = { TopicArn: on.topic, Protocol: "http", Endpoint: `${inbox.url}/sns` };
    const answer = await on.sns.send(new SubscribeCommand(subscribe));
    expect(answer.SubscriptionArn).toBe("pending confirmation");
    const post = await inbox.next();
    const envelope = envelopeOf(post);
    expect(post.path).toBe("/sns");
    expect(post.headers).toMatchObject({
      "x-amz-sns-message-type": "SubscriptionConfirmation",
      "x-amz-sns-message-id": envelope.MessageId,
      "x-amz-sns-topic-arn": on.topic,
      "content-type": "text/plain; charset=UTF-8",
    });
    expect(Object.keys(envelope).sort()).toEqual(
      "Message MessageId Signature SignatureVersion SigningCertURL SubscribeURL Timestamp Token TopicArn Type".split(
        " ",
      ),
    );
    expect(await verifies(envelope)).toBe(true);
    expect(await verifies({ ...envelope, Token: "x" })).toBe(false);

    const byTopic = new ListSubscriptionsByTopicCommand({ TopicArn: on.topic });
    expect((await on.sns.send(byTopic)).Subscriptions).toMatchObject([{ SubscriptionArn: "PendingConfirmation" }]);
    expect((await fetch(envelope.SubscribeURL!)).status).toBe(200);
    const [listed] = (await on.sns.send(byTopic)).Subscriptions!;
    expect(listed).toMatchObject({ Protocol: "http", Endpoint: `${inbox.url}/sns`, TopicArn: on.topic });
    const again = await on.sns.send(new SubscribeCommand(subscribe));
    expect(again.SubscriptionArn).toBe(listed!.SubscriptionArn);
    expect(inbox.waiting()).toBe(0);
  });

  test("gets nothing before it is confirmed, and a wrong token confirms nothing", async () => {
    await using on = await stage();
    await using inbox = await openInbox();
    await on.sns.send(new SubscribeCommand({ TopicArn: on.topic, Protocol: "http", Endpoint: inbox.url }));
    await inbox.next();
    const wrong = new ConfirmSubscriptionCommand({ TopicArn: on.topic, Token: "0".repeat(128) });
    await expect(on.sns.send(wrong)).rejects.toThrow("Token");
    expect((await fetch(`${on.aws.endpoint}/?Action=ConfirmSubscription&TopicArn=${on.topic}&Token=0`)).status).toBe(
      400,
    );
    await on.sns.send(new PublishCommand({ TopicArn: on.topic, Message: "too early" }));
    await on.aws.stop();
    expect(inbox.waiting()).toBe(0);
  });

  test.each(["1", "2"])("gets notifications with signatures of version %s", async (version) => {
    await using on = await stage();
    await using inbox = await openInbox();
    await on.sns.send(
      new SetTopicAttributesCommand({ TopicArn: on.topic, AttributeName: "SignatureVersion", AttributeValue: version }),
    );
    const arn = await subscribed(on, inbox);
    const published = await on.sns.send(
      new PublishCommand({
        TopicArn: on.topic,
        Subject: "new order",
        Message: 'ünï <code> & "quotes"\nsecond line',
        MessageAttributes: {
          author: { DataType: "String", StringValue: "ada" },
          size: { DataType: "Number", StringValue: "7" },
          raw: { DataType: "Binary", BinaryValue: Buffer.from([0, 255]) },
        },
      }),
    );
    const post = await inbox.next();
    const envelope = envelopeOf(post);
    expect(post.headers).toMatchObject({
      "x-amz-sns-message-type": "Notification",
      "x-amz-sns-message-id": published.MessageId,
      "x-amz-sns-topic-arn": on.topic,
      "x-amz-sns-subscription-arn": arn,
    });
    expect(envelope).toMatchObject({
      Type: "Notification",
      MessageId: published.MessageId,
      TopicArn: on.topic,
      Subject: "new order",
      Message: 'ünï <code> & "quotes"\nsecond line',
      SignatureVersion: version,
      MessageAttributes: {
        author: { Type: "String", Value: "ada" },
        size: { Type: "Number", Value: "7" },
        raw: { Type: "Binary", Value: "AP8=" },
      },
    });
    expect(new URL(envelope.SigningCertURL!).origin).toBe(on.aws.endpoint);
    expect(await verifies(envelope)).toBe(true);
    expect(await verifies({ ...envelope, Message: "forged" })).toBe(false);
    expect((await fetch(envelope.UnsubscribeURL!)).status).toBe(200);
    expect((await on.sns.send(new ListSubscriptionsCommand())).Subscriptions).toEqual([]);
  });

  test("gets the bare message when RawMessageDelivery is on", async () => {
    await using on = await stage();
    await using inbox = await openInbox();
    const arn = await subscribed(on, inbox, { RawMessageDelivery: "true" });
    await on.sns.send(new PublishCommand({ TopicArn: on.topic, Message: '{"id":1}' }));
    const post = await inbox.next();
    expect(post.body).toBe('{"id":1}');
    expect(post.headers).toMatchObject({ "x-amz-sns-rawdelivery": "true", "x-amz-sns-subscription-arn": arn });
    const set = { SubscriptionArn: arn, AttributeName: "RawMessageDelivery", AttributeValue: "false" };
    await on.sns.send(new SetSubscriptionAttributesCommand(set));
    const { Attributes } = await on.sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn: arn }));
    expect(Attributes).toMatchObject({ RawMessageDelivery: "false", PendingConfirmation: "false", TopicArn: on.topic });
    await on.sns.send(new PublishCommand({ TopicArn: on.topic, Message: "wrapped" }));
    expect(envelopeOf(await inbox.next()).Message).toBe("wrapped");
  });

  test("gets each message of a batch that was taken, and only those its filter policy admits", async () => {
    await using on = await stage();
    await using inbox = await openInbox();
    const policy = { author: ["ada", { prefix: "gr" }], size: [{ numeric: [">=", 5] }], test: [{ exists: false }] };
    await subscribed(on, inbox, { FilterPolicy: JSON.stringify(policy) });
    const entry = (id: string, author: string, size: string, more = {}) => ({
      Id: id,
      Message: id,
      MessageAttributes: {
        author: { DataType: "String", StringValue: author },
        size: { DataType: "Number", StringValue: size },
        ...more,
      },
    });
    const answer = await on.sns.send(
      new PublishBatchCommand({
        TopicArn: on.topic,
        PublishBatchRequestEntries: [
          entry("exact", "ada", "5"),
          entry("small", "ada", "4.9"),
          entry("prefix", "grace", "50"),
          entry("other", "alan", "50"),
          entry("test", "ada", "50", { test: { DataType: "String", StringValue: "yes" } }),
        ],
      }),
    );
    const got = [envelopeOf(await inbox.next()), envelopeOf(await inbox.next())];
    const idOf = (id: string) => answer.Successful?.find(({ Id }) => Id === id)?.MessageId;
    expect(new Map(got.map(({ Message, MessageId }) => [Message, MessageId]))).toEqual(
      new Map([
        ["exact", idOf("exact")],
        ["prefix", idOf("prefix")],
      ]),
    );
    await on.aws.stop();
    expect(inbox.waiting()).toBe(0);
  });

  test("that asks for what the stand-in does not have is refused, not half served", async () => {
    await using on = await stage();
    await using inbox = await openInbox();
    const ask = (Attributes: Record<string, string>, TopicArn = on.topic) =>
      on.sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: inbox.url, Attributes }));
    await expect(ask({ FilterPolicy: '{"a":[{"wildcard":"*"}]}' })).rejects.toThrow("does not have a condition");
    await expect(ask({ FilterPolicy: "{" })).rejects.toThrow("not JSON");
    await expect(ask({ FilterPolicyScope: "MessageBody" })).rejects.toThrow("FilterPolicyScope=MessageBody");
    await expect(ask({ RedrivePolicy: "{}" })).rejects.toThrow("RedrivePolicy");
    await expect(ask({}, `${on.topic}-none`)).rejects.toThrow("Topic does not exist");
    const https = { TopicArn: on.topic, Protocol: "https", Endpoint: inbox.url };
    await expect(on.sns.send(new SubscribeCommand(https))).rejects.toThrow("must match the specified protocol");
    expect(inbox.waiting()).toBe(0);
  });

  test("is tried again while its endpoint answers with an error, and reported when the tries are used up", async () => {
    let tell: (letter: Undelivered) => void = () => undefined;
    const undelivered = new Promise<Undelivered>((resolve) => {
      tell = resolve;
    });
    await using on = await stage({ retryDelaysMs: [1, 1], onUndelivered: tell });
    // posts: 0 the confirmation, 1 and 2 refused, 3 taken, 4 to 6 refused
    await using inbox = await openInbox((n) => (n === 0 || n === 3 ? 200 : 503));
    await subscribed(on, inbox);
    await on.sns.send(new PublishCommand({ TopicArn: on.topic, Message: "second" }));
    const tries = [await inbox.next(), await inbox.next(), await inbox.next()].map(envelopeOf);
    expect(new Set(tries.map(({ MessageId }) => MessageId)).size).toBe(1);
    const lost = await on.sns.send(new PublishCommand({ TopicArn: on.topic, Message: "third" }));
    expect(await undelivered).toEqual({ url: `${inbox.url}/sns`, messageId: lost.MessageId, reason: "answered 503" });
  });

  test("gets nothing after it is unsubscribed, nor after its topic is deleted", async () => {
    await using on = await stage();
    await using inbox = await openInbox();
    const first = await subscribed(on, inbox);
    await on.sns.send(new UnsubscribeCommand({ SubscriptionArn: first }));
    await on.sns.send(new PublishCommand({ TopicArn: on.topic, Message: "nobody" }));
    expect(await subscribed(on, inbox)).not.toBe(first);
    await on.sns.send(new DeleteTopicCommand({ TopicArn: on.topic }));
    expect((await on.sns.send(new ListSubscriptionsCommand())).Subscriptions).toEqual([]);
    await on.aws.stop();
    expect(inbox.waiting()).toBe(0);
  });
});

describe("the rest is fauxqs's", () => {
  test("a topic still delivers to a queue beside an HTTP endpoint", async () => {
    await using on = await stage();
    await using inbox = await openInbox();
    const queueArn = "arn:aws:sqs:us-east-1:000000000000:orders";
    await on.sns.send(new SubscribeCommand({ TopicArn: on.topic, Protocol: "sqs", Endpoint: queueArn }));
    await subscribed(on, inbox);
    const { Subscriptions = [] } = await on.sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: on.topic }));
    expect(Subscriptions.map(({ Protocol }) => Protocol)).toEqual(["sqs", "http"]);
    const { MessageId } = await on.sns.send(new PublishCommand({ TopicArn: on.topic, Message: "both" }));
    const [message] = await receive(on);
    expect(JSON.parse(message!.Body!)).toMatchObject({ MessageId, Message: "both" });
    expect(envelopeOf(await inbox.next())).toMatchObject({ MessageId, Message: "both" });
  });

  test("a queue's URL names a host that resolves", async () => {
    await using on = await stage();
    const { QueueUrl } = await on.sqs.send(new GetQueueUrlCommand({ QueueName: "orders" }));
    expect(QueueUrl).toBe(on.aws.queueUrl("orders"));
    await on.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "one" }));
    expect(await receive(on)).toMatchObject([{ Body: "one" }]);
  });

  test("a receive whose client has gone away hides no message", async () => {
    await using on = await stage();
    const QueueUrl = on.aws.queueUrl("orders");
    const body = JSON.stringify({ QueueUrl, WaitTimeSeconds: 20 });
    const head = [
      "POST / HTTP/1.1",
      "host: local",
      "content-type: application/x-amz-json-1.0",
      "x-amz-target: AmazonSQS.ReceiveMessage",
      `content-length: ${body.length}`,
    ];
    const gone = connect(Number(new URL(on.aws.endpoint).port), "127.0.0.1");
    gone.write(`${head.join("\r\n")}\r\n\r\n${body}`);
    // a whole round trip later that request is being waited on
    await on.sqs.send(new GetQueueUrlCommand({ QueueName: "orders" }));
    gone.end();
    // the other side has closed too: it knows
    await once(gone.resume(), "close");
    await on.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "kept" }));
    expect(await receive(on)).toMatchObject([{ Body: "kept" }]);
  });

  test("FIFO queues can be had by name", async () => {
    await using on = await stage({ queues: ["orders.fifo"] });
    const QueueUrl = on.aws.queueUrl("orders.fifo");
    const sent = { QueueUrl, MessageBody: "x", MessageGroupId: "g", MessageDeduplicationId: "d" };
    expect((await on.sqs.send(new SendMessageCommand(sent))).SequenceNumber).toBeDefined();
  });
});

test("a port that is taken is an error, and nothing is left running", async () => {
  const taken = createServer();
  await new Promise<void>((listening) => taken.listen(0, "127.0.0.1", listening));
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await expect(startStandIn({ port, queues: [], topics: [] })).rejects.toThrow("EADDRINUSE");
  await new Promise((closed) => taken.close(closed));
  await using aws = await startStandIn({ port, queues: [], topics: [] });
  expect(aws.endpoint).toBe(`http://127.0.0.1:${port}`);
});

test("a name that is not a topic's is an error", async () => {
  await expect(startStandIn({ queues: [], topics: ["no/slashes"] })).rejects.toThrow("CreateTopic");
});
