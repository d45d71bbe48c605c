import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, type Message, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { Consumer, stringDeserializers } from "@platformatic/kafka";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithServer } from "../../test/servers/describe.ts";
import { startKafka } from "../../test/servers/kafka.ts";
import type { AwsServer } from "../../test/servers/localstack.ts";
import { startMinistack } from "../../test/servers/ministack.ts";
import { startRedis } from "../../test/servers/redis.ts";
import { placeOf, traceFromAws } from "../lib/trace.ts";
import type { LoadReport } from "./join.ts";
import { load } from "./load.ts";
import { seqOfTrace } from "./target.ts";
import { compileLoadTemplate } from "./template.ts";

/* Each target against a real server: what was sent is read from there, not from us. */

const template = compileLoadTemplate('{"id": "{{ uuid }}", "n": {{ seq }}}');
const options = { template, pace: { perSecond: undefined }, count: 25 } as const;
const numbers = Array.from({ length: 25 }, (_, i) => i + 1);

function seqOf(report: LoadReport, traceparent: string | undefined): number | undefined {
  return seqOfTrace(report.load, placeOf(traceparent ?? "")?.traceId ?? "");
}

describeWithServer("ministack", () => {
  let aws: AwsServer;
  let sqs: SQSClient;
  const place = () => ({ endpoint: aws.endpoint, region: "us-east-1" });
  const client = () => ({ ...place(), credentials: { accessKeyId: "test", secretAccessKey: "test" } });

  beforeAll(async () => {
    aws = await startMinistack();
    sqs = new SQSClient(client());
  });
  afterAll(async () => {
    sqs?.destroy();
    await aws?.stop();
  });

  async function makeQueue(QueueName: string, Attributes: Record<string, string> = {}): Promise<string> {
    return (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? "";
  }

  async function drain(QueueUrl: string, count: number): Promise<readonly Message[]> {
    const all: Message[] = [];
    while (all.length < count) {
      const more = { MaxNumberOfMessages: 10, WaitTimeSeconds: 5, MessageAttributeNames: ["All"] };
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, ...more }));
      if (Messages.length === 0) break;
      all.push(...Messages);
    }
    return all;
  }

  const attribute = ({ MessageAttributes }: Message, name: string) => MessageAttributes?.[name]?.StringValue;

  test("sqs: a queue by its name, in batches, with trace and number as attributes", async () => {
    const url = await makeQueue("load-plain");
    const report = await load({ ...options, ...place(), target: "sqs:load-plain" });
    expect(report).toMatchObject({ valid: { sent: 25, taken: 25 }, ok: true });
    const messages = await drain(url, 25);
    const seen = messages.map((message) => {
      const seq = seqOf(report, attribute(message, "traceparent"));
      expect(attribute(message, "tidemill-load-seq")).toBe(String(seq));
      expect(JSON.parse(message.Body ?? "")).toMatchObject({ n: seq });
      return seq ?? 0;
    });
    expect(seen.toSorted((a, b) => a - b)).toEqual(numbers);
  });

  test("sqs: a FIFO queue by its URL", async () => {
    const url = await makeQueue("load.fifo", { FifoQueue: "true" });
    const report = await load({ ...options, ...place(), target: `sqs:${url}` });
    expect(report.valid).toMatchObject({ taken: 25 });
    expect(await drain(url, 25)).toHaveLength(25);
  });

  test("sqs: a queue that is not there is told before anything is sent", async () => {
    await expect(load({ ...options, ...place(), target: "sqs:load-nowhere" })).rejects.toMatchObject({
      code: "TARGET_UNREACHABLE",
    });
  });

  test("sns: what is published reaches who subscribed", async () => {
    const sns = new SNSClient(client());
    const url = await makeQueue("load-topic");
    const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "load-topic" }));
    const Endpoint = "arn:aws:sqs:us-east-1:000000000000:load-topic";
    const Attributes = { RawMessageDelivery: "true" };
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }));
    const report = await load({ ...options, ...place(), target: `sns:${TopicArn}` });
    expect(report.valid).toMatchObject({ taken: 25 });
    const messages = await drain(url, 25);
    const seen = messages.map((message) => seqOf(report, attribute(message, "traceparent")) ?? 0);
    expect(seen.toSorted((a, b) => a - b)).toEqual(numbers);
    sns.destroy();
  });

  test("eventbridge: source and detail type are of the address, and the trace is in its header", async () => {
    const bridge = new EventBridgeClient(client());
    const url = await makeQueue("load-bus");
    await bridge.send(new CreateEventBusCommand({ Name: "load-bus" }));
    const EventBusName = "load-bus";
    await bridge.send(
      new PutRuleCommand({ Name: "all", EventBusName, EventPattern: '{"source":["jobs"],"detail-type":["Job"]}' }),
    );
    const Targets = [{ Id: "q", Arn: "arn:aws:sqs:us-east-1:000000000000:load-bus" }];
    await bridge.send(new PutTargetsCommand({ Rule: "all", EventBusName, Targets }));
    const target = "eventbridge:load-bus?source=jobs&detail-type=Job";
    const report = await load({ ...options, ...place(), target });
    expect(report.valid).toMatchObject({ taken: 25 });
    const seen = (await drain(url, 25)).map(
      ({ Body = "" }) => (JSON.parse(Body) as { detail: { n: number } }).detail.n,
    );
    expect(seen.toSorted((a, b) => a - b)).toEqual(numbers);
    bridge.destroy();
  });
});

test("the trace header of EventBridge is read as the trace of the message", async () => {
  const { traceOfMessage } = await import("./target.ts");
  const { traceToAws } = await import("../lib/trace.ts");
  const traceparent = traceOfMessage("00112233445566ff", 77);
  expect(traceFromAws(traceToAws({ traceparent }))?.traceparent).toBe(traceparent);
});

describeWithServer("redis", () => {
  test("redis: members become fields, or the whole one field; the trace stands beside them", async () => {
    await using server = await startRedis();
    const redis = new Redis(server.url);
    const report = await load({ ...options, target: `${server.url}/0?stream=jobs` });
    expect(report.valid).toMatchObject({ taken: 25 });
    const entries = await redis.xrange("jobs", "-", "+");
    const fields = entries.map(([, pairs]) =>
      Object.fromEntries(pairs.flatMap((name, i) => (i % 2 === 0 ? [[name, pairs[i + 1]]] : []))),
    );
    expect(fields.map(({ n }) => Number(n)).toSorted((a, b) => a - b)).toEqual(numbers);
    for (const { n, traceparent } of fields) expect(seqOf(report, traceparent)).toBe(Number(n));
    await load({
      ...options,
      count: 3,
      malformed: 1,
      malformedKinds: ["truncated"],
      target: `${server.url}/0?stream=whole&field=body`,
    });
    const whole = await redis.xrange("whole", "-", "+");
    expect(whole).toHaveLength(3);
    for (const [, pairs] of whole) expect(pairs[0]).toBe("body");
    redis.disconnect();
  });

  test("redis: a server that goes away is a failure of each message, and an end", async () => {
    await using server = await startRedis();
    let sent = 0;
    const report = await load({
      ...{ ...options, count: 200, inFlight: 4, pace: { perSecond: 2_000 } },
      target: `${server.url}/0?stream=jobs`,
      progress: () => {
        sent += 1;
        if (sent === 20) void server.kill();
      },
    });
    expect(report.valid.failed).toBeGreaterThan(0);
    expect(report.valid.taken + report.valid.failed).toBe(200);
    expect(report.ok).toBe(false);
  });
});

describeWithServer("kafka", () => {
  test("kafka: a record for each message, with trace and number as headers", async () => {
    await using server = await startKafka();
    const report = await load({ ...options, target: `kafka:${server.broker}/jobs` });
    expect(report).toMatchObject({ valid: { taken: 25 }, reasons: [] });
    const consumer = new Consumer({
      groupId: "g",
      clientId: "c",
      bootstrapBrokers: [server.broker],
      deserializers: stringDeserializers,
    });
    const stream = await consumer.consume({ topics: ["jobs"], mode: "earliest", autocommit: false });
    const seen: number[] = [];
    for await (const record of stream) {
      const seq = seqOf(report, record.headers.get("traceparent"));
      expect(record.headers.get("tidemill-load-seq")).toBe(String(seq));
      expect(JSON.parse(record.value ?? "")).toMatchObject({ n: seq });
      seen.push(seq ?? 0);
      if (seen.length === 25) break;
    }
    await consumer.close(true);
    expect(seen.toSorted((a, b) => a - b)).toEqual(numbers);
  }, 90_000);
});
