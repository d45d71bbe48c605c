import { hash } from "node:crypto";
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
import { account, awsTrace, batchOf, bytes, keys, type Pass, passTo, secrets, traceparent } from "./aws/trial-aws.ts";
import { sqs } from "./sqs.ts";
import { eventOf, type Trial, trial } from "./trial.ts";

interface Aws extends AsyncDisposable {
  readonly endpoint: string;
}

/** `traced`: the server keeps what is sent as AWSTraceHeader. */
function suite(start: () => Promise<Aws>, { traced }: { readonly traced: boolean }): void {
  let aws: Aws;
  let client: SQSClient;
  let scope: AsyncDisposableStack;
  let pass: Pass;
  let queue = "";
  let url = "";
  let number = 0;

  beforeAll(async () => {
    aws = await start();
    client = new SQSClient({ ...account, endpoint: aws.endpoint, useQueueUrlAsEndpoint: false });
  });
  afterAll(async () => {
    client?.destroy();
    await aws?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    scope = new AsyncDisposableStack();
    pass = scope.use(await passTo(aws.endpoint));
    await createQueue(`out-${++number}`);
  });
  afterEach(() => scope.disposeAsync());

  async function createQueue(name: string, attributes: Record<string, string> = {}): Promise<void> {
    queue = name;
    const made = await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
    url = made.QueueUrl ?? "";
  }
  const fifo = () => createQueue(`out-${number}.fifo`, { FifoQueue: "true", ContentBasedDeduplication: "false" });
  const configOf = (more: object) => ({ region: "us-east-1", queue, endpoint: pass.endpoint, ...keys, ...more });
  const sender = async (more: object = {}): Promise<Trial> => scope.use(await trial(sqs, configOf(more), { secrets }));
  /** Takes so many messages from the queue. */
  const take = async (count: number): Promise<readonly Message[]> => {
    const taken: Message[] = [];
    for (let polls = 0; taken.length < count && polls < 20 + count; polls++) {
      const { Messages = [] } = await client.send(
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
      if (Entries.length > 0) await client.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }));
    }
    return taken;
  };
  const bodies = async (count: number): Promise<readonly (string | undefined)[]> =>
    (await take(count)).map(({ Body }) => Body);
  const attributesOf = ({ MessageAttributes = {} }: Message) =>
    Object.fromEntries(Object.entries(MessageAttributes).map(([name, { StringValue }]) => [name, StringValue]));
  const call = (key: string, body: string): Partial<Call<never, never>> => ({ key, payload: bytes(body) });

  test("a message has the payload as its body, the key and the trace as attributes", async () => {
    const queue = await sender({ messageAttributes: { kind: "order", empty: "" } });
    const outcome = await queue.fire({
      ...call("key-1", '{"a": 1}'),
      trace: { context: { traceparent, tracestate: "a=b" }, span: () => undefined },
    });
    const [message = {}] = await take(1);
    expect(outcome).toEqual({ said: `message ${message.MessageId}` });
    expect(message.Body).toBe('{"a": 1}');
    expect(attributesOf(message)).toEqual({
      kind: "order",
      "idempotency-key": "key-1",
      traceparent,
      tracestate: "a=b",
    });
    if (traced) expect(message.Attributes?.AWSTraceHeader).toBe(awsTrace);
  });

  test("without a payload the event's data is sent as it is", async () => {
    const queue = await sender();
    await queue.fire({ events: new Map([["order", eventOf('{"n":12345678901234567890, "t":"ä"}')]]) });
    expect(await bodies(1)).toEqual(['{"n":12345678901234567890, "t":"ä"}']);
    const events = new Map([
      ["a", eventOf('{"n": 1}')],
      ["b", eventOf("text")],
    ]);
    await queue.fire({ events });
    expect(await bodies(1)).toEqual(['{"a":{"n": 1},"b":"text"}']);
  });

  test("firings at the same time share requests, and each has its own message", async () => {
    const queue = await sender();
    const firings = Array.from({ length: 64 }, (_, n) => queue.fire(call(`key-${n}`, `body ${n}`)));
    const said = new Set((await Promise.all(firings)).map((outcome) => outcome.said));
    expect(said.size).toBe(64);
    const got = await take(64);
    expect(new Set(got.map(({ Body }) => Body)).size).toBe(64);
    for (const message of got) {
      expect(attributesOf(message)["idempotency-key"]).toBe(message.Body?.replace("body ", "key-"));
    }
    const sent = pass.passed.filter(({ action }) => action === "SendMessageBatch");
    expect(sent.length).toBe(7);
    // the queue's URL is asked for once
    expect(pass.passed.length).toBe(8);
  });

  test("a message that is delayed comes later", async () => {
    await (await sender({ delaySeconds: 2 })).fire(call("a", "late"));
    const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl: url }));
    expect(Messages).toEqual([]);
    expect(await bodies(1)).toEqual(["late"]);
  });

  test("to a FIFO queue the same firing is one message, and groups keep the order of their firings", async () => {
    await fifo();
    const senders = new Map(
      await Promise.all(["g0", "g1", "g2"].map(async (g) => [g, await sender({ messageGroupId: g })] as const)),
    );
    const one = await sender({ messageGroupId: "g0" });
    await one.fire(call("first", "once"));
    await one.fire(call("first", "once"));
    const firings = Array.from({ length: 60 }, (_, n) => {
      const group = `g${n % 3}`;
      return senders.get(group)?.fire(call(`key-${n}`, `${group}/${n}`));
    });
    await Promise.all(firings);
    const got = await take(61);
    expect(got.filter(({ Body }) => Body === "once").length).toBe(1);
    expect(got[0]?.Attributes?.MessageDeduplicationId).toBeDefined();
    expect(attributesOf(got[0] ?? {})).not.toHaveProperty("idempotency-key");
    for (const group of ["g0", "g1", "g2"]) {
      const order = got.flatMap(({ Body = "" }) => (Body.startsWith(`${group}/`) ? Number(Body.split("/")[1]) : []));
      expect(order).toEqual([...order].sort((a, b) => a - b));
      expect(order.length).toBe(20);
    }
  });

  test("a message that is refused fails alone, whether the service says so of the entry or of the request", async () => {
    const queue = await sender();
    const bad = { ...call("bad", "bad"), config: configOf({ messageAttributes: { "no name!": "x" } }) as never };
    pass.instead = ({ action, body }) => {
      if (action !== "SendMessageBatch" || !body.includes("no name!")) return undefined;
      const { Entries } = JSON.parse(body) as { Entries: readonly { readonly Id: string }[] };
      if (Entries.length > 1) return { status: 400, body: JSON.stringify({ __type: "InvalidParameterValue" }) };
      const Failed = Entries.map(({ Id }) => ({
        Id,
        Code: "InvalidParameterValue",
        Message: "no!",
        SenderFault: true,
      }));
      return { status: 200, body: JSON.stringify({ Successful: [], Failed }) };
    };
    const ends = await Promise.allSettled([queue.fire(call("a", "a")), queue.fire(bad), queue.fire(call("b", "b"))]);
    expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(ends[1]).toMatchObject({ reason: { code: "AWS_REFUSED", retry: "never" } });
    expect([...(await bodies(2))].sort()).toEqual(["a", "b"]);
  });

  test("each firing of a batch is a message, and those that failed are named", async () => {
    await fifo();
    const config = configOf({ messageGroupId: "g" });
    const queue = await sender({ messageGroupId: "g" });
    const firings = Array.from({ length: 12 }, (_, n) => [`key-${n}`, `{"n":${n}}`] as const);
    const outcome = await queue.fire(batchOf(config, [...firings, ["bad", "{}", { messageGroupId: "" }]]));
    expect(outcome).toEqual({ said: "sent 12 of 13 messages", failedItems: [12] });
    const got = await take(12);
    expect(got.map(({ Body }) => Body)).toEqual(firings.map(([, body]) => body));
    expect(got.map(({ Attributes }) => Attributes?.MessageDeduplicationId)).toEqual(firings.map(([key]) => key));
  });

  test("a batch of which nothing was sent fails as an item that may be sent later", async () => {
    await fifo();
    const queue = await sender();
    await expect(queue.fire(batchOf(configOf({}), [["a", "{}"]]))).rejects.toMatchObject({ code: "MESSAGE_INVALID" });
    pass.instead = ({ action }) =>
      action === "SendMessageBatch" ? { status: 400, body: JSON.stringify({ __type: "AccessDenied" }) } : undefined;
    // what can be tried again is not lost with what cannot
    const both = batchOf(configOf({}), [
      ["a", "{}"],
      ["b", "{}", { messageGroupId: "g" }],
    ]);
    await expect(queue.fire(both)).rejects.toMatchObject({ code: "AWS_DENIED", retry: "backoff" });
  });

  test("a queue that is not there is told as such, and looked for again", async () => {
    const name = `later-${number}`;
    const queue = await sender({ queue: name });
    await expect(queue.fire(call("a", "x"))).rejects.toMatchObject({
      code: "AWS_MISSING",
      retry: "backoff",
      message: expect.stringContaining(`finding queue ${name}`),
    });
    await createQueue(name);
    await queue.fire(call("a", "x"));
    expect(await bodies(1)).toEqual(["x"]);
  });

  test("a queue can be given by its URL", async () => {
    const queue = await sender({ queue: undefined, queueUrl: url });
    await queue.fire(call("a", "x"));
    expect(await bodies(1)).toEqual(["x"]);
    expect(pass.passed.map(({ action }) => action)).toEqual(["SendMessageBatch"]);
  });
}

describe("with the stand-in of the examples", () => {
  suite(() => startStandIn({ queues: [], topics: [] }), { traced: false });
});

describeWithServer("ministack", () => suite(startMinistack, { traced: false }));

describeWithServer("localstack", () => suite(startLocalstack, { traced: true }));

describe("what no queue is needed for", () => {
  const nowhere = { region: "us-east-1", queue: "q", endpoint: "http://127.0.0.1:1", ...keys };
  const fireAt = async (config: object, call: Partial<Call<never, never>>) => {
    await using queue = await trial(sqs, config, { secrets });
    return queue.fire(call);
  };

  test.each([
    ["more than a MiB", {}, { payload: bytes("x".repeat(1024 * 1024)) }, /bytes, attributes included/],
    ["no text", {}, { payload: Buffer.from([0xff, 0xfe]) }, /no text in UTF-8/],
    ["an empty one", {}, { payload: bytes("") }, /is empty/],
    ["a FIFO message without a group", { queue: "q.fifo" }, { payload: bytes("x") }, /needs messageGroupId/],
    [
      "too many attributes",
      { messageAttributes: Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`a${n}`, "x"])) },
      { payload: bytes("x") },
      /11 message attributes/,
    ],
  ])("%s is refused here, and never tried again", async (_, more, call, message) => {
    await expect(fireAt({ ...nowhere, ...more }, call)).rejects.toMatchObject({
      code: "MESSAGE_INVALID",
      retry: "never",
      message: expect.stringMatching(message),
    });
  });

  test("a service that cannot be reached is unreachable", async () => {
    await expect(fireAt(nowhere, { payload: bytes("x") })).rejects.toMatchObject({ code: "TARGET_UNREACHABLE" });
  });

  test("a missing secret is told as such", async () => {
    await expect(trial(sqs, nowhere)).rejects.toMatchObject({ code: "SECRET_MISSING" });
  });

  test.each([
    [400, "AccessDeniedException", "AWS_DENIED"],
    [403, "InvalidClientTokenId", "AWS_DENIED"],
    [400, "ThrottlingException", "AWS_BUSY"],
    [400, "QueueDoesNotExist", "AWS_MISSING"],
    [400, "InvalidAttributeName", "AWS_REFUSED"],
    [500, "InternalFailure", "AWS_FAILED"],
  ])("%s %s is %s", async (status, type, code) => {
    await using pass = await passTo("http://127.0.0.1:1");
    pass.instead = () => ({ status, body: JSON.stringify({ __type: type, message: "said so" }) });
    const queueUrl = `${pass.endpoint}/1/q`;
    const config = { ...nowhere, endpoint: pass.endpoint, queue: undefined, queueUrl };
    await expect(fireAt(config, { payload: bytes("x") })).rejects.toMatchObject({ code });
  });

  test("an attribute of ours that has no room is left out, and one of the manifest's wins", async () => {
    await using pass = await passTo("http://127.0.0.1:1");
    pass.instead = ({ body }) => {
      const { Entries } = JSON.parse(body) as { Entries: readonly { readonly Id: string; MessageBody: string }[] };
      const Successful = Entries.map(({ Id, MessageBody }) => ({
        Id,
        MessageId: "m",
        MD5OfMessageBody: hash("md5", MessageBody),
      }));
      return { status: 200, body: JSON.stringify({ Successful }) };
    };
    const config = { ...nowhere, endpoint: pass.endpoint, queue: undefined, queueUrl: `${pass.endpoint}/1/q` };
    const nine = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`a${n}`, "x"]));
    await fireAt({ ...config, messageAttributes: nine }, { payload: bytes("x") });
    await fireAt({ ...config, messageAttributes: { traceparent: "mine" } }, { payload: bytes("x") });
    const entries = pass.passed.map(
      ({ body }) =>
        (JSON.parse(body) as { Entries: readonly { MessageAttributes: object; MessageSystemAttributes?: object }[] })
          .Entries[0],
    );
    expect(Object.keys(entries[0]?.MessageAttributes ?? {})).toEqual([...Object.keys(nine), "idempotency-key"]);
    expect(entries[1]?.MessageAttributes).toMatchObject({ traceparent: { StringValue: "mine" } });
    expect(entries[1]?.MessageSystemAttributes).toBeUndefined();
  });

  test("it is shown as it would be sent, without what is new at each send", async () => {
    const config = sqs.config.parse({
      ...nowhere,
      queue: "q.fifo",
      messageGroupId: "g",
      messageAttributes: { a: "b" },
    });
    const shown = await sqs.render?.({ config, payload: bytes("{}"), events: new Map() } as never);
    expect(shown).toEqual({
      queue: "q.fifo",
      body: "{}",
      messageAttributes: { a: "b" },
      messageGroupId: "g",
    });
    const batch = batchOf(config, [
      ["key-1", "1"],
      ["key-2", "2"],
    ]);
    const several = await sqs.render?.({ ...batch, config, events: new Map() } as never);
    expect(several).toEqual({
      messages: [
        { ...shown, body: "1" },
        { ...shown, body: "2" },
      ],
    });
  });

  test("lint finds what cannot work", () => {
    const found = (config: object) =>
      [...(sqs.lint?.(sqs.config.parse({ region: "r", ...config })) ?? [])].map(({ path }) => path.join("."));
    expect(found({ queue: "q" })).toEqual([]);
    expect(found({})).toEqual([""]);
    expect(found({ queue: "q", queueUrl: "http://x/q" })).toEqual(["queueUrl"]);
    expect(found({ queueUrl: "q" })).toEqual(["queueUrl"]);
    expect(found({ queue: "q.fifo" })).toEqual(["messageGroupId"]);
    const made = [{ src: { dependencyName: "a", dataKey: "b" }, dest: "messageGroupId" }];
    expect(found({ queue: "q.fifo", parameters: made })).toEqual([]);
    expect(found({ queue: "q.fifo", messageGroupId: "g", delaySeconds: 1 })).toEqual(["delaySeconds"]);
    expect(found({ queue: "q", accessKey: keys.accessKey, endpoint: "not a url" })).toEqual(["accessKey", "endpoint"]);
  });

  test("firings of one account share a client, and wait for one host", () => {
    const config = sqs.config.parse({ region: "r", queue: "q" });
    expect(sqs.connectionKey?.(config)).toBe(sqs.connectionKey?.({ ...config, queue: "other" }));
    expect(sqs.connectionKey?.(config)).not.toBe(sqs.connectionKey?.({ ...config, region: "s" }));
    expect(sqs.target?.(config)).toBe("sqs.r.amazonaws.com:443");
    expect(sqs.target?.({ ...config, endpoint: "http://127.0.0.1:4566" })).toBe("127.0.0.1:4566");
    expect(sqs.target?.({ ...config, queueUrl: "http://localhost/1/q" })).toBe("localhost:80");
  });
});
