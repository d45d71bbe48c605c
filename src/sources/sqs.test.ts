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

interface Can {
  /** A long poll that was aborted takes no message along. */
  readonly strict: boolean;
  /** It knows the system attribute AWSTraceHeader. */
  readonly traces: boolean;
}

function suite(start: () => Promise<Aws>, { strict, traces }: Can): void {
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

  test("with onTriggered a message that fails each time goes to the dead-letter queue of its queue, by the broker", async () => {
    const { QueueUrl: deadUrl = "" } = await client.send(new CreateQueueCommand({ QueueName: `dead-${number}` }));
    const deadLetterTargetArn = `arn:aws:sqs:us-east-1:000000000000:dead-${number}`;
    await createQueue(`todo-${number}`, {
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 3 }),
    });
    const source = receive({ ackPolicy: "onTriggered", retryAfterSeconds: 0, visibilityTimeoutSeconds: 30 });
    const id = await send("poison");
    const good = await send("good");
    const settle = setInterval(() => {
      for (const { draft, receipt } of source.taken)
        source.settle(receipt.id, draft.upstreamId === id ? "failed" : "done");
    }, 20);
    running.defer(() => clearInterval(settle));
    await expect
      .poll(
        async () => {
          const { Messages = [] } = await client.send(
            new ReceiveMessageCommand({ QueueUrl: deadUrl, WaitTimeSeconds: 1 }),
          );
          return Messages.map(({ Body }) => Body);
        },
        { timeout: 20_000 },
      )
      .toEqual(["poison"]);
    await isEmpty();
    const outcomes = (upstreamId: string) =>
      source.taken.flatMap(({ draft, receipt }) => (draft.upstreamId === upstreamId ? [receipt.outcome] : []));
    expect(outcomes(id)).toEqual(["stored", "duplicate", "duplicate"]);
    expect(outcomes(good)).toEqual(["stored"]);
  });

  test("a message that is left comes again as soon as the entry says, and its count of deliveries grows", async () => {
    const source = receive({
      ackPolicy: "onTriggered",
      retryAfterSeconds: 1,
      visibilityTimeoutSeconds: 600,
      receivers: 1,
    });
    await send("again");
    const { receipt } = await source.next();
    source.settle(receipt.id, "failed");
    await source.next(10_000);
    await source.stop();
    // its aborted poll may have taken the message along
    if (!strict) return;
    await expect
      .poll(
        async () => {
          const MessageSystemAttributeNames = ["ApproximateReceiveCount"] as const;
          const { Messages = [] } = await client.send(
            new ReceiveMessageCommand({ QueueUrl: url, MessageSystemAttributeNames: [...MessageSystemAttributeNames] }),
          );
          return Number(Messages[0]?.Attributes?.ApproximateReceiveCount ?? 0);
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThanOrEqual(3);
  });

  describe("a trace", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const ofAws = "00-11111111222222222222222222222222-3333333333333333-01";
    const header = "Root=1-11111111-222222222222222222222222;Parent=3333333333333333;Sampled=1";
    const attributes = (held: Record<string, string>) => ({
      MessageAttributes: Object.fromEntries(
        Object.entries(held).map(([name, StringValue]) => [name, { DataType: "String", StringValue }]),
      ),
    });
    const system = {
      MessageSystemAttributes: { AWSTraceHeader: { DataType: "String" as const, StringValue: header } },
    };

    test("is taken from the attributes of the message, then from what a topic put into its body", async () => {
      const source = receive({ receivers: 1 });
      const traceOf = async (body: string, more: object = {}) => {
        await send(body, more);
        return (await source.next()).draft.trace;
      };
      expect(await traceOf("x")).toBeUndefined();
      expect(await traceOf("x", attributes({ traceparent, tracestate: "a=1" }))).toEqual({
        traceparent,
        tracestate: "a=1",
      });
      expect(await traceOf("x", attributes({ traceparent: "junk" }))).toBeUndefined();
      const MessageAttributes = { traceparent: { Type: "String", Value: traceparent } };
      const envelope = { Type: "Notification", TopicArn: "arn:x", Message: "m", MessageAttributes };
      expect(await traceOf(JSON.stringify(envelope))).toEqual({ traceparent });
      expect(await traceOf(JSON.stringify({ ...envelope, Type: "x" }))).toBeUndefined();
      expect(await traceOf('{"traceparent" "TopicArn"')).toBeUndefined();
    });

    test.runIf(traces)("is taken from X-Ray's header, but W3C's wins", async () => {
      const source = receive({ receivers: 1 });
      await send("x", system);
      expect((await source.next()).draft.trace).toEqual({ traceparent: ofAws });
      await send("x", { ...system, ...attributes({ traceparent }) });
      expect((await source.next()).draft.trace).toEqual({ traceparent });
    });
  });

  describe("an envelope of EventBridge", () => {
    const envelope =
      '{"version":"0","id":"e-1","detail-type":"job","source":"jobs","account":"000000000000","time":"2026-01-05T09:00:00Z","region":"us-east-1","resources":[],"detail":{"n": 12345678901234567890}}';

    test("becomes the event's data as it is, where the entry says so", async () => {
      const source = receive({ envelope: "eventBridge" });
      await send(`${envelope}\n`);
      const one = await source.next();
      expect(dataOf(one).text).toBe(envelope);
      expect(one.draft.upstreamId).toBe("e-1");
      expect(Math.abs((one.draft.sentUs ?? 0) / 1000 - Date.now())).toBeLessThan(60_000);
      await isEmpty();
    });

    test("has the entry's metadata behind it", async () => {
      const source = receive({ envelope: "eventBridge", metadata: { team: "x" } });
      await send(envelope);
      expect(dataOf(await source.next()).text).toBe(`${envelope.slice(0, -1)},"metadata":{"team":"x"}}`);
    });

    test("is a body like any other where the entry does not say so", async () => {
      const source = receive({ jsonBody: true });
      await send(envelope);
      expect(bodyOf(await source.next())).toMatchObject({ source: "jobs" });
    });

    test("that a message is not is refused in a sentence, and dead-lettered where the queue can", async () => {
      const source = receive({ envelope: "eventBridge", dlq: true });
      const bodies = ["no json", "[]", '{"id":"1","source":"s","detail-type":"t","detail":1}', '{"source":"s"}'];
      for (const body of [...bodies, '{"Type":"Notification","TopicArn":"arn:x"}']) await send(body);
      await source.until(({ refusals }) => refusals.length === 5);
      const reasons = source.refusals.map(({ reason }) => reason).join("\n");
      for (const word of [
        "not JSON",
        "is a JSON object",
        "detail is no JSON object",
        "has no id",
        "raw message delivery",
      ]) {
        expect(reasons).toContain(word);
      }
      expect(await counts()).toEqual({ visible: 0, hidden: 5 });
    });
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
  suite(() => startStandIn({ queues: [], topics: [] }), { strict: true, traces: false });
});

describeWithServer("ministack", () => suite(startMinistack, { strict: false, traces: true }));

describeWithServer("localstack", () => suite(startLocalstack, { strict: true, traces: true }));

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
