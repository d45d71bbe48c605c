import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startStandIn } from "../../examples/stand-in/stand-in.ts";
import { describeWithServer } from "../../test/servers/describe.ts";
import { startLocalstack } from "../../test/servers/localstack.ts";
import { startMinistack } from "../../test/servers/ministack.ts";
import { dataOf, type Trial, type TrialOptions, trial } from "../kit/testing.ts";
import type { Taken } from "../kit/testing-bench.ts";
import { sqs } from "./sqs.ts";

const secrets = { "aws/id": "test", "aws/secret": "test-secret-key" };
const keys = { accessKey: { name: "aws", key: "id" }, secretKey: { name: "aws", key: "secret" } };

interface Aws extends AsyncDisposable {
  readonly endpoint: string;
}

function suite(start: () => Promise<Aws>, { strict }: { readonly strict: boolean }): void {
  let aws: Aws;
  let client: SQSClient;
  let running: AsyncDisposableStack;
  let queue = "";
  let url = "";
  let number = 0;

  beforeAll(async () => {
    aws = await start();
    client = new SQSClient({
      endpoint: aws.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      useQueueUrlAsEndpoint: false,
    });
  });
  afterAll(async () => {
    client?.destroy();
    await aws?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    running = new AsyncDisposableStack();
    await createQueue(`orders-${++number}`);
  });
  afterEach(() => running.disposeAsync());

  async function createQueue(name: string, attributes: Record<string, string> = {}): Promise<void> {
    queue = name;
    const made = await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
    url = made.QueueUrl ?? "";
  }
  const receive = (config: object = {}, options: TrialOptions = {}): Trial =>
    running.use(
      trial(
        sqs,
        { region: "us-east-1", queue, endpoint: aws.endpoint, waitTimeSeconds: 1, ...keys, ...config },
        { secrets, ...options },
      ),
    );
  const send = async (body: string, more: object = {}): Promise<string> =>
    (await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body, ...more }))).MessageId ?? "";
  const counts = async (): Promise<{ readonly visible: number; readonly hidden: number }> => {
    const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
    const { Attributes = {} } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...names] }),
    );
    return { visible: Number(Attributes[names[0]]), hidden: Number(Attributes[names[1]]) };
  };
  const isEmpty = () => expect.poll(counts, { timeout: 5_000 }).toEqual({ visible: 0, hidden: 0 });
  const bodyOf = (one: Taken): unknown => (dataOf(one).json as { readonly body: unknown }).body;

  test("a message becomes the event that Argo Events makes of it, and is deleted", async () => {
    const source = receive({ metadata: { team: "x" } });
    await source.ready();
    const id = await send('{"a": 1}', {
      MessageAttributes: {
        kind: { DataType: "String", StringValue: "new <order>" },
        bytes: { DataType: "Binary", BinaryValue: Buffer.from([0, 255]) },
      },
    });
    const one = await source.next();
    expect(dataOf(one).text).toBe(
      `{"messageId":"${id}","messageAttributes":{` +
        '"bytes":{"BinaryListValues":null,"BinaryValue":"AP8=","DataType":"Binary","StringListValues":null,"StringValue":null},' +
        '"kind":{"BinaryListValues":null,"BinaryValue":null,"DataType":"String","StringListValues":null,"StringValue":"new \\u003corder\\u003e"}},' +
        '"body":"eyJhIjogMX0=","metadata":{"team":"x"}}',
    );
    expect(one.draft.upstreamId).toBe(id);
    expect(Math.abs((one.draft.sentUs ?? 0) / 1000 - Date.now())).toBeLessThan(60_000);
    await isEmpty();
    await source.until(({ acknowledged }) => acknowledged.length === 1);
    expect(source.acknowledged).toEqual([one.receipt.id]);
  });

  test("a JSON body is embedded, compacted; no attributes are null", async () => {
    const source = receive({ jsonBody: true });
    const id = await send('{ "id": 12345678901234567890, "text": "a b" }');
    expect(dataOf(await source.next()).text).toBe(
      `{"messageId":"${id}","messageAttributes":null,"body":{"id":12345678901234567890,"text":"a b"}}`,
    );
    await isEmpty();
  });

  test("a message is not deleted before the bus has it, and goes back when the source stops", async () => {
    const source = receive();
    await source.ready();
    source.break();
    await send("kept");
    await source.until(({ emits }) => emits >= 2);
    expect(await counts()).toEqual({ visible: 0, hidden: 1 });
    expect(source.status).toMatchObject({ waiting: expect.stringContaining("the bus does not take events") });
    await source.stop();
    // long before its visibility timeout of 120 s
    const next = receive();
    expect(bodyOf(await next.next(10_000))).toBe(Buffer.from("kept").toString("base64"));
    await isEmpty();
  });

  test("a message stays hidden for as long as the bus is slow, and comes once", async () => {
    const source = receive({ visibilityTimeoutSeconds: 2 });
    await source.ready();
    source.hold();
    await send("slow");
    await source.until(({ emits }) => emits === 1);
    // somebody else waits twice its visibility timeout for it, in vain
    const rival = await client.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 4 }));
    expect(rival.Messages ?? []).toEqual([]);
    source.mend();
    await source.next();
    await isEmpty();
    expect(source.taken.length).toBe(1);
  });

  test("a message that was taken but not deleted comes again with the same upstream id", async () => {
    const first = receive();
    await first.ready();
    first.hold();
    const id = await send("twice");
    await first.until(({ emits }) => emits === 1);
    await first.stop();
    const second = receive();
    expect((await second.next()).draft.upstreamId).toBe(id);
    await isEmpty();
  });

  test("a body that is no JSON is refused for all to see, and deleted", async () => {
    const source = receive({ jsonBody: true });
    const id = await send("no json");
    await send('{"ok":1}');
    expect(bodyOf(await source.next())).toEqual({ ok: 1 });
    await source.until(({ refusals }) => refusals.length === 1);
    expect(source.refusals[0]).toMatchObject({
      upstreamId: id,
      reason: expect.stringContaining("jsonBody is set, but the body is not JSON"),
    });
    await isEmpty();
  });

  test("with dlq it is left to the queue's redrive policy", async () => {
    const source = receive({ jsonBody: true, dlq: true });
    await send("no json");
    await source.until(({ refusals }) => refusals.length === 1);
    await send('{"ok":1}');
    await source.next();
    await expect.poll(counts, { timeout: 5_000 }).toEqual({ visible: 0, hidden: 1 });
  });

  test("a batch is handed over together", async () => {
    const entries = Array.from({ length: 10 }, (_, i) => ({ Id: String(i), MessageBody: `m${i}` }));
    await client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: entries }));
    const source = receive({ receivers: 1 });
    await source.until(({ taken }) => taken.length === 10);
    const bodies = source.taken.map((one) => Buffer.from(String(bodyOf(one)), "base64").toString());
    expect(bodies.sort()).toEqual(entries.map(({ MessageBody }) => MessageBody));
    expect(source.emits).toBeLessThan(10);
    await isEmpty();
  });

  test("a FIFO queue keeps the order of each group, with several receivers", async () => {
    await createQueue(`orders-${number}.fifo`, { FifoQueue: "true" });
    const count = 30;
    for (let i = 0; i < count; i++) {
      await send(JSON.stringify({ group: i % 3, i }), { MessageGroupId: `g${i % 3}`, MessageDeduplicationId: `d${i}` });
    }
    const source = receive({ jsonBody: true, receivers: 3 });
    await source.until(({ taken }) => taken.length >= count, 20_000);
    const bodies = source.taken.map((one) => bodyOf(one) as { readonly group: number; readonly i: number });
    for (const group of [0, 1, 2]) {
      const order = bodies.filter((body) => body.group === group).map(({ i }) => i);
      expect(order).toEqual(Array.from({ length: count / 3 }, (_, n) => n * 3 + group));
    }
    await isEmpty();
  });

  test("with onTriggered a message is deleted when its firings are done, and kept when they failed", async () => {
    const source = receive({ ackPolicy: "onTriggered", visibilityTimeoutSeconds: 30 });
    await send("good");
    await send("bad");
    await source.until(({ taken }) => taken.length === 2);
    expect(await counts()).toEqual({ visible: 0, hidden: 2 });
    for (const one of source.taken) {
      const text = Buffer.from(String(bodyOf(one)), "base64").toString();
      source.settle(one.receipt.id, text === "good" ? "done" : "failed");
    }
    await expect.poll(counts, { timeout: 5_000 }).toEqual({ visible: 0, hidden: 1 });
  });

  test("with onTriggered a slow firing does not keep the messages behind it from coming", async () => {
    const source = receive({ ackPolicy: "onTriggered", receivers: 1 });
    for (const body of ["a", "b", "c"]) {
      await send(body);
      await source.next();
    }
    expect(source.acknowledged).toEqual([]);
    for (const { receipt } of source.taken) source.settle(receipt.id, "done");
    await isEmpty();
  });

  test("a filtered message is deleted", async () => {
    const source = receive({ ackPolicy: "onTriggered" });
    await source.ready();
    source.answer(() => ({ outcome: "filtered", reason: "not for us" }));
    await send("x");
    await source.next();
    await isEmpty();
  });

  test("a queue that does not exist is an error that says so, without the keys", async () => {
    const source = receive({ queue: "nowhere" });
    const error: unknown = await source.ready().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "UPSTREAM_GONE", message: expect.stringContaining("finding queue nowhere") });
    expect(JSON.stringify([source.log, String(error)])).not.toContain("test-secret-key");
  });

  test("a stop in a long poll takes no second, and takes no message along", async () => {
    const source = receive({ waitTimeSeconds: 20 });
    await source.ready();
    await source.stop();
    if (!strict) return;
    await send("later");
    const next = receive();
    await next.next();
  });

  test("a message whose handle is lost while it is handed over does not stop the others", async () => {
    const source = receive({ visibilityTimeoutSeconds: 30, receivers: 1 });
    await source.ready();
    source.hold();
    await send("one");
    await source.until(({ emits }) => emits === 1);
    await client
      .send(new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle: "made-up", VisibilityTimeout: 0 }))
      .catch(() => undefined);
    source.mend();
    await source.next();
    await send("two");
    await source.next();
    await isEmpty();
  });
}

describe("with the stand-in of the examples", () => {
  suite(() => startStandIn({ queues: [], topics: [] }), { strict: true });
});

describeWithServer("ministack", () => suite(startMinistack, { strict: false }));

describeWithServer("localstack", () => suite(startLocalstack, { strict: true }));

test("a missing secret is told as such", async () => {
  const source = trial(sqs, { region: "us-east-1", queue: "q", endpoint: "http://127.0.0.1:1", ...keys });
  await expect(source.ready()).rejects.toMatchObject({ code: "SECRET_MISSING" });
});

test("a server that cannot be reached is an error that the supervisor tries again", async () => {
  const source = trial(sqs, { region: "us-east-1", queue: "q", endpoint: "http://127.0.0.1:1", ...keys }, { secrets });
  await expect(source.ready()).rejects.toMatchObject({ code: "UPSTREAM_FAILED", retry: "backoff" });
});

test("lint finds half a key pair and an endpoint that is no URL", () => {
  const config = sqs.config.parse({ region: "r", queue: "q", accessKey: keys.accessKey, endpoint: "localhost:4566 " });
  expect([...(sqs.lint?.(config) ?? [])].map(({ path }) => path)).toEqual([["accessKey"]]);
  const bad = sqs.config.parse({ region: "r", queue: "q", endpoint: "not a url" });
  expect([...(sqs.lint?.(bad) ?? [])].map(({ path }) => path)).toEqual([["endpoint"]]);
});
