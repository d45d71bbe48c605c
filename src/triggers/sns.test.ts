import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startStandIn } from "../../examples/stand-in/stand-in.ts";
import { describeWithServer } from "../../test/servers/describe.ts";
import { startLocalstack } from "../../test/servers/localstack.ts";
import { startMinistack } from "../../test/servers/ministack.ts";
import type { Call } from "../kit/trigger.ts";
import { account, batchOf, bytes, keys, type Pass, passTo, secrets, traceparent } from "./aws/trial-aws.ts";
import { sns } from "./sns.ts";
import { type Trial, trial } from "./trial.ts";

interface Aws extends AsyncDisposable {
  readonly endpoint: string;
}

function suite(start: () => Promise<Aws>): void {
  let aws: Aws;
  let topics: SNSClient;
  let queues: SQSClient;
  let scope: AsyncDisposableStack;
  let pass: Pass;
  let topicArn = "";
  let url = "";
  let number = 0;

  beforeAll(async () => {
    aws = await start();
    topics = new SNSClient({ ...account, endpoint: aws.endpoint });
    queues = new SQSClient({ ...account, endpoint: aws.endpoint, useQueueUrlAsEndpoint: false });
  });
  afterAll(async () => {
    topics?.destroy();
    queues?.destroy();
    await aws?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    scope = new AsyncDisposableStack();
    pass = scope.use(await passTo(aws.endpoint));
    number += 1;
  });
  afterEach(() => scope.disposeAsync());

  /** A topic, and a queue that gets its bare messages. */
  async function create({ fifo }: { readonly fifo: boolean }): Promise<void> {
    const name = `told-${number}${fifo ? ".fifo" : ""}`;
    const made = await topics.send(
      new CreateTopicCommand({ Name: name, ...(fifo ? { Attributes: { FifoTopic: "true" } } : {}) }),
    );
    topicArn = made.TopicArn ?? "";
    const queue = await queues.send(
      new CreateQueueCommand({ QueueName: name, ...(fifo ? { Attributes: { FifoQueue: "true" } } : {}) }),
    );
    url = queue.QueueUrl ?? "";
    await topics.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: "sqs",
        Endpoint: `arn:aws:sqs:us-east-1:000000000000:${name}`,
        Attributes: { RawMessageDelivery: "true" },
      }),
    );
  }
  const configOf = (more: object) => ({ region: "us-east-1", topicArn, endpoint: pass.endpoint, ...keys, ...more });
  const publisher = async (more: object = {}): Promise<Trial> =>
    scope.use(await trial(sns, configOf(more), { secrets }));
  const take = async (count: number): Promise<readonly Message[]> => {
    const taken: Message[] = [];
    for (let polls = 0; taken.length < count && polls < 20 + count; polls++) {
      const { Messages = [] } = await queues.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 1,
          MessageAttributeNames: ["All"],
          MessageSystemAttributeNames: ["All"],
        }),
      );
      taken.push(...Messages);
      const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
      if (Entries.length > 0) await queues.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }));
    }
    return taken;
  };
  const call = (key: string, body: string): Partial<Call<never, never>> => ({ key, payload: bytes(body) });

  test("a message carries the key and the trace beside the manifest's attributes", async () => {
    await create({ fifo: false });
    const topic = await publisher({ subject: "An order", messageAttributes: { kind: "order" } });
    const { said } = await topic.fire(call("key-1", '{"a": 1}'));
    expect(said).toMatch(/^message [-\w]{20,}$/);
    const [message = {}] = await take(1);
    expect(message.Body).toBe('{"a": 1}');
    const got = Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [name, value.StringValue]);
    expect(Object.fromEntries(got)).toEqual({ kind: "order", "idempotency-key": "key-1", traceparent });
    expect(pass.passed[0]?.body).toContain("Subject=An%20order");
  });

  test("firings at the same time share requests", async () => {
    await create({ fifo: false });
    const topic = await publisher();
    await Promise.all(Array.from({ length: 30 }, (_, n) => topic.fire(call(`key-${n}`, `body ${n}`))));
    expect(new Set((await take(30)).map(({ Body }) => Body)).size).toBe(30);
    expect(pass.passed.map(({ action }) => action)).toEqual(["PublishBatch", "PublishBatch", "PublishBatch"]);
  });

  test("to a FIFO topic the same firing is one message, and a group keeps its order", async () => {
    await create({ fifo: true });
    const topic = await publisher({ messageGroupId: "g" });
    const firings = Array.from({ length: 24 }, (_, n) => topic.fire(call(`key-${n}`, `${n}`)));
    await Promise.all([...firings, topic.fire(call("key-0", "0"))]);
    const got = await take(24);
    expect(got.map(({ Body }) => Body)).toEqual(Array.from({ length: 24 }, (_, n) => `${n}`));
  });

  test("each firing of a batch is a message, and those that failed are named", async () => {
    await create({ fifo: false });
    const topic = await publisher();
    const firings = Array.from({ length: 11 }, (_, n) => [`key-${n}`, `{"n":${n}}`] as const);
    const batch = batchOf(configOf({}), [["bad", "{}", { subject: "two\nlines" }], ...firings]);
    expect(await topic.fire(batch)).toEqual({ said: "sent 11 of 12 messages", failedItems: [0] });
    expect(new Set((await take(11)).map(({ Body }) => Body))).toEqual(new Set(firings.map(([, body]) => body)));
  });

  test("a topic that is not there is told as such", async () => {
    const gone = "arn:aws:sns:us-east-1:000000000000:nowhere";
    const topic = await publisher({ topicArn: gone });
    await expect(topic.fire(call("a", "x"))).rejects.toMatchObject({
      code: "AWS_MISSING",
      message: expect.stringContaining(`publishing to ${gone}`),
    });
  });
}

describe("with the stand-in of the examples", () => {
  suite(() => startStandIn({ queues: [], topics: [] }));
});

describeWithServer("ministack", () => suite(startMinistack));

describeWithServer("localstack", () => suite(startLocalstack));

test("it is shown as it would be sent, without what is new at each send", async () => {
  const config = sns.config.parse({
    region: "r",
    topicArn: "arn:aws:sns:r:1:t",
    subject: "S",
    messageAttributes: { a: "b" },
  });
  const shown = sns.render?.({ config, payload: bytes("{}"), events: new Map() } as never);
  expect(await shown).toEqual({
    topicArn: "arn:aws:sns:r:1:t",
    subject: "S",
    message: "{}",
    messageAttributes: { a: "b" },
  });
});

test("lint finds what cannot work", () => {
  const found = (config: object) =>
    [...(sns.lint?.(sns.config.parse({ region: "r", ...config })) ?? [])].map(({ path }) => path.join("."));
  const topicArn = "arn:aws:sns:us-east-1:123456789012:orders";
  expect(found({ topicArn })).toEqual([]);
  expect(found({ topicArn: "orders" })).toEqual(["topicArn"]);
  expect(found({ topicArn: "" })).toEqual(["topicArn"]);
  expect(found({ topicArn: `${topicArn}.fifo` })).toEqual(["messageGroupId"]);
  expect(found({ topicArn, subject: "ä" })).toEqual(["subject"]);
});
